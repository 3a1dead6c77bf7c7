import { z } from 'zod';
import { eventData, isEventType, uuid, type EventData, type EventType } from './contracts';

/**
 * A CloudEvents 1.0 event (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) with
 * the extensions `correlationid` (the originating request), `causationid` (the event that caused this
 * one) and `traceparent` (W3C Trace Context). `type` is the routing key; `subject` the order or item id.
 */
export interface Event<T extends EventType = EventType> {
  specversion: '1.0';
  id: string;
  source: string;
  type: T;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  correlationid: string;
  causationid?: string;
  traceparent?: string;
  data: EventData<T>;
}

export const EVENT_CONTENT_TYPE = 'application/cloudevents+json';

// Only what CloudEvents requires is required of a foreign producer; what else we use has a fallback.
const envelope = z.object({
  specversion: z.literal('1.0'),
  id: uuid,
  source: z.string().min(1),
  type: z.string().min(1),
  subject: z.string().min(1).optional(),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z.literal('application/json').optional(),
  correlationid: z.string().min(1).max(255).optional(),
  causationid: uuid.optional(),
  traceparent: z.string().optional(),
  data: z.unknown().optional(),
});

/** Why a message is not an event that its consumer can handle. */
export type InvalidReason = 'invalid_json' | 'invalid_envelope' | 'unknown_type' | 'invalid_data';

export type ParsedMessage =
  | { ok: true; event: Event }
  | { ok: false; reason: InvalidReason; error: string; id?: string; type?: string; subject?: string };

const describe = (error: z.ZodError, at: string) =>
  error.issues
    .slice(0, 10)
    .map((issue) => `${[at, ...issue.path.map(String)].join('/')}: ${issue.message}`)
    .join('; ');

/**
 * Reads a message body. Never throws: what is wrong comes back as a reason, with as much of the
 * message's identity as could be read.
 * @param accepts the types that the consumer subscribes to
 */
export function parseMessage(body: Buffer, accepts: (type: EventType) => boolean): ParsedMessage {
  let json: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    json = JSON.parse(text);
    if (UNSTORABLE.test(text) && !isStorable(json))
      throw new Error('it has a NUL character or half a surrogate pair');
  } catch (error) {
    return { ok: false, reason: 'invalid_json', error: (error as Error).message };
  }
  const parsed = envelope.safeParse(json);
  if (!parsed.success) {
    return { ok: false, reason: 'invalid_envelope', error: describe(parsed.error, ''), ...identity(json) };
  }
  const { id, type, subject } = parsed.data;
  if (!isEventType(type) || !accepts(type)) {
    const error = `${type} is ${isEventType(type) ? 'not one this consumer subscribes to' : 'no known event type or version'}`;
    return { ok: false, reason: 'unknown_type', error, id, type, subject };
  }
  const data = eventData[type].safeParse(parsed.data.data);
  if (!data.success) {
    return { ok: false, reason: 'invalid_data', error: describe(data.error, '/data'), id, type, subject };
  }
  const event = {
    ...parsed.data,
    type,
    subject: subject ?? subjectOf(data.data),
    time: parsed.data.time ?? new Date().toISOString(),
    datacontenttype: 'application/json' as const,
    correlationid: parsed.data.correlationid ?? id,
    data: data.data,
  } as Event;
  return { ok: true, event };
}

// What JSON can say and PostgreSQL cannot store; only escapes can smuggle it in.
const UNSTORABLE = /\\u(0000|[dD][89a-fA-F])/;

function isStorable(json: unknown): boolean {
  if (typeof json === 'string') return !json.includes('\0') && json.isWellFormed();
  if (typeof json !== 'object' || json === null) return true;
  return Object.entries(json).every(([key, value]) => isStorable(key) && isStorable(value));
}

function identity(json: unknown): { id?: string; type?: string; subject?: string } {
  if (typeof json !== 'object' || json === null) return {};
  const { id, type, subject } = json as Record<string, unknown>;
  return {
    id: uuid.safeParse(id).data,
    type: typeof type === 'string' ? type : undefined,
    subject: typeof subject === 'string' ? subject : undefined,
  };
}

function subjectOf(data: object): string {
  const facts = data as { order_id?: string; menu_item_id?: string };
  return facts.order_id ?? facts.menu_item_id ?? '';
}

/** The order that an event is about, where it is about one. */
export const orderIdOf = (event: Event): string | undefined =>
  'order_id' in event.data ? event.data.order_id : undefined;

/** The fields that a log line about an event carries. */
export const eventLogFields = (event: Event) => ({
  order_id: orderIdOf(event),
  event_id: event.id,
  correlation_id: event.correlationid,
  event_type: event.type,
});
