import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { PostgresClient } from '../service/postgres-client';
import { sessionConfig } from '../service/session-settings';
import { openDatabase, type Database } from '../service/database';
import { openPipeline, type Pipeline } from '../service/pipeline';
import type { Transactions } from '../service/transaction';

export interface TestDatabase {
  url: string;
  database: Database;
  /** Disconnects and drops it. @throws when somebody has left a connection open */
  drop(): Promise<void>;
}

const setting = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with npm test, which starts the servers`);
  return value;
};

const pipelines = new WeakMap<Database, Pipeline>();

/** What consumers of a test's database handle batches in, as in the services. */
export const transactionsOf = (database: Database): Transactions => pipelines.get(database) ?? database;

/** A migrated database of its own, cloned from the template that the run has prepared. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `ordermesh_test_${randomBytes(6).toString('hex')}`;
  await asAdmin((admin) =>
    admin.query(`CREATE DATABASE ${name} TEMPLATE ${setting('TEST_TEMPLATE_DATABASE')}`),
  );
  const url = new URL(setting('TEST_DATABASE_URL'));
  url.pathname = `/${name}`;
  const options = {
    url: url.toString(),
    applicationName: 'test',
    onIdleError: () => undefined, // tests cut connections on purpose
  };
  const database = openDatabase({ ...options, poolSize: 10 });
  const pipeline = openPipeline({ ...options, poolSize: 10 });
  pipelines.set(database, pipeline);
  return {
    url: url.toString(),
    database,
    drop: async () => {
      await pipeline.close();
      await database.$disconnect();
      const leaked = await asAdmin(async (admin) => {
        const open = await openConnections(admin, name);
        await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
        return open;
      });
      if (leaked.length > 0) throw new Error(`connections were left open: ${leaked.join('; ')}`);
    },
  };
}

/** What is still connected after a moment's grace for sockets that are just closing. */
async function openConnections(admin: Client, name: string): Promise<string[]> {
  const deadline = Date.now() + 3_000;
  for (;;) {
    const { rows } = await admin.query<{ who: string }>(
      `SELECT application_name || ': ' || left(query, 80) AS who FROM pg_stat_activity
       WHERE datname = $1 AND backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || Date.now() > deadline) return rows.map((row) => row.who);
  }
}

async function asAdmin<T>(work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new PostgresClient(
    sessionConfig(setting('TEST_DATABASE_URL'), { kind: 'migration', applicationName: 'test' }),
  );
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}
