import { causedBy } from '../shared/events/announce';
import type { Handler } from '../shared/messaging/handler';
import { moveByEvent } from './move-by-event';

/** The stock does not suffice: the order is cancelled. */
export const cancelShortOrder: Handler<'order.cancellation.required.v1'> = (tx, events) =>
  moveByEvent(
    tx,
    events.map((event) => ({
      orderId: event.data.order_id,
      to: 'CANCELLED',
      actor: 'MESH',
      reason: event.data.reason,
      origin: causedBy(event),
    })),
  );
