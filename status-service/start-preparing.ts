import { causedBy } from '../shared/events/announce';
import type { Handler } from '../shared/messaging/handler';
import { moveByEvent } from './move-by-event';

/** The stock is deducted: the order can be prepared. */
export const startPreparing: Handler<'inventory.deducted.success.v1'> = (tx, events) =>
  moveByEvent(
    tx,
    events.map((event) => ({
      orderId: event.data.order_id,
      to: 'PREPARING',
      actor: 'MESH',
      origin: causedBy(event),
    })),
  );
