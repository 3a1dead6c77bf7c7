import { causedBy } from '../shared/events/announce';
import type { EventData } from '../shared/events/contracts';
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
      note: event.data.shortages.map(inWords).join('; '),
      origin: causedBy(event),
    })),
  );

type Shortage = EventData<'order.cancellation.required.v1'>['shortages'][number];

/** For the history, and whoever reads why. */
const inWords = ({ name, menu_item_id, requested, available }: Shortage) =>
  `${name ?? menu_item_id} (${requested} ordered, ${available} left)`;
