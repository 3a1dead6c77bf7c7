import { attributeText, isJsonMediaType } from './attributes';

/** What of an AMQP message tells how an event is in it. */
export interface MessageProperties {
  contentType?: unknown;
  contentEncoding?: unknown;
  headers?: Record<string, unknown> | undefined;
}

export type EventJson = { ok: true; json: unknown } | { ok: false; error: string };

const PREFIX = /^cloudEvents[:_](.+)$/i;

/**
 * Which event format the content type names that we do not read, in words; undefined where we can.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md
 */
export function unreadable({ contentType, contentEncoding }: MessageProperties): string | undefined {
  const type = typeof contentType === 'string' ? contentType.trim().toLowerCase() : '';
  const encoding = typeof contentEncoding === 'string' ? contentEncoding.trim().toLowerCase() : '';
  if (/^application\/cloudevents-batch\b/.test(type))
    return 'a batch of events (CloudEvents batched content mode) is not supported: send each event as a message';
  if (/^application\/cloudevents\+(?!json\b)/.test(type))
    return `the event format ${type.slice(0, 80)} is not supported: send application/cloudevents+json`;
  if (/\b(gzip|deflate|br|zstd|compress)\b/.test(encoding))
    return `the content encoding ${encoding.slice(0, 40)} is not supported: send it uncompressed`;
  return undefined;
}

/** The attributes of an event in binary content mode, from the application properties; undefined for any other message. */
export function binaryAttributes({
  contentType,
  headers,
}: MessageProperties): Record<string, unknown> | undefined {
  if (typeof contentType === 'string' && /^application\/cloudevents\b/i.test(contentType.trim()))
    return undefined;
  const attributes: Record<string, unknown> = {};
  for (const [header, value] of Object.entries(headers ?? {})) {
    const name = PREFIX.exec(header)?.[1];
    if (name) attributes[name.toLowerCase()] = headerValue(value);
  }
  if (Object.keys(attributes).length === 0) return undefined;
  // The content type is the attribute's place; one in the headers as well would be a second truth.
  const { data: _data, data_base64: _base64, ...rest } = attributes;
  return { ...rest, datacontenttype: typeof contentType === 'string' ? contentType : undefined };
}

const MOST_ATTRIBUTES = 20;
const LONGEST_ATTRIBUTE = 2_048;

/**
 * The headers that are an event's attributes, for a copy that cannot have all headers: without these it would be another
 * event, or none. None of them, where not each is something that can be written again for certain.
 */
export function attributeHeaders(headers: Record<string, unknown> = {}): Record<string, unknown> {
  const all = Object.entries(headers).filter(([name]) => PREFIX.test(name));
  return all.length <= MOST_ATTRIBUTES && all.every(([name, value]) => isPlain(name, value))
    ? Object.fromEntries(all)
    : {};
}

function isPlain(name: string, value: unknown): boolean {
  const inner = (value as { '!'?: unknown; value?: unknown } | null) ?? {};
  const scalar = inner['!'] === 'timestamp' ? inner.value : value;
  return (
    /^\w+[:_]\w{1,50}$/.test(name) &&
    ((typeof scalar === 'string' && Buffer.byteLength(scalar) <= LONGEST_ATTRIBUTE) ||
      typeof scalar === 'boolean' ||
      scalar === null ||
      Number.isSafeInteger(scalar))
  );
}

/** AMQP has a type for times; amqplib gives them as seconds, and of more of them than there are times. */
function headerValue(value: unknown): unknown {
  const typed = value as { '!'?: unknown; value?: unknown } | null;
  if (typeof typed === 'object' && typed?.['!'] === 'timestamp' && typeof typed.value === 'number') {
    const at = new Date(typed.value * 1_000);
    return Number.isNaN(at.getTime()) ? value : at.toISOString();
  }
  return attributeText(value) ?? value;
}

/** The data of an event in structured mode: as it is, or decoded from `data_base64`. */
export function structuredData(
  event: Record<string, unknown>,
): { data: unknown; decoded: boolean } | { error: string } {
  const { data, data_base64: base64, datacontenttype: type } = event;
  if (typeof type === 'string' && !isJsonMediaType(type))
    return { error: `/datacontenttype: ${type.slice(0, 80)} is not supported: the data has to be JSON` };
  if (base64 === undefined) return { data, decoded: false };
  if (data !== undefined) return { error: '/data_base64: an event has data or data_base64, not both' };
  if (typeof base64 !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0)
    return { error: '/data_base64: is no Base64 text' };
  try {
    return { data: readJson(Buffer.from(base64, 'base64')), decoded: true };
  } catch {
    return { error: '/data_base64: the data is not JSON in UTF-8' };
  }
}

/** JSON in UTF-8, with or without a byte order mark. @throws {Error} */
export const readJson = (bytes: Buffer): unknown =>
  JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
