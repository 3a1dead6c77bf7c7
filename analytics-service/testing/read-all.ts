import type { Database } from '../../shared/service/database';

/** Every number of the read models, of the generation that is LIVE unless said otherwise, in one order: equal where they are the same. */
export async function readAll(database: Database, generation?: number): Promise<Record<string, unknown[]>> {
  const of =
    generation ?? (await database.analyticsGeneration.findFirstOrThrow({ where: { state: 'LIVE' } })).id;
  const read = async (sql: string) =>
    (
      await database.$queryRawUnsafe<{ row: unknown }[]>(
        `SELECT to_jsonb(t) - 'generation' AS row FROM (${sql}) t
      ORDER BY 1`,
        of,
      )
    ).map(({ row }) => row);
  return {
    sales: await read('SELECT *, trim_scale(amount) AS amount_ FROM analytics_sales WHERE generation = $1'),
    items: await read('SELECT * FROM analytics_item_sales WHERE generation = $1'),
    leads: await read('SELECT * FROM analytics_lead_times WHERE generation = $1'),
    open: await read('SELECT * FROM analytics_open_orders WHERE generation = $1 AND orders <> 0'),
    alerts: await read('SELECT * FROM analytics_stock_alerts WHERE generation = $1'),
    orders: await read(
      `SELECT order_id, restaurant_id, currency, total_amount, lines::text AS lines, placed_at, preparing_at,
        out_for_delivery_at, delivered_at, cancelled_at, cancel_reason FROM analytics_orders WHERE generation = $1`,
    ),
  };
}
