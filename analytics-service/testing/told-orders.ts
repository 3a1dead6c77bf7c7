import { anEvent } from '../../shared/testing/events';
import { newId } from '../../shared/ids';
import { Decimal } from '../../shared/money';
import type { OrderEvent } from '../order-facts';

/** An order's life by when things happened, in minutes after {@link EPOCH}. */
export interface ToldOrder {
  id: string;
  restaurant: string;
  currency: string;
  lines: { menu_item_id: string; quantity: number; price: string }[];
  placed?: number;
  preparing?: number;
  out?: number;
  delivered?: number;
  cancelled?: number;
  reason?: string;
}

export const EPOCH = Date.UTC(2026, 10, 20, 9, 58);
export const at = (minutes: number) => new Date(EPOCH + Math.round(minutes * 60_000));

export const totalOf = (order: ToldOrder) =>
  order.lines.reduce(
    (sum, { price, quantity }) => sum.plus(new Decimal(price).times(quantity)),
    new Decimal(0),
  );

/** The events that tell of it, in the order of its life. */
export function eventsOf(order: ToldOrder): OrderEvent[] {
  const facts = { order_id: order.id, restaurant_id: order.restaurant };
  const move = (minutes: number, from: string) => ({
    ...facts,
    previous_status: from,
    actor: 'STAFF' as const,
    changed_at: at(minutes).toISOString(),
  });
  const items = order.lines.map((line) => ({ ...line, name: 'Dal' }));
  const money = { total_amount: totalOf(order).toNumber(), currency: order.currency };
  const told: (OrderEvent | false)[] = [
    order.placed !== undefined &&
      anEvent('order.placed.v1', order.id, {
        ...facts,
        ...money,
        items,
        payment_method: 'CASH',
        placed_at: at(order.placed).toISOString(),
      }),
    order.preparing !== undefined &&
      anEvent('order.status.preparing.v1', order.id, {
        ...move(order.preparing, 'PLACED'),
        status: 'PREPARING',
      }),
    order.out !== undefined &&
      anEvent('order.status.out_for_delivery.v1', order.id, {
        ...move(order.out, 'PREPARING'),
        status: 'OUT_FOR_DELIVERY',
      }),
    order.delivered !== undefined &&
      anEvent('order.status.delivered.v1', order.id, {
        ...move(order.delivered, 'OUT_FOR_DELIVERY'),
        status: 'DELIVERED',
      }),
    order.cancelled !== undefined &&
      anEvent('order.cancelled.v1', order.id, {
        ...move(order.cancelled, 'PLACED'),
        // Nobody may count by these: the order is what it was when it was placed.
        items: [],
        total_amount: 0,
        currency: 'XXX',
        reason: (order.reason ?? 'CUSTOMER') as 'CUSTOMER',
      }),
  ];
  return told.filter((event) => event !== false);
}

export const anOrder = (more: Partial<ToldOrder> = {}): ToldOrder => ({
  id: newId(),
  restaurant: newId(),
  currency: 'INR',
  lines: [{ menu_item_id: newId(), quantity: 2, price: '60.25' }],
  placed: 0,
  ...more,
});
