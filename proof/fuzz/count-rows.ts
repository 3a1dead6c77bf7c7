import type { Database } from '../../shared/service/database';

export type Rows = Record<string, number>;

/**
 * What is written at intervals, and not for each order; of dead letters, for each bad message; and the sums of
 * analytics-service, which have a row for a minute rather than an order, and which the audit compares with the orders.
 */
const OTHERWISE =
  /^(_.*|delivery_failures|notification_batches|consumer_progress|consumer_watermarks|analytics_(item_sales|lead_times|open_orders|sales)|relay_.*)$/;

/** How many rows every table has. */
export async function countRows(database: Database): Promise<Rows> {
  const tables = await database.$queryRaw<{ name: string }[]>`
    SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND NOT relispartition ORDER BY relname`;
  const rows: Rows = {};
  for (const { name } of tables.filter((one) => !OTHERWISE.test(one.name))) {
    const [counted] = await database.$queryRawUnsafe<{ count: bigint }[]>(`SELECT count(*) FROM "${name}"`);
    rows[name] = Number(counted?.count);
  }
  return rows;
}

/** What is there more than before. */
export const growth = (from: Rows, to: Rows): Rows =>
  Object.fromEntries(Object.entries(to).map(([table, count]) => [table, count - (from[table] ?? 0)]));

/** So many times one, and so many times another. */
export const sum = (a: Rows, times: number, b: Rows, timesB: number): Rows =>
  Object.fromEntries(
    Object.keys(a).map((table) => [table, times * (a[table] ?? 0) + timesB * (b[table] ?? 0)]),
  );
