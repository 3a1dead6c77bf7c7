import type { Event } from '../shared/events/envelope';
import type { Tx } from '../shared/service/database';

export type StockEvent = Event<'inventory.low_stock.v1' | 'inventory.out_of_stock.v1'>;

/** Keeps each time that an item ran low or out, once, in every generation that is kept. */
export async function countStockAlerts(tx: Tx, events: StockEvent[]): Promise<[]> {
  await countStockAlertsIn(tx, events);
  return [];
}

/** @param generation this one alone; all that are kept, if absent */
export async function countStockAlertsIn(
  tx: Tx,
  events: readonly StockEvent[],
  generation?: number,
): Promise<void> {
  const rows = events.map(({ id, source, type, time, data }) => ({
    event_id: id,
    event_source: source,
    kind: type === 'inventory.out_of_stock.v1' ? 'OUT' : 'LOW',
    restaurant_id: data.restaurant_id,
    menu_item_id: data.menu_item_id,
    available_qty: data.available_qty,
    happened_at: time,
  }));
  const only = generation ?? null;
  await tx.$executeRaw`
    INSERT INTO analytics_stock_alerts (generation, event_id, event_source, kind, restaurant_id, menu_item_id, available_qty, happened_at)
    SELECT g.id, e.event_id, e.event_source, e.kind, e.restaurant_id, e.menu_item_id, e.available_qty, e.happened_at
    FROM analytics_generations g CROSS JOIN json_to_recordset(${JSON.stringify(rows)}::json) AS e (
      event_id uuid, event_source text, kind text, restaurant_id uuid, menu_item_id uuid, available_qty bigint, happened_at timestamptz)
    WHERE g.state <> 'RETIRED' AND (${only}::int IS NULL OR g.id = ${only}::int)
    ORDER BY 1, 2, 3
    ON CONFLICT (generation, event_id, event_source) DO NOTHING`;
}
