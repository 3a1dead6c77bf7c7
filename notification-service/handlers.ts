import type { HandlerTable } from '../shared/messaging/handler';
import { notifyOver, type Recorder } from './notify';

/** What notification-service handles: every event, because whoever has webhooks may want any of them. */
export function handlersOver(recorders: readonly Recorder[]) {
  const notify = notifyOver(recorders);
  return {
    'order.placed.v1': notify,
    'order.status.preparing.v1': notify,
    'order.status.out_for_delivery.v1': notify,
    'order.status.delivered.v1': notify,
    'order.cancelled.v1': notify,
    'payment.authorized.v1': notify,
    'payment.failed.v1': notify,
    'payment.completed.v1': notify,
    'payment.refunded.v1': notify,
    'payment.voided.v1': notify,
    'inventory.deducted.success.v1': notify,
    'order.cancellation.required.v1': notify,
    'inventory.restored.v1': notify,
    'inventory.adjustment.requested.v1': notify,
    'inventory.adjusted.v1': notify,
    'inventory.adjustment.rejected.v1': notify,
    'inventory.low_stock.v1': notify,
    'inventory.out_of_stock.v1': notify,
  } satisfies HandlerTable;
}

/** Those that record for the log alone. */
export const handlers = handlersOver([]);
