import type { Channel, ChannelModel } from 'amqplib';
import { z } from 'zod';
import { makePartitions } from '../history/partitions';
import { backoff } from '../service/backoff';
import { pause } from '../service/pause';
import { readConfig } from '../service/config';
import type { Client } from 'pg';
import { PostgresClient } from '../service/postgres-client';
import { sessionConfig } from '../service/session-settings';
import { ConnectionRefused, permanentConnectionError } from '../service/permanent-connection-error';
import { connectBroker } from './connect-broker';
import {
  discoverSubscriptions,
  wantedSubscriptions,
  type AskedExamples,
  type Subscriptions,
} from './discover-subscriptions';
import { inItsWords } from './declaration-refused';
import { onLooseChannel } from './loose-channel';
import { needsRenewal, QueueIsRead, renewQueue } from './renew-queue';
import { whileRenewing } from './renewal-lock';
import { retryDelays } from './retry-config';
import {
  declareService,
  EVENTS_EXCHANGE,
  queuesOf,
  serviceNames,
  type QueueDeclaration,
  type RetryDelay,
} from './topology';

export { discoverSubscriptions, type Subscriptions };

export interface DeclareMeshOptions extends AskedExamples {
  databaseUrl: string;
  rabbitmqUrl: string;
  /** What is discovered, unless given. */
  subscriptions?: Subscriptions[];
  /** Told what was changed, for people. */
  say?: (line: string) => void;
}

/**
 * The set-up step's part for the mesh, run before anything is published: makes the first partitions of
 * the history, declares every service's topology, then records which consumer takes which types since when. Idempotent. A type that a
 * service no longer takes, and all types of a service that is gone, are unbound and their record ends.
 *
 * The queues come first: a recorded subscription promises that there is a queue to take the events.
 * @returns the services that subscribe now
 * @throws {DeclarationRefused}
 */
export async function declareMesh(options: DeclareMeshOptions): Promise<string[]> {
  const { RETRY_DELAYS } = readConfig(z.object({ RETRY_DELAYS: retryDelays }));
  const database = new PostgresClient(
    sessionConfig(options.databaseUrl, { kind: 'migration', applicationName: 'ordermesh-migrate' }),
  );
  database.on('error', () => undefined); // the query in progress rejects with it
  await database.connect();
  try {
    await makePartitions(database);
    const connection = await connectPatiently(options.rabbitmqUrl);
    try {
      await oneAtATime(database);
      const subscriptions = options.subscriptions ?? (await wantedSubscriptions(database, options));
      await recordLadders(database, subscriptions, RETRY_DELAYS);
      const asIs = new Set<string>();
      for (const one of subscriptions)
        for (const declaration of queuesOf(one.service, one.types, RETRY_DELAYS))
          if (!(await renew(connection, database, one.service, declaration, options)))
            asIs.add(declaration.queue);
      for (const { service, types } of subscriptions)
        await onLooseChannel(connection, (channel) =>
          declareService(channel, service, types, RETRY_DELAYS, { asIs, exchange: 'declare' }),
        ).catch(inItsWords);
      for (const ended of await endSubscriptions(database, subscriptions)) await unbind(connection, ended);
      await beginSubscriptions(database, subscriptions);
      return subscriptions.map(({ service }) => service);
    } finally {
      await connection.close().catch(() => undefined); // it is lost: that has been thrown
    }
  } finally {
    await database.end();
  }
}

/** Instances of this version let go within seconds, with nothing in hand. */
const LET_GO_MS = 30_000;
/** Whoever looks at dead letters has seen them. */
const COMMAND_MS = 5_000;
const LOOK_EVERY_MS = 250;

/**
 * Gives a queue its arguments of today where it has others.
 * @returns false where it has to stay as it is for now: it is a work queue, and not all who read it let go
 */
async function renew(
  connection: ChannelModel,
  database: Client,
  service: string,
  declaration: QueueDeclaration,
  { say }: DeclareMeshOptions,
): Promise<boolean> {
  const { queue } = declaration;
  if (!(await needsRenewal(connection, declaration))) return true;
  const work = async () => {
    const moved = await renewQueue(connection, declaration);
    if (moved !== undefined) say?.(`${queue} has its arguments of today; its ${moved} messages were kept`);
  };
  if (queue !== serviceNames(service).queue) {
    await onceLetGo(work, COMMAND_MS);
    return true;
  }
  const isDone = await whileRenewing(database, service, () =>
    onceLetGo(work, LET_GO_MS).then(
      () => true,
      (error: unknown) => {
        if (error instanceof QueueIsRead) return false;
        throw error;
      },
    ),
  );
  if (!isDone)
    say?.(
      `${queue} was declared with other arguments, and is read by an instance that does not let go of it (an older version?). ` +
        'It is used as it is; run npm run migrate again when all are of this version',
    );
  return isDone;
}

