import type { EventData, EventType } from '../shared/events/contracts';
import type { Event } from '../shared/events/envelope';

/** What an event tells of an order; each tells one. */
export type Fact = 'placed' | 'preparing' | 'out_for_delivery' | 'delivered' | 'cancelled';

const facts = {
  'order.placed.v1': 'placed',
  'order.status.preparing.v1': 'preparing',
  'order.status.out_for_delivery.v1': 'out_for_delivery',
  'order.status.delivered.v1': 'delivered',
  'order.cancelled.v1': 'cancelled',
} as const satisfies { [T in EventType]?: Fact };

export type OrderEvent = Event<keyof typeof facts>;

export const factOf = (event: OrderEvent): Fact => facts[event.type];

/** What is kept of a text that somebody else may have written: it is part of a key. */
const LONGEST = 64;
const short = (text: string) =>
  Array.from(text.slice(0, 2 * LONGEST))
    .slice(0, LONGEST)
    .join('');

/** A row of `analytics_orders` as far as one event knows it, with the names of its columns. */
export function orderRow(event: OrderEvent): Record<string, unknown> {
  const { order_id, restaurant_id } = event.data;
  const row = { order_id, restaurant_id };
  switch (event.type) {
    case 'order.placed.v1': {
      const { currency, total_amount, items, placed_at } = event.data as EventData<'order.placed.v1'>;
      const lines = items.map(({ menu_item_id, quantity, price }) => ({ menu_item_id, quantity, price }));
      return { ...row, currency: short(currency), total_amount, lines, placed_at };
    }
    case 'order.cancelled.v1': {
      const { reason, changed_at } = event.data as EventData<'order.cancelled.v1'>;
      return { ...row, cancelled_at: changed_at, cancel_reason: short(String(reason)) };
    }
    default:
      return { ...row, [`${factOf(event)}_at`]: (event.data as { changed_at: string }).changed_at };
  }
}
