import type { ConsumeMessage, Options } from 'amqplib';
import { attributeHeaders } from '../events/message-modes';
import { bare, type Database } from '../service/database';
import {
  publishAsFarAsEncodable,
  type OutgoingMessage,
  type Publisher,
  type PublishOutcome,
} from './publisher';
import { storableText } from '../storable-text';
import { DEAD_LETTER_KEY, serviceNames, type RetryDelay } from './topology';

/**
 * Headers of our own. `x-death` is the broker's: RabbitMQ 4 ignores one that a client sends, and 3.x may
 * take it for a dead-letter cycle and drop the message, so it never goes into a copy.
 */
export const headers = {
  /** Attempts that have failed so far. */
  attempts: 'x-attempts',
  /** Why it is a dead letter: a short code such as `invalid_json`. */
  reason: 'x-reason',
  /** What went wrong, last. */
  error: 'x-error',
  firstFailedAt: 'x-first-failed-at',
  lastFailedAt: 'x-last-failed-at',
  consumer: 'x-consumer',
} as const;

/** How a delivery failed. */
export interface Failure {
  reason: string;
  error: string;
  /** Of this attempt, 1 for the first. */
  attempt: number;
}

/** More than any ladder has; a stranger may say what it likes. */
const MOST_ATTEMPTS = 1_000_000;

/** A number of attempts as it may be believed and stored. */
export const believableAttempts = (count: unknown): number =>
  typeof count === 'number' && Number.isInteger(count) && count > 0 ? Math.min(count, MOST_ATTEMPTS) : 0;

/** The attempts that failed before this delivery. */
export const failedAttempts = ({ properties }: ConsumeMessage): number =>
  believableAttempts(properties.headers?.[headers.attempts]);

/**
 * Puts a copy of a message into the service's dead-letter queue, with why in its headers, or into a
 * retry queue, and waits until the broker has it. Only then may the original be acknowledged. A copy whose foreign
 * headers cannot be encoded goes without them, but for an event's attributes.
 * @returns anything but `routed` when the broker did not take it: the original stays where it is
 * @throws when it is unknown whether the broker has it
 */
export async function publishCopy(
  publisher: Publisher,
  service: string,
  message: ConsumeMessage,
  failure: Failure,
  retry?: RetryDelay,
): Promise<PublishOutcome> {
  const names = serviceNames(service);
  const own = ownHeaders(service, message, failure);
  const copy = (properties: Options.Publish): OutgoingMessage => ({
    exchange: names.exchange,
    routingKey: retry ? names.retryQueue(retry) : DEAD_LETTER_KEY,
    body: message.content,
    properties,
  });
  return publishAsFarAsEncodable(
    publisher,
    copy({ ...copiedProperties(message), headers: { ...foreignHeaders(message), ...own } }),
    { ...attributeHeaders(message.properties.headers), ...own },
  );
}

function ownHeaders(service: string, { properties }: ConsumeMessage, failure: Failure) {
  const now = new Date().toISOString();
  const first: unknown = properties.headers?.[headers.firstFailedAt];
  return {
    [headers.consumer]: service,
    [headers.attempts]: failure.attempt,
    [headers.reason]: failure.reason,
    [headers.error]: storableText(failure.error), // or a stranger's text would make it too long to be written
    [headers.firstFailedAt]: typeof first === 'string' && first.length < 40 ? first : now,
    [headers.lastFailedAt]: now,
  };
}

/** What a consumer has written into a dead letter's headers, and nothing else of them; as short as it wrote that. */
export function ownHeadersOf({ properties }: Pick<ConsumeMessage, 'properties'>): Record<string, unknown> {
  const all = (properties.headers ?? {}) as Record<string, unknown>;
  const own = Object.values(headers).filter((name) => ['string', 'number'].includes(typeof all[name]));
  const kept = (value: unknown) => (typeof value === 'string' ? storableText(value) : value);
  return Object.fromEntries(own.map((name) => [name, kept(all[name])]));
}

/** https://www.rabbitmq.com/docs/sender-selected: a copy that had them would go to where they say as well. */
const ROUTING = /^(CC|BCC)$/;
const BROKERS = /^x-(death|delivery-count|acquired-count|(first|last)-death-.*)$/;

/** The headers of a message that another one may have which is sent by us, to where we say. */
export const withoutRouting = (all: Record<string, unknown> = {}): Record<string, unknown> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !ROUTING.test(name)));

/** Without what the broker has written into them. */
export const withoutDeaths = (all: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !BROKERS.test(name)));

/** What others have written into a message's headers, and neither we nor the broker. */
export function foreignHeaders({ properties }: Pick<ConsumeMessage, 'properties'>): Record<string, unknown> {
  const own = new Set<string>(Object.values(headers));
  const all = Object.entries(withoutRouting(properties.headers));
  return Object.fromEntries(all.filter(([name]) => !own.has(name) && !BROKERS.test(name)));
}

/**
 * Everything but what belongs to the original's own way (its priority, and a time to live that would lose the copy), as
 * far as it can be written again: what was no UTF-8 has grown by being read, and a time may be past every number.
 */
export function copiedProperties({ properties }: Pick<ConsumeMessage, 'properties'>): Options.Publish {
  const { contentType, contentEncoding, correlationId, replyTo, messageId, timestamp, type, appId } =
    properties as unknown as Record<string, unknown>;
  const texts = { contentType, contentEncoding, correlationId, replyTo, messageId, type, appId };
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => isShortString(text))),
    ...(Number.isSafeInteger(timestamp) && { timestamp: timestamp as number }),
  };
}

const isShortString = (text: unknown) => typeof text === 'string' && Buffer.byteLength(text) <= 255;

/**
 * A place in the record of failures. It is taken before a copy goes out: what happens to the copy, however soon, comes after it.
 */
export async function takePlaceOnRecord(database: Database): Promise<bigint | undefined> {
  const [row] = await bare(database).$queryRaw<{ place: bigint }[]>`
    SELECT nextval('delivery_failures_id_seq') AS place`;
  return row?.place;
}

/**
 * Keeps what went wrong, and until when it waits to be tried again, where it can be asked for later.
 * @param place from {@link takePlaceOnRecord}; by default the next
 */
export async function recordFailure(
  database: Database,
  consumer: string,
  event: { id?: string | undefined; type?: string | undefined; subject?: string | undefined },
  failure: Failure,
  retry?: RetryDelay,
  place?: bigint,
): Promise<void> {
  const retryMs = retry?.ms ?? null;
  const kept = (text: string | undefined) => (text === undefined ? null : storableText(text));
  await database.$executeRaw`
    INSERT INTO delivery_failures (id, consumer, event_id, type, subject, attempt, reason, error, outcome, retry_at)
    VALUES (coalesce(${place ?? null}::bigint, nextval('delivery_failures_id_seq')), ${consumer}, ${event.id ?? null}::uuid, ${kept(event.type)}, ${kept(event.subject)}, ${failure.attempt},
            ${failure.reason}, ${kept(failure.error)}, ${retry ? 'RETRIED' : 'DEAD_LETTERED'},
            now() + ${retryMs}::float8 * interval '1 millisecond')`;
}
