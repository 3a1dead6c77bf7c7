import type { Channel } from 'amqplib';
import { parseDuration } from '../service/duration';

/** The durable topic exchange of the mesh; the routing key is the event type. Only the relay publishes to it. */
export const EVENTS_EXCHANGE = 'ordermesh.events';

/** Routing keys of a service's own direct exchange. */
export const WORK_KEY = 'work';
export const DEAD_LETTER_KEY = 'dlq';

/** The names of what a consuming service owns on the broker. */
export const serviceNames = (service: string) => ({
  queue: service,
  exchange: service,
  deadLetterQueue: `${service}.dlq`,
  retryQueue: (delay: RetryDelay) => `${service}.retry.${delay.label}`,
});

export interface RetryDelay {
  /** As in the queue's name: `1s`, `2m`. */
  label: string;
  ms: number;
}

export const DEFAULT_RETRY_DELAYS = '1s,5s,30s,2m,10m';

/**
 * Reads a ladder of delays, `1s,5s,2m`, shortest first.
 * @throws {Error} naming the part that is no duration
 */
export function parseRetryDelays(text: string): RetryDelay[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
    .map((label) => ({ label, ms: parseDuration(label) }));
}

// The last resort against a message that kills its consumer. Each lost connection counts against every
// message that was in hand, so it is far above what outages add up to; the default of RabbitMQ 4 is 20.
const DELIVERY_LIMIT = 100;
// Looking into a dead-letter queue returns its messages; without a limit of its own RabbitMQ 4 would
// drop one after twenty looks.
const DEAD_LETTER_DELIVERY_LIMIT = 1_000_000_000;

/** A queue of a service, as it is to be. */
export interface QueueDeclaration {
  queue: string;
  arguments: Record<string, unknown>;
  /** By which exchanges it is reached, with which keys. */
  bindings: readonly { exchange: string; key: string }[];
}

/**
 * The queues of a consuming service: its dead letters, its work, and a retry queue for each delay.
 *
 * A message leaves a retry queue when its time is up, and the work queue when it exceeds the delivery
 * limit, through the service's own direct exchange: the service needs no right on anyone else's queue.
 * Dead-lettering is at-least-once, which wants quorum queues that reject rather than drop:
 * https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering
 *
 * What is changed here is changed for queues that are there already, and for versions that run beside this one: see
 * docs/guides/upgrading.md.
 */
export function queuesOf(
  service: string,
  types: readonly string[],
  retryDelays: readonly RetryDelay[],
): QueueDeclaration[] {
  const names = serviceNames(service);
  const { exchange } = names;
  const quorum = { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish' };
  const deadLetterTo = (key: string) => ({
    'x-dead-letter-exchange': exchange,
    'x-dead-letter-routing-key': key,
    'x-dead-letter-strategy': 'at-least-once',
  });
  return [
    {
      queue: names.deadLetterQueue,
      // What there is no room for (an administrator's limit) is refused, and stays where it was.
      arguments: { ...quorum, 'x-delivery-limit': DEAD_LETTER_DELIVERY_LIMIT },
      bindings: [{ exchange, key: DEAD_LETTER_KEY }],
    },
    {
      queue: names.queue,
      arguments: { ...quorum, 'x-delivery-limit': DELIVERY_LIMIT, ...deadLetterTo(DEAD_LETTER_KEY) },
      bindings: [{ exchange, key: WORK_KEY }, ...types.map(fromEvents)],
    },
    ...retryDelays.map((delay) => ({
      queue: names.retryQueue(delay),
      arguments: { ...quorum, 'x-message-ttl': delay.ms, ...deadLetterTo(WORK_KEY) },
      bindings: [{ exchange, key: names.retryQueue(delay) }],
    })),
  ];
}

const eventsExchange: string = EVENTS_EXCHANGE; // where they come from; only the relay publishes to it
const fromEvents = (key: string) => ({ exchange: eventsExchange, key });

/** The queue that is there with other arguments than those declared, where that is why a declaration failed. */
export const otherwiseDeclared = (error: unknown): string | undefined =>
  error instanceof Error ? /PRECONDITION_FAILED .* for queue '([^']+)'/.exec(error.message)?.[1] : undefined;

/** How much of the topology is declared. */
export interface DeclareHow {
  /** Queues that another version, or somebody else, has declared with other arguments: they are used as they are. */
  asIs: ReadonlySet<string>;
  /**
   * A service's user need not have the right to configure the events exchange: its bindings fail where there is none.
   * Asking for it passively would need that right too with some versions of RabbitMQ (4.2.6, 4.3.0).
   */
  exchange: 'declare' | 'bind';
}

/** Whether a declaration failed because the events exchange is gone. */
export const isExchangeGone = (error: unknown): boolean =>
  error instanceof Error && /NOT_FOUND/.test(error.message) && error.message.includes(`'${EVENTS_EXCHANGE}'`);

/**
 * Declares all that a consuming service needs: the events exchange, its own exchange, and its queues with their
 * bindings ({@link queuesOf}). Idempotent; the set-up step and the service itself both call it.
 */
export async function declareService(
  channel: Channel,
  service: string,
  types: readonly string[],
  retryDelays: readonly RetryDelay[],
  { asIs, exchange }: DeclareHow = { asIs: new Set(), exchange: 'declare' },
): Promise<void> {
  if (exchange === 'declare') await channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
  await channel.assertExchange(serviceNames(service).exchange, 'direct', { durable: true });
  for (const { queue, arguments: wanted, bindings } of queuesOf(service, types, retryDelays)) {
    if (asIs.has(queue)) await channel.checkQueue(queue);
    else await channel.assertQueue(queue, { durable: true, arguments: wanted });
    for (const { exchange: from, key } of bindings) await channel.bindQueue(queue, from, key);
  }
}
