import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Client } from 'pg';
import { PostgresClient } from '../../../shared/service/postgres-client';
import { sessionConfig } from '../../../shared/service/session-settings';
import { applyMigrations } from '../../../scripts/apply-migrations';
import type { ServerName } from '../../testbed/breakable-server';
import { ownServers } from '../../testbed/own-server';
import { Instance } from '../../../scripts/servers/instance';
import { instanceFolder } from '../../../scripts/servers/instance-folder';
import type { Search } from '../../../scripts/servers/search';
import { postgresUser } from '../../../scripts/servers/system-user';
import type { Control } from '../../../scripts/supervisor/control';

/** The run's own servers, durable as in earnest. */
export interface BenchServers {
  postgres: BenchServer;
  rabbitmq: BenchServer & { managementUrl: string };
  /** `fsync=on …`, as PostgreSQL says it. */
  durability: string;
  end(): Promise<void>;
}

export interface BenchServer {
  url: string;
  how: string;
  /** Undefined where it does not run as a process of this machine that can be looked at. */
  pid: number | undefined;
}

/** A migrated database that those of the parts are cloned from. */
export const TEMPLATE = 'bench_template';

/** Starts both. Data is below the run's folder (see testbed/run-folder.ts), which is removed afterwards. */
export async function startServers(control: Control): Promise<BenchServers> {
  const { postgres, rabbitmq } = await ownServers(control);
  const end = async () => void (await Promise.allSettled([postgres.end(), rabbitmq.end()]));
  try {
    await makeTemplate(postgres.url);
    return {
      postgres: { url: postgres.url, how: postgres.how, pid: pidOf('postgres', control) },
      rabbitmq: {
        url: rabbitmq.url,
        how: rabbitmq.how,
        pid: pidOf('rabbitmq', control),
        managementUrl: rabbitmq.managementUrl,
      },
      durability: await durabilityOf(postgres.url),
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Of a private instance; one in a container is not below us. */
function pidOf(name: ServerName, { say, stopping }: Control): number | undefined {
  const search: Search = { purpose: 'chaos', log: say, signal: stopping, fresh: false };
  const folder = instanceFolder(name, search, name === 'postgres' ? postgresUser() : undefined);
  if (!existsSync(path.join(folder, 'instance.json'))) return undefined;
  return new Instance(folder).record.processes.at(-1)?.pid; // the last one started is the server
}

async function makeTemplate(adminUrl: string): Promise<void> {
  await withClient(adminUrl, (client) => client.query(`CREATE DATABASE ${TEMPLATE}`));
  await applyMigrations(databaseUrlOf(adminUrl, TEMPLATE));
}

async function durabilityOf(url: string): Promise<string> {
  const { rows } = await withClient(url, (client) =>
    client.query<{ setting: string }>(
      `SELECT name || '=' || setting AS setting FROM pg_settings
       WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') ORDER BY name`,
    ),
  );
  return rows.map(({ setting }) => setting).join(' ');
}

export function databaseUrlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new PostgresClient(sessionConfig(url, { kind: 'migration', applicationName: 'bench' }));
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
