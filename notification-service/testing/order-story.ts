import type { NewEventData } from '../../shared/events/contracts';
import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { anEvent } from '../../shared/testing/events';

const SOURCE = { source: '/order-api' };

/** The events of an order's life, in their order; the first version is that of its placement. */
export function orderStory(restaurant_id: string, firstVersion = 1) {
  const order_id = newId();
  const facts = { order_id, restaurant_id };
  const move = (previous_status: string, version: number) => ({
    ...facts,
    order_version: firstVersion + version,
    previous_status,
    actor: 'STAFF' as const,
    changed_at: new Date().toISOString(),
  });
  const line = { menu_item_id: newId(), name: 'Dal', quantity: 1, price: '1.00' };
  const sum = { items: [line], total_amount: 1, currency: 'INR' };
  const about = <T extends Event['type']>(type: T, data: NewEventData<T>) =>
    anEvent(type, order_id, data, SOURCE) as Event;
  return {
    orderId: order_id,
    placed: about('order.placed.v1', {
      ...facts,
      ...sum,
      order_version: firstVersion,
      payment_method: 'CASH',
      placed_at: new Date().toISOString(),
    }),
    preparing: about('order.status.preparing.v1', { ...move('PLACED', 1), status: 'PREPARING' }),
    outForDelivery: about('order.status.out_for_delivery.v1', {
      ...move('PREPARING', 2),
      status: 'OUT_FOR_DELIVERY',
    }),
    delivered: about('order.status.delivered.v1', { ...move('OUT_FOR_DELIVERY', 3), status: 'DELIVERED' }),
    cancelled: about('order.cancelled.v1', { ...move('PREPARING', 2), ...sum, reason: 'STAFF' }),
    deducted: about('inventory.deducted.success.v1', {
      ...facts,
      items: [{ menu_item_id: line.menu_item_id, quantity: 1, available_qty: 4 }],
    }),
  };
}
