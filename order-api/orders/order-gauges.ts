import type { Database } from '../../shared/service/database';
import { readGauge, SHORT_REST, type Reading } from '../../shared/service/metrics';

/** What only the database knows of all orders: every order-api says the same, so take one, not the sum. */
export function readOrderGauges(database: Database): void {
  readGauge(
    'ordermesh_orders',
    'Orders by status, counted in the database: every order-api says the same, so take one',
    ['status'],
    async () => {
      const counts = await database.$queryRaw<{ status: string; count: bigint }[]>`
        SELECT status, count(*) AS count FROM orders GROUP BY status`;
      return counts.map(({ status, count }) => ({ labels: { status }, value: Number(count) }));
    },
  );
  readGauge(
    'ordermesh_orders_oldest_placed_seconds',
    'For how long the order has been PLACED that has been so for longest; 0 where there is none',
    [],
    async () =>
      valueOf(
        await database.$queryRaw`
          SELECT coalesce(extract(epoch FROM clock_timestamp() - min(placed_at)), 0)::float8 AS value
          FROM orders WHERE status = 'PLACED'`,
      ),
    { rest: SHORT_REST },
  );
  readGauge(
    'ordermesh_outbox_oldest_seconds',
    'The age of the oldest event that is committed and not published yet; 0 where there is none',
    [],
    // The relay says the same. Who does not relay cannot say so.
    async () =>
      valueOf(
        await database.$queryRaw`
          SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS value
          FROM (SELECT created_at FROM outbox_events ORDER BY seq LIMIT 1) AS oldest`,
      ),
    { rest: SHORT_REST },
  );
}

const valueOf = (rows: { value: number }[]): Reading => rows.map(({ value }) => ({ labels: {}, value }));
