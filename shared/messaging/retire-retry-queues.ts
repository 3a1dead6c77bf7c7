import type { ChannelModel } from 'amqplib';
import { bare, Prisma, type Database } from '../service/database';
import { inspectQueue, onLooseChannel } from './loose-channel';
import { LEASE_SECONDS } from './progress';
import { serviceNames, type RetryDelay } from './topology';

/** Puts an instance's ladder on record before it is declared. What the set-up step does not know of is not current. */
export const recordLadder = (database: Database, consumer: string, ladder: readonly RetryDelay[]) =>
  database.$executeRaw(Prisma.sql`
    INSERT INTO retry_queues (consumer, label, current)
    SELECT ${consumer}, label, false FROM unnest(${ladder.map(({ label }) => label)}::text[]) AS label
    ON CONFLICT DO NOTHING`);

/**
 * Retry queues of other delays than the set-up step's, that no live instance uses. While one of a version lives that
 * does not say which it uses, there are none.
 */
const findUnused = (database: Database, consumer: string) =>
  bare(database).$queryRaw<{ label: string }[]>(Prisma.sql`
    SELECT label FROM retry_queues q WHERE consumer = ${consumer} AND NOT current AND NOT EXISTS (
      SELECT FROM consumer_progress p
      WHERE p.consumer = q.consumer AND p.updated_at > now() - ${LEASE_SECONDS}::float8 * interval '1 second'
        AND (p.retry_delays IS NULL OR q.label = ANY (p.retry_delays)))`);

/**
 * Removes the retry queues that are left of other `RETRY_DELAYS`, as they become empty. To be called again and again:
 * one that is empty is unbound, so that nothing more comes, and deleted by a later look that finds it empty still.
 * RabbitMQ cannot delete a quorum queue on condition that it is empty. An instance that misses one of its own after all
 * declares it again, and what an expired message did not reach is fetched from the event log.
 */
export function createRetirement(database: Database, consumer: string) {
  const unbound = new Set<string>();

  async function retire(connection: Pick<ChannelModel, 'createChannel'>, label: string): Promise<void> {
    const names = serviceNames(consumer);
    const queue = names.retryQueue({ label, ms: 0 });
    const found = await inspectQueue(connection, queue);
    if (found && found.messages > 0) return;
    if (found && !unbound.has(label)) {
      await onLooseChannel(connection, (channel) => channel.unbindQueue(queue, names.exchange, queue));
      unbound.add(label);
      return;
    }
    if (found) await onLooseChannel(connection, (channel) => channel.deleteQueue(queue));
    unbound.delete(label);
    await database.$executeRaw(Prisma.sql`
      DELETE FROM retry_queues WHERE consumer = ${consumer} AND label = ${label} AND NOT current`);
  }

  return {
    look: async (connection: Pick<ChannelModel, 'createChannel'>): Promise<void> => {
      const unused = (await findUnused(database, consumer)).map(({ label }) => label);
      for (const label of unbound) if (!unused.includes(label)) unbound.delete(label);
      for (const label of unused) await retire(connection, label);
    },
  };
}
