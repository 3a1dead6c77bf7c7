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

/**
 * How a dead-letter queue is declared. `refusing`: it refuses what it has no room for (an administrator's limit), so
 * that the message stays where it was. `dropping`: as version 0.1 declared it; it drops its oldest dead letter instead.
 * A declared queue cannot be changed: see {@link renewDeadLetterQueue}.
 */
export type DeadLetterForm = 'refusing' | 'dropping';

/** The arguments of a dead-letter queue. */
export const deadLetterArguments = (form: DeadLetterForm) => ({
  'x-queue-type': 'quorum',
  'x-delivery-limit': DEAD_LETTER_DELIVERY_LIMIT,
  ...(form === 'refusing' ? { 'x-overflow': 'reject-publish' } : {}),
});

/** Whether a declaration failed because the service's dead-letter queue is there in another form. */
export const isOtherForm = (error: unknown, service: string): boolean =>
  error instanceof Error &&
  /PRECONDITION_FAILED|406/.test(error.message) &&
  error.message.includes(`'${serviceNames(service).deadLetterQueue}'`);

/** How much of the topology is declared, and how. */
export interface DeclareHow {
  form: DeadLetterForm;
  /** A service's user need not have the right to configure the events exchange: it only looks whether it is there. */
  exchange: 'declare' | 'check';
}

/** Whether a declaration failed because the events exchange is gone. */
export const isExchangeGone = (error: unknown): boolean =>
  error instanceof Error && /NOT_FOUND/.test(error.message) && error.message.includes(`'${EVENTS_EXCHANGE}'`);

/**
 * Declares all that a consuming service needs: the events exchange, its own exchange, its quorum queue
 * with one binding a type, its retry queues and its dead-letter queue. Idempotent; the set-up step and
 * the service itself both call it.
 *
 * A message leaves a retry queue when its time is up, and the work queue when it exceeds the delivery
 * limit, through the service's own direct exchange: the service needs no right on anyone else's queue.
 * Dead-lettering is at-least-once, which wants quorum queues that reject rather than drop:
 * https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering
 */
export async function declareService(
  channel: Channel,
  service: string,
  types: readonly string[],
  retryDelays: readonly RetryDelay[],
  { form, exchange }: DeclareHow = { form: 'refusing', exchange: 'declare' },
): Promise<void> {
  const names = serviceNames(service);
  const deadLetterTo = (key: string) => ({
    'x-dead-letter-exchange': names.exchange,
    'x-dead-letter-routing-key': key,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  });
  const quorum = { 'x-queue-type': 'quorum' };

  if (exchange === 'declare') await channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
  else await channel.checkExchange(EVENTS_EXCHANGE);
  await channel.assertExchange(names.exchange, 'direct', { durable: true });
  await channel.assertQueue(names.deadLetterQueue, { durable: true, arguments: deadLetterArguments(form) });
  await channel.bindQueue(names.deadLetterQueue, names.exchange, DEAD_LETTER_KEY);
  await channel.assertQueue(names.queue, {
    durable: true,
    arguments: { ...quorum, 'x-delivery-limit': DELIVERY_LIMIT, ...deadLetterTo(DEAD_LETTER_KEY) },
  });
  await channel.bindQueue(names.queue, names.exchange, WORK_KEY);
  for (const delay of retryDelays) {
    const queue = names.retryQueue(delay);
    await channel.assertQueue(queue, {
      durable: true,
      arguments: { ...quorum, 'x-message-ttl': delay.ms, ...deadLetterTo(WORK_KEY) },
    });
    await channel.bindQueue(queue, names.exchange, queue);
  }
  for (const type of types) await channel.bindQueue(names.queue, EVENTS_EXCHANGE, type);
}
