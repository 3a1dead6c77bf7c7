import { announce, type Announcement, type Origin } from '../../shared/events/announce';
import type { PaymentMethod } from '../../shared/events/contracts';
import { amountAsNumber } from '../../shared/money';
import type { PricedOrder } from './price-lines';

interface PlacedOrder extends PricedOrder {
  id: string;
  version: number;
  restaurant_id: string;
  customer_id?: string | null;
  reference?: string | null;
  payment_method: PaymentMethod;
}

/** What is said of an order that was placed, at once or by the approval of a draft. */
export const announcePlaced = (
  origin: Origin,
  order: PlacedOrder,
  placedAt: Date,
): Announcement<'order.placed.v1'> =>
  announce(origin, 'order.placed.v1', order.id, {
    order_id: order.id,
    order_version: order.version,
    restaurant_id: order.restaurant_id,
    customer_id: order.customer_id ?? undefined,
    reference: order.reference ?? undefined,
    items: order.lines,
    total_amount: amountAsNumber(order.total),
    currency: order.currency,
    payment_method: order.payment_method,
    placed_at: placedAt.toISOString(),
  });

export const placedMessage = (method: string) =>
  `The order is placed; its stock is being reserved${method === 'CARD' ? ' and its payment authorised' : ''}.`;