/** @throws {QueueIsRead} where the queue is read for longer than that */
async function onceLetGo(work: () => Promise<void>, withinMs: number): Promise<void> {
  for (const until = Date.now() + withinMs; ;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof QueueIsRead) || Date.now() > until) throw error;
      await pause(LOOK_EVERY_MS);
    }
  }
}

const LOCK = [0x6d657368, 0x746f706f]; // "mesh", "topo"

/** Two set-up steps at once would move each other's dead letters. Held to the end of the session. */
const oneAtATime = (database: Client) => database.query('SELECT pg_advisory_lock($1, $2)', LOCK);

const CONNECT_ATTEMPTS = 10;

/** The broker may still be starting; about half a minute is given to it. */
async function connectPatiently(url: string): Promise<ChannelModel> {
  for (let failures = 0; ; failures++) {
    try {
      return await connectBroker(url, {
        timeout: 10_000,
        clientProperties: { connection_name: 'ordermesh-migrate' },
      });
    } catch (error) {
      const refused = permanentConnectionError(error);
      if (refused) throw new ConnectionRefused(`RabbitMQ does not let us in: ${refused}`);
      if (failures >= CONNECT_ATTEMPTS) throw error;
      await backoff(failures);
    }
  }
}

/** Which retry queues there are from now on, before they are; those of other delays are removed when they are empty. */
async function recordLadders(
  database: Client,
  subscriptions: readonly Subscriptions[],
  ladder: readonly RetryDelay[],
): Promise<void> {
  const services = subscriptions.map(({ service }) => service);
  const labels = ladder.map(({ label }) => label);
  await database.query(
    `INSERT INTO retry_queues (consumer, label)
     SELECT consumer, label FROM unnest($1::text[]) AS consumer CROSS JOIN unnest($2::text[]) AS label
     ON CONFLICT (consumer, label) DO UPDATE SET current = true`,
    [services, labels],
  );
  await database.query(
    'UPDATE retry_queues SET current = false WHERE consumer = ANY ($1) AND label <> ALL ($2)',
    [services, labels],
  );
}

interface SubscriptionRow {
  consumer: string;
  event_type: string;
}

const currentRows = (subscriptions: readonly Subscriptions[]): string =>
  JSON.stringify(
    subscriptions.flatMap(({ service, types }) =>
      types.map((event_type) => ({ consumer: service, event_type })),
    ),
  );

const AS_ROWS = 'json_to_recordset($1::json) AS declared (consumer text, event_type text)';

async function endSubscriptions(
  database: Client,
  subscriptions: readonly Subscriptions[],
): Promise<SubscriptionRow[]> {
  const { rows } = await database.query<SubscriptionRow>(
    `UPDATE subscriptions s SET until = now()
     WHERE until IS NULL AND NOT EXISTS (
       SELECT FROM ${AS_ROWS} WHERE (declared.consumer, declared.event_type) = (s.consumer, s.event_type))
     RETURNING consumer, event_type`,
    [currentRows(subscriptions)],
  );
  return rows;
}

async function beginSubscriptions(database: Client, subscriptions: readonly Subscriptions[]): Promise<void> {
  await database.query(
    `INSERT INTO subscriptions (consumer, event_type) SELECT consumer, event_type FROM ${AS_ROWS} ON CONFLICT DO NOTHING`,
    [currentRows(subscriptions)],
  );
}

/** On a channel of its own: unbinding from a queue that is gone would close it. */
async function unbind(connection: ChannelModel, { consumer, event_type }: SubscriptionRow): Promise<void> {
  const channel: Channel = await connection.createChannel();
  channel.on('error', () => undefined); // the call below rejects with it
  try {
    await channel.unbindQueue(serviceNames(consumer).queue, EVENTS_EXCHANGE, event_type);
    await channel.close();
  } catch {
    // The queue is gone, and its bindings with it.
  }
}
