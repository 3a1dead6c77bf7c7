import { isEventType } from '../../shared/events/contracts';
import { eventExamples } from '../../shared/events/examples';
import { parseMessage, type Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';

/** An event as it is sent to an endpoint to try it: a sample of its type, that says of itself that it is a test. */
export function sampleEvent(type: string, restaurantId: string | null, now = new Date()): Event {
  if (!isEventType(type)) throw new Error(`${type} is no event type`);
  const sample = eventExamples[type] as { data: object };
  const parsed = parseMessage(Buffer.from(JSON.stringify({ ...sample, data: sample.data })), isEventType);
  if (!parsed.ok) throw new Error(`the example of ${type}: ${parsed.error}`);
  const { data, causationid: _, traceparent: __, ...event } = parsed.event;
  const id = newId();
  return {
    ...event,
    id,
    time: now.toISOString(),
    correlationid: id,
    test: true, // an extension of CloudEvents
    data: { ...data, ...('restaurant_id' in data && restaurantId ? { restaurant_id: restaurantId } : {}) },
  } as Event;
}
