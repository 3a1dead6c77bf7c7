import type { ChannelModel } from 'amqplib';
import type { Client } from 'pg';
import type { Subscriptions } from '../../shared/messaging/discover-subscriptions';
import { inspectQueue, onLooseChannel } from '../../shared/messaging/loose-channel';
import {
  EVENTS_EXCHANGE,
  queuesOf,
  serviceNames,
  type QueueDeclaration,
  type RetryDelay,
} from '../../shared/messaging/topology';

export interface QueueChange {
  name: string;
  change: 'new' | 'other arguments' | 'cut off' | 'goes when it is empty' | 'of another kind';
  /** Waiting in it now. */
  messages?: number;
  /** In words. */
  detail?: string;
  /** Why it cannot be done while the mesh runs; absent where it can. */
  blocks?: string;
}

export interface SubscriptionChange {
  consumer: string;
  event_type: string;
  change: 'begins' | 'ends';
}

/** What npm run migrate would change at the broker. It looks at what is there, and declares nothing. */
export async function checkQueues(
  connection: ChannelModel,
  database: Client,
  wanted: readonly Subscriptions[],
  ladder: readonly RetryDelay[],
): Promise<QueueChange[]> {
  const changes = [await checkExchange(connection, EVENTS_EXCHANGE, 'topic')];
  for (const { service, types } of wanted) {
    changes.push(await checkExchange(connection, serviceNames(service).exchange, 'direct'));
    for (const declaration of queuesOf(service, types, ladder))
      changes.push(await checkQueue(connection, declaration, service));
  }
  return [
    ...changes.filter((one) => one !== undefined),
    ...(await checkOldRungs(connection, database, wanted, ladder)),
  ];
}

async function checkExchange(
  connection: ChannelModel,
  name: string,
  kind: string,
): Promise<QueueChange | undefined> {
  try {
    await onLooseChannel(connection, (channel) => channel.checkExchange(name));
  } catch (error) {
    if (!/NOT_FOUND/.test((error as Error).message)) throw error;
    return { name, change: 'new', detail: `exchange, ${kind}` };
  }
  try {
    await onLooseChannel(connection, (channel) => channel.assertExchange(name, kind, { durable: true }));
    return undefined;
  } catch (error) {
    if (!/PRECONDITION_FAILED/.test((error as Error).message)) throw error;
    const blocks =
      'an exchange of that name is there as another kind: it is not the mesh’s, and has to go first';
    return { name, change: 'of another kind', detail: brokersWords(error), blocks };
  }
}

async function checkQueue(
  connection: ChannelModel,
  { queue, arguments: wanted }: QueueDeclaration,
  service: string,
): Promise<QueueChange | undefined> {
  const found = await inspectQueue(connection, queue);
  const moving = await inspectQueue(connection, `${queue}.moving`);
  if (moving)
    return { name: queue, change: 'cut off', messages: moving.messages, detail: 'npm run migrate goes on' };
  if (!found) return { name: queue, change: 'new', detail: 'queue' };
  try {
    await onLooseChannel(connection, (channel) =>
      channel.assertQueue(queue, { durable: true, arguments: wanted }),
    );
    return undefined;
  } catch (error) {
    if (!/PRECONDITION_FAILED/.test((error as Error).message)) throw error;
    const lettingGo =
      queue === service && found.consumers > 0 ? '; its instances let go of it for seconds' : '';
    return {
      name: queue,
      change: 'other arguments',
      messages: found.messages,
      detail: `${brokersWords(error)}${lettingGo}`,
    };
  }
}

const brokersWords = (error: unknown): string =>
  /inequivalent arg (.*?) for .*?: (.*?)"?$/
    .exec((error as Error).message)
    ?.slice(1, 3)
    .join(': ') ?? (error as Error).message;

async function checkOldRungs(
  connection: ChannelModel,
  database: Client,
  wanted: readonly Subscriptions[],
  ladder: readonly RetryDelay[],
): Promise<QueueChange[]> {
  if (!(await isThere(database, 'retry_queues'))) return [];
  const { rows } = await database.query<{ consumer: string; label: string }>(
    `SELECT consumer, label FROM retry_queues WHERE consumer = ANY ($1) AND label <> ALL ($2) ORDER BY 1, 2`,
    [wanted.map(({ service }) => service), ladder.map(({ label }) => label)],
  );
  const changes: QueueChange[] = [];
  for (const { consumer, label } of rows) {
    const name = serviceNames(consumer).retryQueue({ label, ms: 0 });
    const found = await inspectQueue(connection, name);
    if (found) changes.push({ name, change: 'goes when it is empty', messages: found.messages });
  }
  return changes;
}

/** Which consumers would take other types. */
export async function checkSubscriptions(
  database: Client,
  wanted: readonly Subscriptions[],
): Promise<SubscriptionChange[]> {
  const { rows } = (await isThere(database, 'subscriptions'))
    ? await database.query<{ consumer: string; event_type: string }>(
        'SELECT consumer, event_type FROM subscriptions WHERE until IS NULL ORDER BY 1, 2',
      )
    : { rows: [] };
  const key = (one: { consumer: string; event_type: string }) => `${one.consumer} ${one.event_type}`;
  const there = new Set(rows.map(key));
  const all = wanted.flatMap(({ service, types }) =>
    types.map((event_type) => ({ consumer: service, event_type: event_type as string })),
  );
  const asked = new Set(all.map(key));
  return [
    ...all.filter((one) => !there.has(key(one))).map((one) => ({ ...one, change: 'begins' as const })),
    ...rows.filter((one) => !asked.has(key(one))).map((one) => ({ ...one, change: 'ends' as const })),
  ];
}

export async function isThere(database: Client, table: string): Promise<boolean> {
  const { rows } = await database.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    table,
  ]);
  return rows[0]!.there;
}
