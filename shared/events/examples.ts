import adjusted from './golden/inventory.adjusted.v1.json';
import adjustmentRejected from './golden/inventory.adjustment.rejected.v1.json';
import adjustmentRequested from './golden/inventory.adjustment.requested.v1.json';
import deducted from './golden/inventory.deducted.success.v1.json';
import lowStock from './golden/inventory.low_stock.v1.json';
import outOfStock from './golden/inventory.out_of_stock.v1.json';
import restored from './golden/inventory.restored.v1.json';
import cancellationRequired from './golden/order.cancellation.required.v1.json';
import cancelled from './golden/order.cancelled.v1.versioned.json';
import placed from './golden/order.placed.v1.versioned.json';
import delivered from './golden/order.status.delivered.v1.versioned.json';
import outForDelivery from './golden/order.status.out_for_delivery.v1.versioned.json';
import preparing from './golden/order.status.preparing.v1.versioned.json';
import authorized from './golden/payment.authorized.v1.json';
import completed from './golden/payment.completed.v1.json';
import failed from './golden/payment.failed.v1.json';
import refunded from './golden/payment.refunded.v1.json';
import voided from './golden/payment.voided.v1.json';
import type { EventType } from './contracts';

/** A message of every event as it is published today: the newest of its golden ones. */
export const eventExamples: Record<EventType, object> = {
  'order.placed.v1': placed,
  'inventory.deducted.success.v1': deducted,
  'order.cancellation.required.v1': cancellationRequired,
  'payment.authorized.v1': authorized,
  'payment.failed.v1': failed,
  'order.status.preparing.v1': preparing,
  'payment.completed.v1': completed,
  'order.status.out_for_delivery.v1': outForDelivery,
  'order.status.delivered.v1': delivered,
  'order.cancelled.v1': cancelled,
  'payment.voided.v1': voided,
  'payment.refunded.v1': refunded,
  'inventory.restored.v1': restored,
  'inventory.adjustment.requested.v1': adjustmentRequested,
  'inventory.adjusted.v1': adjusted,
  'inventory.adjustment.rejected.v1': adjustmentRejected,
  'inventory.low_stock.v1': lowStock,
  'inventory.out_of_stock.v1': outOfStock,
};
