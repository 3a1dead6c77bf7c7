import type { EventType } from './contracts';

/** What the documentation says of an event beside its data. */
interface Entry {
  /** The services that publish it. */
  by: readonly string[];
  when: string;
}

/** Every event: who publishes it, and when. Tests hold the services' code and the guide to it. */
export const eventCatalogue: Record<EventType, Entry> = {
  'order.placed.v1': { by: ['order-api'], when: 'an order is placed, or a draft approved' },
  'inventory.deducted.success.v1': {
    by: ['inventory-service'],
    when: 'all lines were in stock and are deducted',
  },
  'order.cancellation.required.v1': {
    by: ['inventory-service'],
    when: 'there is too little stock; names the shortages',
  },
  'payment.authorized.v1': { by: ['payment-service'], when: 'the money is reserved on the card' },
  'payment.failed.v1': {
    by: ['payment-service'],
    when: 'the card was declined; names the `decline_code`',
  },
  'order.status.preparing.v1': {
    by: ['status-service'],
    when: 'the stock is deducted, and a card is authorised',
  },
  'payment.completed.v1': {
    by: ['payment-service'],
    when: 'the card is charged, after the order became `PREPARING`',
  },
  'order.status.out_for_delivery.v1': { by: ['order-api'], when: 'staff moved the order' },
  'order.status.delivered.v1': { by: ['order-api'], when: 'staff moved the order' },
  'order.cancelled.v1': {
    by: ['order-api', 'status-service'],
    when: 'cancelled; has the lines and the reason',
  },
  'payment.voided.v1': {
    by: ['payment-service'],
    when: 'after a cancellation: the authorisation is released',
  },
  'payment.refunded.v1': {
    by: ['payment-service'],
    when: 'after a cancellation: the money is returned',
  },
  'inventory.restored.v1': { by: ['inventory-service'], when: "a cancelled order's stock is back" },
  'inventory.adjustment.requested.v1': {
    by: ['order-api'],
    when: 'a restock or correction is requested',
  },
  'inventory.adjusted.v1': { by: ['inventory-service'], when: 'the adjustment is applied' },
  'inventory.adjustment.rejected.v1': {
    by: ['inventory-service'],
    when: 'the adjustment is rejected whole',
  },
  'inventory.low_stock.v1': {
    by: ['inventory-service'],
    when: 'stock fell to the threshold or below',
  },
  'inventory.out_of_stock.v1': { by: ['inventory-service'], when: 'stock fell to zero' },
};
