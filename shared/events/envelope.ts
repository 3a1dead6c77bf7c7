import { z } from 'zod';
import { attributeText, eventIdOf, isJsonMediaType, rfc3339 } from './attributes';
import { eventData, isEventType, uuid, type EventData, type EventType } from './contracts';
import {
  binaryAttributes,
  readJson,
  structuredData,
  unreadable,
  type MessageProperties,
} from './message-modes';

/**
 * A CloudEvents 1.0 event (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) with
 * the extensions `correlationid` (the originating request), `causationid` (the event that caused this
 * one), `traceparent` and `tracestate` (W3C Trace Context, of its making). `type` is the routing key; `subject` the order or item id.
 */
export interface Event<T extends EventType = EventType> {
  specversion: '1.0';
  /** A UUID; of a foreign event with another kind of id, one that is made of its source and id. */
  id: string;
  source: string;
  type: T;
  subject: string;
  time: string;
  datacontenttype: 'application/json';
  correlationid: string;
  causationid?: string;
  traceparent?: string;
  tracestate?: string;
  data: EventData<T>;
}

export const EVENT_CONTENT_TYPE = 'application/cloudevents+json';

/** What the index of handled events has room for, in bytes. */
const LONGEST_SOURCE = 2_048;
const fitsIndex = (source: string) => Buffer.byteLength(source) <= LONGEST_SOURCE;

// Only what CloudEvents requires is required of a foreign producer; what else we use has a fallback. Members that we
// do not know are extensions, of any kind.
const envelope = z.object({
  specversion: z.literal('1.0', { error: 'only version 1.0 of CloudEvents is supported' }),
  id: z.string().min(1),
  source: z.string().min(1).refine(fitsIndex, `is longer than ${LONGEST_SOURCE} bytes`),
  type: z.string().min(1),
  subject: z.string().min(1).optional(),
  time: rfc3339.optional(),
  datacontenttype: z.string().min(1).optional(),
  correlationid: z.unknown().optional(),
  causationid: z.unknown().optional(),
  traceparent: z.unknown().optional(),
  tracestate: z.unknown().optional(),
});

/** What AMQP can carry as a correlation id, in bytes. */
const LONGEST_CORRELATION_ID = 255;

/** Why a message is not an event that its consumer can handle. */
export type InvalidReason =
  'too_large' | 'invalid_json' | 'invalid_envelope' | 'unknown_type' | 'invalid_data' | 'unsupported_content';

export type ParsedMessage =
  | { ok: true; event: Event }
  | { ok: false; reason: InvalidReason; error: string; id?: string; type?: string; subject?: string };

const describe = (error: z.ZodError, at: string) =>
  error.issues
    .slice(0, 10)
    .map((issue) => `${[at, ...issue.path.map(String)].join('/')}: ${issue.message}`)
    .join('; ');

/** A larger message is refused unread: no event of the mesh comes near it, and many may be in hand. */
export const MAX_EVENT_BYTES = 256 * 1024;

/**
 * Reads an event from a message, in CloudEvents' structured mode (JSON) or binary mode. Never throws: what is wrong
 * comes back as a reason, with as much of the message's identity as could be read. Attributes that are null count as
 * absent.
 * @param accepts the types that the consumer subscribes to
 * @param properties the message's, where it came over AMQP
 */
export function parseMessage(
  body: Buffer,
  accepts: (type: EventType) => boolean,
  properties: MessageProperties = {},
): ParsedMessage {
  if (body.length > MAX_EVENT_BYTES)
    return { ok: false, reason: 'too_large', error: `${body.length} bytes are more than ${MAX_EVENT_BYTES}` };
  const attributes = binaryAttributes(properties);
  const named = identity(attributes ?? {});
  const unsupported = unreadable(properties);
  if (unsupported) return { ok: false, reason: 'unsupported_content', error: unsupported, ...named };
  const { datacontenttype } = attributes ?? {};
  if (typeof datacontenttype === 'string' && !isJsonMediaType(datacontenttype)) {
    const error = `binary content mode with ${datacontenttype.slice(0, 80)} data is not supported: the data has to be JSON`;
    return { ok: false, reason: 'unsupported_content', error, ...named };
  }
  let json: unknown;
  try {
    json = readJson(body);
    if (attributes) json = { ...attributes, data: json };
    // Only an escape, or a header, can smuggle it in.
    if ((attributes || body.includes('\\u')) && !isStorable(json)) throw new Error(UNSTORABLE);
  } catch (error) {
    return { ok: false, reason: 'invalid_json', error: (error as Error).message, ...named };
  }
  return readEvent(json, accepts);
}

