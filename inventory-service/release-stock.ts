import { announce, causedBy } from '../shared/events/announce';
import type { Event } from '../shared/events/envelope';
import { groupBy } from '../shared/group-by';
import type { Handler } from '../shared/messaging/handler';
import type { Tx } from '../shared/service/database';
import { lockReservations, setReservations } from './reservations';
import type { StockLine } from './stock';
import { lockStock, recordMovements } from './stock-rows';

type Cancelled = Event<'order.cancelled.v1'>;

/**
 * An order was cancelled: gives back exactly what the ledger holds for it, once. One that got nothing,
 * or that has not even arrived yet, is marked so that nothing is ever taken for it.
 */
export const releaseStock: Handler<'order.cancelled.v1'> = async (tx, cancellations) => {
  const reservations = await lockReservations(tx, cancellations.map(orderId), 'CANCELLED');
  const inState = (state: string) =>
    [...reservations]
      .filter(([, reservation]) => !reservation.isNew && reservation.state === state)
      .map(([id]) => id);
  const deducted = inState('DEDUCTED');
  const held = await heldStock(tx, deducted);

  const stock = await lockStock(
    tx,
    [...held.values()].flat().map((line) => line.menu_item_id),
  );
  const toRestore = new Set(held.keys());
  const restorations = cancellations
    .filter((event) => toRestore.delete(orderId(event)))
    .map((event) => ({ event, movements: stock.giveBack(held.get(orderId(event)) ?? []) }));

  await recordMovements(
    tx,
    restorations.flatMap(({ event, movements }) =>
      movements.map((movement) => ({
        movement,
        cause: { kind: 'RESTORATION', orderId: orderId(event), causedBy: event.id },
      })),
    ),
  );
  await setReservations(tx, deducted, 'RESTORED');
  await setReservations(tx, inState('REJECTED'), 'CANCELLED');
  return restorations.map(({ event, movements }) =>
    announce(causedBy(event), 'inventory.restored.v1', orderId(event), {
      order_id: orderId(event),
      restaurant_id: event.data.restaurant_id,
      items: movements.map(({ item, delta, after }) => ({
        menu_item_id: item.menu_item_id,
        quantity: delta,
        available_qty: after,
      })),
    }),
  );
};

const orderId = (event: Cancelled) => event.data.order_id;

/** What the ledger says the orders hold, by order. */
async function heldStock(tx: Tx, orderIds: string[]): Promise<Map<string, StockLine[]>> {
  if (orderIds.length === 0) return new Map();
  const rows = await tx.$queryRaw<(StockLine & { order_id: string })[]>`
    SELECT order_id, menu_item_id, (-sum(delta))::int AS quantity
    FROM stock_movements WHERE order_id = ANY(${orderIds}::uuid[])
    GROUP BY order_id, menu_item_id HAVING sum(delta) < 0
    ORDER BY order_id, menu_item_id`;
  return groupBy(rows, (row) => row.order_id);
}
