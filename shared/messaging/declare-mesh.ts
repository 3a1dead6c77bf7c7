import type { Channel, ChannelModel } from 'amqplib';
import { z } from 'zod';
import { makePartitions } from '../history/partitions';
import { backoff } from '../service/backoff';
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
import { renewDeadLetterQueue } from './renew-dead-letter-queue';
import { retryDelays } from './retry-config';
import { declareService, EVENTS_EXCHANGE, serviceNames } from './topology';

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
      for (const { service } of subscriptions) await renew(connection, service, options);
      const channel = await connection.createChannel();
      await channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
      for (const { service, types } of subscriptions)
        await declareService(channel, service, types, RETRY_DELAYS);
      for (const ended of await endSubscriptions(database, subscriptions)) await unbind(connection, ended);
      await beginSubscriptions(database, subscriptions);
      return subscriptions.map(({ service }) => service);
    } finally {
      await connection.close();
    }
  } finally {
    await database.end();
  }
}

async function renew(connection: ChannelModel, service: string, { say }: DeclareMeshOptions): Promise<void> {
  const moved = await renewDeadLetterQueue(connection, service);
  if (moved !== undefined)
    say?.(`${service}.dlq now refuses what it has no room for; its ${moved} dead letters were kept`);
}

const LOCK = [0x6d657368, 0x746f706f]; // "mesh", "topo"

/** Two set-up steps at once would move each other's dead letters. Held to the end of the session. */
const oneAtATime = (database: Client) => database.query('SELECT pg_advisory_lock($1, $2)', LOCK);

const CONNECT_ATTEMPTS = 10;

/** The broker may still be starting; about half a minute is given to it. */
async function connectPatiently(url: string): Promise<ChannelModel> {
  for (let failures = 0; ; failures++) {
    try {
      const connection = await connectBroker(url, {
        timeout: 10_000,
        clientProperties: { connection_name: 'ordermesh-migrate' },
      });
      connection.on('error', () => undefined); // the call in progress rejects with it
      return connection;
    } catch (error) {
      const refused = permanentConnectionError(error);
      if (refused) throw new ConnectionRefused(`RabbitMQ does not let us in: ${refused}`);
      if (failures >= CONNECT_ATTEMPTS) throw error;
      await backoff(failures);
    }
  }
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
