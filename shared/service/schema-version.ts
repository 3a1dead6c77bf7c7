import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Database } from './database';
import type { Check } from './health-server';
import { within } from './within';

/** The newest migration that this code knows; undefined where it runs without its migrations. */
export function newestMigration(from = __dirname): string | undefined {
  const folder = path.join(from, 'prisma', 'migrations');
  if (existsSync(folder))
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
      .at(-1);
  const parent = path.dirname(from);
  return parent === from ? undefined : newestMigration(parent);
}

const ANSWER_MS = 2_000;

/**
 * A check for `/readyz`: whether the database answers, and has the tables that this code needs. One that is newer is
 * fine. What was found once is not asked again.
 */
export function databaseIsUsable(database: Database, newest = newestMigration()): () => Promise<Check> {
  let isMigrated = newest === undefined;
  return () => within(ANSWER_MS, isMigrated ? answers() : migrated()).catch(() => false);

  async function answers(): Promise<Check> {
    await database.$queryRaw`SELECT 1`;
    return true;
  }

  async function migrated(): Promise<Check> {
    const [table] = await database.$queryRaw<{ name: string | null }[]>`
      SELECT to_regclass('_prisma_migrations')::text AS name`;
    if (table?.name) {
      const rows = await database.$queryRaw<unknown[]>`
        SELECT 1 AS found FROM _prisma_migrations WHERE migration_name = ${newest} AND finished_at IS NOT NULL`;
      isMigrated = rows.length > 0;
    }
    return isMigrated || `the migration ${newest} is not applied: run npm run migrate`;
  }
}
