import { isEventType, type EventType, type NewEventData } from '../events/contracts';
import { parseMessage, type Event } from '../events/envelope';
import { newId } from '../ids';

/** A valid event, as if it had come from the exchange. */
export function anEvent<T extends EventType>(
  type: T,
  subject: string,
  data: NewEventData<T>,
  more: Partial<Event> = {},
): Event<T> {
  return {
    specversion: '1.0',
    id: newId(),
    source: '/test',
    type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    correlationid: newId(),
    ...more,
    data,
  } as Event<T>;
}

/** The event as a newer version would have written it, with members or values that this one need not know. */
export function eventFrom<T extends EventType>(event: Event<T>, more: Record<string, unknown>): Event<T> {
  const body = JSON.stringify({ ...event, data: { ...event.data, ...more } });
  const parsed = parseMessage(Buffer.from(body), isEventType);
  if (!parsed.ok) throw new Error(`${parsed.reason}: ${parsed.error}`);
  return parsed.event as Event<T>;
}

export interface TestLine {
  menu_item_id: string;
  quantity: number;
}

export const orderPlaced = (lines: readonly TestLine[], order_id = newId()): Event<'order.placed.v1'> =>
  anEvent('order.placed.v1', order_id, {
    order_id,
    restaurant_id: newId(),
    items: lines.map((line) => ({ ...line, name: 'Dal', price: '1.00' })),
    total_amount: lines.reduce((sum, line) => sum + line.quantity, 0),
    currency: 'INR',
    payment_method: 'CASH',
    placed_at: new Date().toISOString(),
  });

/** The lines are deliberately not what was ordered: nobody may trust them for a restoration. */
export const orderCancelled = (
  order_id: string,
  lines: readonly TestLine[] = [],
): Event<'order.cancelled.v1'> =>
  anEvent('order.cancelled.v1', order_id, {
    order_id,
    restaurant_id: newId(),
    previous_status: 'PLACED',
    actor: 'CUSTOMER',
    changed_at: new Date().toISOString(),
    reason: 'CUSTOMER',
    items: lines.map((line) => ({ ...line, name: 'Dal', price: '1.00' })),
    total_amount: 0,
    currency: 'INR',
  });
