import type { Client } from 'pg';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { declaredServices } from '../shared/messaging/discover-subscriptions';
import { permanentConnectionError } from '../shared/service/permanent-connection-error';
import { parsePostgresUrl } from '../shared/service/postgres-url';
import { PostgresClient } from '../shared/service/postgres-client';
import { sessionConfig } from '../shared/service/session-settings';
import { findMigrations, type Migration } from './find-migrations';
import { findStrangers } from './find-strangers';
import { withSchemaEngine } from './schema-engine';
import { addressOf } from './server-urls';
import { checkout } from './servers/checkout';
import { assertPostgresAnswers } from './servers/readiness';
import { UserError } from './servers/search';
import { Hopeless, waitUntil } from './servers/wait-until';

const baseDir = path.join(checkout, 'prisma', 'migrations');

/** Any number will do, as long as nothing else in this database locks it. */
const migrationLock = 7_207_351;

/**
 * Brings the database up to the migrations that there are ({@link findMigrations}), as `prisma migrate deploy` does
 * and with the same bookkeeping in `_prisma_migrations`. Waits for the database to answer; of several that run at
 * once, one migrates and the others wait for it.
 * @param examples those that are asked for, beside those that take part already
 * @returns the names of the migrations that it applied, none when up to date
 * @throws UserError with the engine's message, e.g. for a migration that failed earlier
 */
export async function applyMigrations(
  databaseUrl: string,
  examples: readonly string[] = [],
): Promise<string[]> {
  await waitUntil(() => assertPostgresAnswers(databaseUrl).catch(giveUpIfRefused), {
    what: `PostgreSQL at ${addressOf(databaseUrl)}`,
    timeoutMs: 30_000,
    everyMs: 250,
  });
  return withMigrationLock(databaseUrl, async (client) => {
    await prepareSchema(client, parsePostgresUrl(databaseUrl).schema, examples);
    const migrationsList = toList(findMigrations([...examples, ...(await declaredServices(client))]));
    return withSchemaEngine(databaseUrl, async (engine) => {
      try {
        const filters = { externalTables: [], externalEnums: [] };
        return (await engine.applyMigrations({ migrationsList, filters })).appliedMigrationNames;
      } catch (error) {
        throw new UserError(`The migration failed.\n${engineMessage(error)}`);
      }
    });
  });
}

/** Makes the URL's schema where it is missing, and refuses one that somebody else uses. */
async function prepareSchema(
  client: Client,
  schema: string | undefined,
  examples: readonly string[],
): Promise<void> {
  if (schema) await makeSchema(client, schema);
  const strangers = await findStrangers(client, schema, findMigrations(examples));
  if (strangers) throw new UserError(strangers);
}

/** IF NOT EXISTS alone needs the right to make one, also where it is there. */
async function makeSchema(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rows.length === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
}

/** A wrong login or an unknown certificate does not become right by waiting. */
function giveUpIfRefused(error: unknown): never {
  const refused = permanentConnectionError(error);
  throw refused ? new Hopeless(`PostgreSQL does not let us in: ${refused}`) : error;
}

function toList(migrations: readonly Migration[]) {
  const lockfile = 'migration_lock.toml';
  return {
    baseDir,
    lockfile: { path: lockfile, content: readFileSync(path.join(baseDir, lockfile), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
    })),
  };
}

/** A session lock on a connection of its own: the engine's may not be held up or counted on. */
async function withMigrationLock<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new PostgresClient(
    sessionConfig(databaseUrl, { kind: 'migration', applicationName: 'ordermesh-migrate' }),
  );
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    await waitForLock(client);
    return await work(client);
  } finally {
    await client.end(); // and the lock with it
  }
}

/**
 * By asking again and again: a statement that waits has a snapshot, for the end of which an index that is built
 * concurrently waits in turn, in the very migration whose end is waited for.
 */
const waitForLock = (client: Client) =>
  waitUntil(
    async () => {
      const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [
        migrationLock,
      ]);
      if (!rows[0]?.got) throw new Error('it still runs');
    },
    { what: 'another npm run migrate to finish', timeoutMs: 30 * 60_000, everyMs: 200 },
  );

function engineMessage(error: unknown): string {
  const { message, meta, code } = error as { message?: string; meta?: { message?: string }; code?: string };
  const text = meta?.message ?? message ?? String(error);
  // What follows is the engine's own call stack.
  return [code, text.split(/\n +0: /)[0]?.trimEnd()].filter(Boolean).join(' ');
}
