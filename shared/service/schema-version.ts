import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { briefly } from '../messaging/failure';
import { bare, type Database } from './database';
import type { Check } from './health-server';
import { foldersWith } from './service-folders';
import { LateError, within } from './within';

/**
 * The migrations that a service needs: the mesh's newest, and the newest in its own folder, where it has some. Empty
 * where it runs without the migrations beside it.
 */
export function neededMigrations(service?: string): string[] {
  const root = rootAbove(__dirname);
  return root === undefined
    ? []
    : foldersWith('migrations', root)
        .filter(({ name }) => name === 'prisma' || name === service)
        .flatMap((folder) => newestIn(path.join(root, folder.path, 'migrations')) ?? []);
}

function rootAbove(folder: string): string | undefined {
  if (existsSync(path.join(folder, 'prisma', 'migrations'))) return folder;
  const parent = path.dirname(folder);
  return parent === folder ? undefined : rootAbove(parent);
}

const newestIn = (folder: string): string | undefined =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .at(-1);

const ANSWER_MS = 2_000;

const whyNot = (error: unknown): string =>
  error instanceof LateError
    ? `PostgreSQL takes longer than ${ANSWER_MS} ms`
    : `PostgreSQL cannot be used: ${briefly(error)}`;

/**
 * A check for `/readyz`: whether the database answers, and has the tables that this code needs. One that is newer is
 * fine. What was found once is not asked again.
 */
export function databaseIsUsable(database: Database, needed = neededMigrations()): () => Promise<Check> {
  let isMigrated = needed.length === 0;
  return () => within(ANSWER_MS, isMigrated ? answers() : migrated()).catch(whyNot);

  async function answers(): Promise<Check> {
    await bare(database).$queryRaw`SELECT 1`;
    return true;
  }

  async function migrated(): Promise<Check> {
    const missing = await notApplied();
    isMigrated = missing === undefined;
    return isMigrated || `the migration ${missing} is not applied: run npm run migrate`;
  }

  async function notApplied(): Promise<string | undefined> {
    const [table] = await database.$queryRaw<{ name: string | null }[]>`
      SELECT to_regclass('_prisma_migrations')::text AS name`;
    if (!table?.name) return needed[0];
    const rows = await database.$queryRaw<{ migration_name: string }[]>`
      SELECT migration_name FROM _prisma_migrations WHERE migration_name = ANY(${needed}) AND finished_at IS NOT NULL`;
    return needed.find((name) => !rows.some(({ migration_name }) => migration_name === name));
  }
}
