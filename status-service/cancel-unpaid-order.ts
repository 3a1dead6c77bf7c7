import { causedBy } from '../shared/events/announce';
import type { Handler } from '../shared/messaging/handler';
import { moveByEvent } from './move-by-event';

/** The card was declined: the order is cancelled. */
export const cancelUnpaidOrder: Handler<'payment.failed.v1'> = (tx, events) =>
  moveByEvent(
    tx,
    events.map((event) => ({
      orderId: event.data.order_id,
      to: 'CANCELLED',
      actor: 'MESH',
      reason: 'PAYMENT_FAILED',
      note: event.data.decline_code,
      origin: causedBy(event),
    })),
  );
