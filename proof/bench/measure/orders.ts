import type { World } from '../environment/world';

// What became of orders, read from the database afterwards: it burdens nobody while something is measured. The peers of
// the duel have the same columns.

type Query = Pick<World, 'query'>;
interface Between {
  /** In milliseconds since the epoch, the end not included. */
  from: number;
  to: number;
}

/** From `placed_at` to the move to PREPARING, of the orders placed in a time. Both are this machine's clock. */
export const waitsOf = ({ query }: Query, { from, to }: Between): Promise<{ at: number; ms: number }[]> =>
  query(
    `SELECT extract(epoch FROM o.placed_at)::float8 * 1000 AS at,
       extract(epoch FROM h.moved_at - o.placed_at)::float8 * 1000 AS ms
     FROM orders o JOIN order_status_history h ON h.order_id = o.id AND h.to_status = 'PREPARING'
     WHERE o.placed_at >= to_timestamp($1 / 1000.0) AND o.placed_at < to_timestamp($2 / 1000.0)`,
    [from, to],
  );

/** How many became PREPARING in a time, by stretches of it. */
export async function preparedIn(
  { query }: Query,
  { from, to }: Between,
  stretches: number,
): Promise<number[]> {
  const rows = await query<{ orders: number }>(
    `SELECT count(*)::int AS orders FROM order_status_history
     WHERE to_status = 'PREPARING' AND moved_at >= to_timestamp($1 / 1000.0) AND moved_at < to_timestamp($2 / 1000.0)
     GROUP BY width_bucket(extract(epoch FROM moved_at)::float8 * 1000, $1, $2, $3)
     ORDER BY width_bucket(extract(epoch FROM min(moved_at))::float8 * 1000, $1, $2, $3)`,
    [from, to, stretches],
  );
  return rows.map(({ orders }) => orders);
}
