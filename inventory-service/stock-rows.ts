import { Prisma, type Tx } from '../shared/service/database';
import { write } from '../shared/service/transaction';
import { Stock, type Movement, type StockItem } from './stock';

/** Who a movement belongs to, and the event that caused it. */
export type MovementCause = { causedBy: string } & (
  { kind: 'DEDUCTION' | 'RESTORATION'; orderId: string } | { kind: 'ADJUSTMENT'; adjustmentId: string }
);

export interface CausedMovement {
  movement: Movement;
  cause: MovementCause;
}

/**
 * Locks the stock rows of the items, in id order: two transactions that want the same items in
 * opposite order wait for each other in turn and never in a circle.
 */
export async function lockStock(tx: Tx, menuItemIds: Iterable<string>): Promise<Stock> {
  const ids = [...new Set(menuItemIds)].sort();
  const items = await tx.$queryRaw<StockItem[]>`
    SELECT s.menu_item_id, s.available, m.restaurant_id, m.name, m.low_stock_threshold
    FROM stock_levels s JOIN menu_items m ON m.id = s.menu_item_id
    WHERE s.menu_item_id = ANY(${ids}::uuid[])
    ORDER BY s.menu_item_id
    FOR UPDATE OF s`;
  return new Stock(items);
}

/** Writes movements to the ledger, in their order, and their sums to the stock. */
export async function recordMovements(tx: Tx, movements: readonly CausedMovement[]): Promise<void> {
  if (movements.length === 0) return;
  const rows = movements.map(({ movement, cause }, position) => ({
    position,
    menu_item_id: movement.item.menu_item_id,
    kind: cause.kind,
    delta: movement.delta,
    balance: movement.after,
    order_id: cause.kind === 'ADJUSTMENT' ? null : cause.orderId,
    adjustment_id: cause.kind === 'ADJUSTMENT' ? cause.adjustmentId : null,
    caused_by: cause.causedBy,
  }));
  await write(
    tx,
    Prisma.sql`
    WITH moved AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS m (
        position int, menu_item_id uuid, kind text, delta int, balance int, order_id uuid, adjustment_id uuid, caused_by uuid)
    ), ledger AS (
      INSERT INTO stock_movements (menu_item_id, kind, delta, balance, order_id, adjustment_id, caused_by)
      SELECT menu_item_id, kind, delta, balance, order_id, adjustment_id, caused_by FROM moved ORDER BY position
    )
    UPDATE stock_levels s SET available = s.available + sums.delta, updated_at = now()
    FROM (SELECT menu_item_id, sum(delta)::int AS delta FROM moved GROUP BY menu_item_id) sums
    WHERE s.menu_item_id = sums.menu_item_id`,
  );
}
