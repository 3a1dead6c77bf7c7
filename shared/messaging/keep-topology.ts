import type { Channel } from 'amqplib';
import type { Database } from '../service/database';
import { recordedSubscriptions } from './subscriptions';
import { EVENTS_EXCHANGE, serviceNames, DEAD_LETTER_KEY, WORK_KEY, type RetryDelay } from './topology';

/**
 * Compares what a consumer has on the broker with the record, and restores bindings that are gone: an administrator's
 * slip, a restored backup of definitions. Types that the record has ended are unbound, whoever bound them.
 *
 * It declares nothing, so that it needs no right to configure, and binds what is bound already at no cost.
 * @returns how many messages are in the dead-letter queue, how many wait in the work queue that no consumer holds, and
 * how many consumers the work queue has
 * @throws when the exchange or one of its queues is gone: the session ends with it, and the next declares them
 */
export async function keepTopology(
  channel: Channel,
  database: Database,
  service: string,
  ownTypes: readonly string[],
  retryDelays: readonly RetryDelay[],
): Promise<{ deadLetters: number; waiting: number; consumers: number }> {
  const names = serviceNames(service);
  const { current, ended } = await recordedSubscriptions(database, service);
  await channel.bindQueue(names.queue, names.exchange, WORK_KEY);
  await channel.bindQueue(names.deadLetterQueue, names.exchange, DEAD_LETTER_KEY);
  for (const delay of retryDelays)
    await channel.bindQueue(names.retryQueue(delay), names.exchange, names.retryQueue(delay));
  const isRecorded = current.length + ended.length > 0;
  for (const type of isRecorded ? current : ownTypes)
    await channel.bindQueue(names.queue, EVENTS_EXCHANGE, type);
  for (const type of ended) await channel.unbindQueue(names.queue, EVENTS_EXCHANGE, type);
  const dead = await channel.checkQueue(names.deadLetterQueue);
  const work = await channel.checkQueue(names.queue);
  return { deadLetters: dead.messageCount, waiting: work.messageCount, consumers: work.consumerCount };
}
