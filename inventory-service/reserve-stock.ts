import { announce, causedBy, type Announcement } from '../shared/events/announce';
import type { Event } from '../shared/events/envelope';
import type { Handler } from '../shared/messaging/handler';
import { announceLowStock } from './low-stock';
import { lockReservations, setReservations } from './reservations';
import type { Taken } from './stock';
import { lockStock, recordMovements, type CausedMovement } from './stock-rows';

type Placed = Event<'order.placed.v1'>;
interface Decision {
  order: Placed;
  taken: Taken;
}

/** An order was placed: takes all of its lines from the stock, or none, and says which. */
export const reserveStock: Handler<'order.placed.v1'> = async (tx, orders) => {
  // Locked in this order, and asked for together.
  const [reservations, stock] = await Promise.all([
    lockReservations(tx, orders.map(orderId), 'DEDUCTED'),
    lockStock(
      tx,
      orders.flatMap((order) => order.data.items.map((line) => line.menu_item_id)),
    ),
  ]);
  // A known order was handled before, or cancelled before it came: nothing is taken for it (again).
  const fresh = new Set(orders.map(orderId).filter((id) => reservations.get(id)?.isNew));
  // delete() is true once an id, so that of two events about one order the first counts.
  const toDecide = orders.filter((order) => fresh.delete(orderId(order)));
  const decisions = toDecide.map((order) => ({ order, taken: stock.take(order.data.items) }));

  await recordMovements(tx, decisions.flatMap(deductions));
  await setReservations(
    tx,
    decisions.filter(({ taken }) => !taken.ok).map(({ order }) => orderId(order)),
    'REJECTED',
  );
  return decisions.flatMap(announceDecision);
};

const orderId = (order: Placed) => order.data.order_id;

const deductions = ({ order, taken }: Decision): CausedMovement[] =>
  taken.ok
    ? taken.movements.map((movement) => ({
        movement,
        cause: { kind: 'DEDUCTION', orderId: orderId(order), causedBy: order.id },
      }))
    : [];

function announceDecision({ order, taken }: Decision): Announcement[] {
  const origin = causedBy(order);
  const { order_id, restaurant_id } = order.data;
  if (!taken.ok) {
    const data = { order_id, restaurant_id, reason: 'OUT_OF_STOCK' as const, shortages: taken.shortages };
    return [announce(origin, 'order.cancellation.required.v1', order_id, data)];
  }
  const items = taken.movements.map(({ item, delta, after }) => ({
    menu_item_id: item.menu_item_id,
    quantity: -delta,
    available_qty: after,
  }));
  return [
    announce(origin, 'inventory.deducted.success.v1', order_id, { order_id, restaurant_id, items }),
    ...taken.movements.flatMap((movement) => announceLowStock(origin, movement)),
  ];
}