function readEvent(json: unknown, accepts: (type: EventType) => boolean): ParsedMessage {
  const present = withoutNulls(json);
  const parsed = envelope.safeParse(present);
  if (!parsed.success) {
    const error = Array.isArray(json)
      ? 'it is a list: a batch of events is not supported, send each event as a message'
      : describe(parsed.error, '');
    return { ok: false, reason: 'invalid_envelope', error, ...identity(present) };
  }
  const { type, subject, source } = parsed.data;
  const id = eventIdOf(source, parsed.data.id);
  if (!isEventType(type) || !accepts(type)) {
    const error = `${brief(type)} is ${isEventType(type) ? 'not one this consumer subscribes to' : 'no known event type or version'}`;
    return { ok: false, reason: 'unknown_type', error, ...identity(present) };
  }
  const content = structuredData(present as Record<string, unknown>);
  if ('data' in content && content.decoded && !isStorable(content.data))
    return { ok: false, reason: 'invalid_json', error: `/data_base64: ${UNSTORABLE}`, ...identity(present) };
  if ('error' in content)
    return { ok: false, reason: 'invalid_envelope', error: content.error, ...identity(present) };
  const data = eventData[type].safeParse(content.data);
  if (!data.success) {
    return { ok: false, reason: 'invalid_data', error: describe(data.error, '/data'), ...identity(present) };
  }
  const { correlationid, causationid, traceparent, tracestate } = parsed.data;
  const event = {
    ...parsed.data,
    id,
    type,
    subject: subject ?? subjectOf(data.data),
    time: parsed.data.time ?? new Date().toISOString(),
    datacontenttype: 'application/json' as const,
    correlationid: correlationIdOf(correlationid) ?? id,
    causationid: uuid.safeParse(causationid).data,
    traceparent: attributeText(traceparent),
    tracestate: attributeText(tracestate),
    data: data.data,
  } as Event;
  return { ok: true, event };
}

const withoutNulls = (json: unknown): unknown =>
  typeof json !== 'object' || json === null || Array.isArray(json)
    ? json
    : Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));

function correlationIdOf(value: unknown): string | undefined {
  const text = attributeText(value);
  return text && Buffer.byteLength(text) <= LONGEST_CORRELATION_ID ? text : undefined;
}

/** What tells an event from every other: ids are unique within their source only. */
export const identityOf = (event: Pick<Event, 'source' | 'id'>): string => `${event.id} ${event.source}`;

const UNSTORABLE = 'it has a NUL character or half a surrogate pair';

/** Not what JSON can say and PostgreSQL cannot store. Without recursion: it may be as deep as it is long. */
function isStorable(json: unknown): boolean {
  const left = [json];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string') {
      if (value.includes('\0') || !value.isWellFormed()) return false;
    } else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) left.push(key, inner);
  }
  return true;
}

/** No longer than the type of an AMQP message may be: it goes into logs, headers and records. */
const brief = (text: string) => text.slice(0, 255);

/** What could be read of a message that is no event of ours. */
function identity(json: unknown): { id?: string; type?: string; subject?: string } {
  if (typeof json !== 'object' || json === null) return {};
  const { id, source, type, subject } = json as Record<string, unknown>;
  return {
    id:
      typeof id === 'string' && typeof source === 'string' ? eventIdOf(source, id) : uuid.safeParse(id).data,
    type: typeof type === 'string' ? brief(type) : undefined,
    subject: typeof subject === 'string' ? brief(subject) : undefined,
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
