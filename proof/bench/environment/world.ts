import { connectBroker } from '../../../shared/messaging/connect-broker';
import type { QueryResultRow } from 'pg';
import { makePartitions } from '../../../shared/history/partitions';
import { declareMesh } from '../../../shared/messaging/declare-mesh';
import { databaseUrlOf, TEMPLATE, withClient, type BenchServers } from './servers';

/** A database of a part's own: no part has to carry what another has left. */
export interface BareWorld {
  databaseUrl: string;
  query: <Row extends QueryResultRow>(sql: string, values?: unknown[]) => Promise<Row[]>;
  /** Dead rows and dirty pages of what was before are not what is measured next. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** A database and a virtual host. */
export interface World extends BareWorld {
  rabbitmqUrl: string;
}

/** @param mesh whether all services' queues are declared, as the set-up step does it */
export async function openWorld(
  { postgres, rabbitmq }: BenchServers,
  name: string,
  mesh: boolean,
): Promise<World> {
  const bare = await openDatabaseOf({ postgres }, name, TEMPLATE);
  const { databaseUrl } = bare;
  const database = databaseOf(name);
  await withClient(databaseUrl, (client) => makePartitions(client));
  const rabbitmqUrl = new URL(rabbitmq.url);
  rabbitmqUrl.pathname = `/${database}`;
  await manage(rabbitmq.managementUrl, 'PUT', `/api/vhosts/${database}`);
  await manage(rabbitmq.managementUrl, 'PUT', `/api/permissions/${database}/${rabbitmqUrl.username}`, {
    configure: '.*',
    write: '.*',
    read: '.*',
  });
  if (mesh) await declareMesh({ databaseUrl, rabbitmqUrl: rabbitmqUrl.href });

  return {
    ...bare,
    rabbitmqUrl: rabbitmqUrl.href,
    stop: async () => {
      await manage(rabbitmq.managementUrl, 'DELETE', `/api/vhosts/${database}`);
      await bare.stop();
    },
  };
}

const databaseOf = (name: string) => `bench_${name.toLowerCase().replaceAll('-', '_')}`;

/** A database alone, empty or cloned from a template. */
export async function openDatabaseOf(
  { postgres }: Pick<BenchServers, 'postgres'>,
  name: string,
  template = 'template1',
): Promise<BareWorld> {
  const database = databaseOf(name);
  const databaseUrl = databaseUrlOf(postgres.url, database);
  await withClient(postgres.url, (client) =>
    client.query(`CREATE DATABASE ${database} TEMPLATE ${template}`),
  );
  const query = <Row extends QueryResultRow>(sql: string, values?: unknown[]) =>
    withClient(databaseUrl, async (client) => (await client.query<Row>(sql, values)).rows);
  return {
    databaseUrl,
    query,
    settle: async () => {
      await query('VACUUM ANALYZE');
      await query('CHECKPOINT');
    },
    stop: async () => {
      await withClient(postgres.url, (client) => client.query(`DROP DATABASE ${database} WITH (FORCE)`));
    },
  };
}

/** A queue that takes every event and that nobody reads. */
export async function catchAll({ rabbitmqUrl }: World, queue: string): Promise<{ stop(): Promise<void> }> {
  const connection = await connectBroker(rabbitmqUrl);
  connection.on('error', () => undefined); // the call in progress rejects with it
  const channel = await connection.createChannel();
  await channel.assertExchange('ordermesh.events', 'topic', { durable: true });
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.bindQueue(queue, 'ordermesh.events', '#');
  return {
    stop: async () => {
      await channel.deleteQueue(queue);
      await connection.close();
    },
  };
}

async function manage(management: string, method: string, path: string, body?: unknown): Promise<void> {
  const { username, password, origin } = new URL(management);
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const response = await fetch(`${origin}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}
