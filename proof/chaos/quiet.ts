import type { Channel } from 'amqplib';
import { serviceNames } from '../../shared/messaging/topology';
import type { BrokerDesk } from './broker-desk';
import { pause } from './pause';
import type { Stranger } from './stranger';
import { readBacklog } from './read-backlog';
import type { Watch } from './watch';

export interface QuietOptions {
  watch: Watch;
  databaseUrl: string;
  broker: BrokerDesk;
  stranger: Stranger;
  consumers: readonly string[];
  retryLabels: readonly string[];
  timeoutMs: number;
  signal: AbortSignal;
}

const EVERY_MS = 700;

/**
 * Waits until every process is ready, the outbox is empty, every published event is handled by its
 * subscribers or a dead letter, no payment waits for the gateway, and no work or retry queue holds anything.
 * @returns nothing, or what it still waited for when the time was up
 */
export async function untilQuiet(options: QuietOptions): Promise<string | undefined> {
  const deadline = Date.now() + options.timeoutMs;
  let reason = 'nothing has been looked at yet';
  while (Date.now() < deadline && !options.signal.aborted) {
    reason = (await whatIsLeft(options).catch((error: unknown) => String(error))) ?? '';
    if (!reason) return undefined;
    await pause(EVERY_MS, options.signal);
  }
  return reason;
}

async function whatIsLeft(options: QuietOptions): Promise<string | undefined> {
  const { watch, databaseUrl, broker, stranger, consumers, retryLabels } = options;
  const unready = watch.latest()?.unready ?? [];
  if (unready.length > 0) return `${unready.join(', ')} not ready`;
  const { waiting, unpaid } = await readBacklog(databaseUrl, new Date(0));
  if (waiting > 0) return `${waiting} events not handled`;
  if (unpaid > 0) return `${unpaid} payments wait for the gateway`;
  const channel = stranger.channel();
  if (!channel) return 'no connection to RabbitMQ';
  const queues = consumers.flatMap((service) => {
    const names = serviceNames(service);
    return [names.queue, ...retryLabels.map((label) => names.retryQueue({ label, ms: 0 }))];
  });
  for (const queue of queues) {
    const ready = await readyIn(channel, queue);
    if (ready > 0) return `${ready} messages in ${queue}`;
  }
  // The broker's own totals know what is delivered and not acknowledged; they are a few seconds old.
  const totals = await broker.totals();
  const held = queues.filter((queue) => (totals.get(queue) ?? 0) > 0);
  return held.length > 0 ? `messages in ${held.join(', ')}` : undefined;
}

const readyIn = async (channel: Channel, queue: string): Promise<number> =>
  (await channel.checkQueue(queue)).messageCount;
