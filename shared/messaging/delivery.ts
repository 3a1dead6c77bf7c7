import type { Channel, ConsumeMessage } from 'amqplib';
import { groupBy } from '../group-by';
import { eventLogFields, type Event, type ParsedMessage } from '../events/envelope';
import { spanLogFields, type Span } from '../tracing/span';
import type { Session } from './session';

/** A consumer's hold on the broker within one session. */
export interface Attachment {
  session: Session;
  channel: Channel;
  /** For comparing what is bound with the record. */
  tendingChannel: Channel;
  /** The tags of deliveries that are not acknowledged yet; not in order, as the answer to a `get` is heard late. */
  unacknowledged: Set<number>;
  /** So many acknowledgements gather at most: the broker has to hear of some before it sends more. */
  mostAcks: number;
  /** What is settled, and the broker is to hear of. */
  acks?: { settled: Delivery[]; timer?: NodeJS.Timeout };
  /** How many messages it was given. */
  delivered: number;
  /** When it began, by this process's own clock. */
  since: number;
  /** How many those were when the queue was found empty: while they are, nothing in hand means nothing to do. */
  drainedAt?: number;
  /** How often in turn its queue has said that nobody consumes it. */
  forgotten: number;
}

/** A message in hand, tied to the session that delivered it: it is acknowledged there or not at all. */
export interface Delivery {
  message: ConsumeMessage;
  parsed: ParsedMessage;
  /** 1 for the first. */
  attempt: number;
  /** It was delivered before and not acknowledged: it may be what ended its consumer. */
  suspect: boolean;
  attachment: Attachment;
  /** How long it may wait for others after a round. */
  patienceMs: number;
  /** Of its handling, where that is recorded. */
  span?: Span | undefined;
}

/** A delivery that is an event which the consumer handles. */
export type GoodDelivery = Delivery & { parsed: { ok: true; event: Event } };

export const isGood = (delivery: Delivery): delivery is GoodDelivery => delivery.parsed.ok;

/** Whether the delivery can still be acknowledged; if not, the broker delivers it again. */
export const isHeld = ({ attachment }: Delivery): boolean => attachment.session.open;

/** Whether it was acknowledged or rejected, or lost with its session. */
export const isSettled = ({ attachment, message }: Delivery): boolean =>
  !attachment.session.open || !attachment.unacknowledged.has(message.fields.deliveryTag);

/**
 * Whether the broker can dead-letter a message by itself. RabbitMQ 3.x adds to an `x-death` that it takes for its own:
 * where that is no list of tables, the process breaks that does this for the queue, and with it all who wait behind.
 */
export function isForBroker({ message }: Delivery): boolean {
  const deaths: unknown = message.properties.headers?.['x-death'];
  return deaths === undefined || (Array.isArray(deaths) && deaths.every(isDeath));
}

const isDeath = (one: unknown): boolean => {
  const { queue, reason, count } = (one ?? {}) as Record<string, unknown>;
  return typeof queue === 'string' && typeof reason === 'string' && Number.isInteger(count);
};

/**
 * Hands a message to the broker's own dead-lettering, which moves it as it is, headers and all, and keeps it in the
 * queue, out of consumers' way, until the dead-letter queue takes it (at-least-once:
 * https://www.rabbitmq.com/docs/quorum-queues#dead-lettering).
 */
export function leaveToBroker(delivery: Delivery): void {
  if (isSettled(delivery)) return;
  delivery.attachment.unacknowledged.delete(tagOf(delivery));
  delivery.attachment.channel.reject(delivery.message, false);
}

/** Gives a message back to its queue, whoever is attached handles it anew. */
export function giveBack(delivery: Delivery): void {
  if (isSettled(delivery)) return;
  delivery.attachment.unacknowledged.delete(tagOf(delivery));
  delivery.attachment.channel.reject(delivery.message, true);
}

/** For so long acknowledgements gather: nobody waits for them, and each frame is a record in the broker's queue. */
const GATHER_ACKS_MS = 20;

/**
 * Acknowledges deliveries, in a moment: what is acknowledged within that leaves with one frame, where nothing older is
 * still in hand. A process that is killed meanwhile is delivered them again, and knows them by their dedupe rows.
 */
export function acknowledge(...deliveries: readonly Delivery[]): void {
  for (const [attachment, own] of groupBy(
    deliveries.filter((one) => !isSettled(one)),
    (delivery) => delivery.attachment,
  )) {
    for (const { message } of own) attachment.unacknowledged.delete(message.fields.deliveryTag);
    const acks = (attachment.acks ??= { settled: [] });
    acks.settled.push(...own);
    if (acks.settled.length >= attachment.mostAcks) flushAcks(attachment);
    else acks.timer ??= setTimeout(() => flushAcks(attachment), GATHER_ACKS_MS);
  }
}

/**
 * Sends the acknowledgements that have gathered: before its channel is closed, at the latest. Never throws, for a timer calls
 * it: where the channel has closed meanwhile the session ends, and they come again.
 */
export function flushAcks(attachment: Attachment): void {
  const { channel, unacknowledged, acks, session } = attachment;
  clearTimeout(acks?.timer);
  delete attachment.acks;
  if (!acks || !session.open) return; // else they come again
  const oldest = lowest(unacknowledged);
  const upTo = acks.settled
    .filter((one) => tagOf(one) < oldest)
    .reduce<Delivery | undefined>((last, one) => (last && tagOf(last) > tagOf(one) ? last : one), undefined);
  try {
    if (upTo) channel.ack(upTo.message, true);
    for (const one of acks.settled) if (tagOf(one) > oldest) channel.ack(one.message);
  } catch (error) {
    session.fail(error);
  }
}

function lowest(tags: Iterable<number>): number {
  let least = Infinity;
  for (const tag of tags) if (tag < least) least = tag;
  return least;
}

const tagOf = ({ message }: Delivery) => message.fields.deliveryTag;

/** The fields that a log line about a delivery carries, as far as they could be read. */
export const deliveryLogFields = ({ parsed, message, span }: Delivery) =>
  parsed.ok
    ? { ...eventLogFields(parsed.event), ...spanLogFields(span) }
    : {
        ...spanLogFields(span),
        event_id: parsed.id,
        event_type: parsed.type ?? (message.properties.type as string | undefined),
        correlation_id: message.properties.correlationId as string | undefined,
      };
