import type { GetMessage, ConsumeMessage } from 'amqplib';
import { parseMessage } from '../../shared/events/envelope';
import { headers } from '../../shared/messaging/dead-letter';

/** A message as the broker gives it, however it was asked for. */
export type Message = GetMessage | ConsumeMessage;

/** What is known of a message in a dead-letter queue. Anybody may have put it there: nothing is certain. */
export interface DeadLetter {
  service: string;
  eventId?: string;
  type?: string;
  correlationId?: string;
  /** Why it is here: the consumer's code, or the broker's word for it (`delivery_limit`). */
  reason: string;
  error?: string;
  attempts?: number;
  firstFailedAt?: Date;
  /** When it came here; when it was sent, where nothing else is known. */
  since?: Date;
  /** Whether it is about the order. */
  isAbout: (orderId: string) => boolean;
}

export const UNKNOWN_REASON = 'unknown';
/** Of ours none is longer; a stranger's would fill the screen, and memory where there are many. */
const LONGEST_TEXT = 500;

/** Reads the body only where the properties leave something open: millions may be read for one. */
export function readDeadLetter(service: string, { content, properties }: Message): DeadLetter {
  const header = properties.headers ?? {};
  let read: Record<string, unknown> | undefined;
  const body = () => (read ??= jsonObject(content));
  const death = lastDeath(header['x-death']);
  return {
    service,
    eventId: text(properties.messageId) ?? text(body().id),
    type: text(properties.type) ?? text(body().type),
    correlationId: text(properties.correlationId) ?? text(body().correlationid),
    reason: reasonOf(text(header[headers.reason]), death.reason),
    error: text(header[headers.error]),
    attempts: typeof header[headers.attempts] === 'number' ? header[headers.attempts] : undefined,
    firstFailedAt: time(header[headers.firstFailedAt]),
    since: death.time ?? time(header[headers.lastFailedAt]) ?? time(properties.timestamp),
    isAbout: (orderId) =>
      content.includes(orderId) &&
      [body().subject, (body().data as { order_id?: unknown } | null | undefined)?.order_id].includes(
        orderId,
      ),
  };
}

/**
 * What its consumer calls the event in its record of failures. A stranger's message may be named otherwise, and what is in a
 * body that the consumer does not read counts for nothing.
 */
export function idOnRecord({ content, properties }: Message): string | undefined {
  const parsed = parseMessage(content, () => true, properties);
  return (parsed.ok ? parsed.event.id : parsed.id) ?? text(properties.messageId);
}

/**
 * The consumer's copies carry no `x-death`, so one that is there is newer than the consumer's headers: the
 * broker itself brought the message here. Only `expired` is older news, of a retry queue's delay.
 */
const reasonOf = (ours: string | undefined, brokers: string | undefined): string =>
  (brokers === 'expired' ? (ours ?? brokers) : (brokers ?? ours)) ?? UNKNOWN_REASON;

/** https://www.rabbitmq.com/docs/dlx#effects: the latest comes first. */
function lastDeath(deaths: unknown): { reason?: string; time?: Date } {
  const [last] = Array.isArray(deaths) ? (deaths as { reason?: unknown; time?: unknown }[]) : [];
  if (typeof last !== 'object' || last === null) return {};
  return { reason: text(last.reason), time: last.reason === 'expired' ? undefined : time(last.time) };
}

/** An ISO string, seconds since 1970, or amqplib's reading of an AMQP timestamp within a table. */
function time(value: unknown): Date | undefined {
  const seconds = (value as { value?: unknown } | null | undefined)?.value ?? value;
  const date =
    typeof seconds === 'number'
      ? new Date(seconds * 1_000)
      : typeof seconds === 'string'
        ? new Date(seconds)
        : undefined;
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, LONGEST_TEXT) : undefined;

function jsonObject(content: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
