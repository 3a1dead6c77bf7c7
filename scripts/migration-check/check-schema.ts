import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { tableOwners } from '../users/table-owners';
import type { Migration } from '../find-migrations';
import { isLong, type Effect } from './effects';
import { readMigration, type Statement } from './read-migration';
import { REVIEWED } from './reviewed';

export interface CheckedStatement {
  sql: string;
  table?: string;
  /** Rows of the table now: exact up to {@link MANY_ROWS}, and the planner's estimate beyond. */
  rows?: number;
  lock?: string;
  takes: string;
  /** Why it cannot be done while the mesh runs; absent where it can. */
  blocks?: string;
  /** What to write instead. */
  instead?: string;
  /** Somebody has looked at it, and why it can be done all the same. */
  vouched?: string;
}

export interface CheckedMigration {
  name: string;
  /** It cannot be read; then there are no statements. */
  error?: string;
  statements: CheckedStatement[];
}

export interface CheckedSchema {
  /** In the order in which they would be applied. */
  pending: CheckedMigration[];
  /** Began once and did not end: npm run migrate refuses to go on. */
  failed: string[];
  /** Applied, and written otherwise since: what is there may not be what this version takes it for. */
  changed: string[];
  /** Applied, and unknown to this version: the database is of a newer one. */
  newer: string[];
}

/** A table with more rows takes long enough to be read that somebody waits. */
export const MANY_ROWS = 50_000;

/**
 * Compares the migrations that there are to be with those that are applied. It only reads.
 * @param known of all that this version has, also those of examples that take no part
 */
export async function checkSchema(
  database: Client,
  migrations: readonly Migration[],
  known: ReadonlySet<string>,
): Promise<CheckedSchema> {
  const applied = await appliedMigrations(database);
  const done = new Set(applied.filter(({ isDone }) => isDone).map(({ name }) => name));
  const made = new Set<string>();
  const pending: CheckedMigration[] = [];
  for (const migration of migrations)
    if (!done.has(migration.name))
      pending.push(
        await checkMigration(
          migration,
          made,
          (table) => countRows(database, table),
          (table) => isPartitioned(database, table),
        ),
      );
  const sums = new Map(migrations.map(({ name, sql }) => [name, sumOf(sql)]));
  return {
    pending,
    changed: applied.flatMap(({ name, isDone, sum }) =>
      isDone && sums.has(name) && sums.get(name) !== sum ? [name] : [],
    ),
    failed: applied.filter(({ isDone, name }) => !isDone && !done.has(name)).map(({ name }) => name),
    newer: [...done].filter((name) => !known.has(name)).sort(),
  };
}

/**
 * What each statement of a migration would do.
 * @param made tables and indexes that earlier ones make, which share their names: nobody uses them yet. Those that this
 *   one makes are added
 * @param rowsOf how many rows a table has; undefined where there is none
 * @param hasPartitions whether a table that is there has them
 */
export async function checkMigration(
  { name, sql }: Migration,
  made: Set<string>,
  rowsOf: (table: string) => Promise<number | undefined>,
  hasPartitions: (table: string) => Promise<boolean> = async () => false,
): Promise<CheckedMigration> {
  let read: Statement[];
  try {
    read = await readMigration(sql);
  } catch (error) {
    return { name, statements: [], error: (error as Error).message };
  }
  const statements: CheckedStatement[] = [];
  for (const { sql: text, effects, vouched } of read) {
    for (const { makes, unlessThere, table } of effects)
      if (makes && table && !(unlessThere && (await rowsOf(table)) !== undefined)) made.add(table);
    for (const { table, index } of effects) if (table && index) made.add(index);
    const judged: CheckedStatement[] = [];
    for (const effect of effects) {
      const about = effect.table ?? effect.index;
      const isNew = about !== undefined && made.has(about);
      const rows = effect.table && !isNew ? await rowsOf(effect.table) : undefined;
      const refused = effect.notPartitioned && !isNew && (await hasPartitions(effect.table!));
      judged.push({ sql: text, ...judge(refused ? { ...effect, ...PARTITIONED } : effect, isNew, rows) });
    }
    const worst = judged.find(({ blocks }) => blocks) ?? judged.find(({ lock }) => lock) ?? judged[0]!;
    const reason = vouched ?? REVIEWED[name];
    statements.push(worst.blocks && reason ? { ...without(worst), vouched: reason } : worst);
  }
  return { name, statements };
}

const PARTITIONED: Partial<Effect> = {
  breaks: 'PostgreSQL refuses to build an index CONCURRENTLY on a partitioned table, and the migration fails',
  instead:
    'CREATE INDEX … ON ONLY the table, CREATE INDEX CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION',
};

/** As the engine keeps it. */
const sumOf = (sql: string) => createHash('sha256').update(sql).digest('hex');

const without = ({ blocks: _, instead: __, ...rest }: CheckedStatement): CheckedStatement => rest;

function judge(effect: Effect, isNew: boolean, rows: number | undefined): Omit<CheckedStatement, 'sql'> {
  const { table, lock, takes, breaks, instead } = effect;
  if (isNew) return { table, takes: table ? 'a new table' : 'a new index' };
  const about = {
    ...(table && { table }),
    ...(rows !== undefined && { rows }),
    ...(lock && { lock }),
    takes,
  };
  const blocks = breaks ?? (isLong(effect) && (rows ?? 0) > MANY_ROWS ? waiting(effect) : undefined);
  return { ...about, ...(blocks && { blocks: blocks + usedBy(table), ...(instead && { instead }) }) };
}

const waiting = ({ lock, takes, table }: Effect): string =>
  lock === 'ROW EXCLUSIVE'
    ? `it ${takes} of ${table} that it is about, and whoever needs one of them waits to the end`
    : `it ${takes} of ${table}, and ${lock === 'SHARE' || lock === 'SHARE ROW EXCLUSIVE' ? 'nobody writes it' : 'nobody reads or writes it'} meanwhile`;

let owners: Map<string, string> | undefined;
function usedBy(table: string | undefined): string {
  owners ??= tableOwners();
  const owner = table === undefined ? undefined : owners.get(table);
  return owner === undefined ? '' : ` (${owner === 'mesh' ? 'every service uses it' : `${owner} owns it`})`;
}

async function appliedMigrations(
  database: Client,
): Promise<{ name: string; isDone: boolean; sum: string }[]> {
  const { rows: tables } = await database.query<{ there: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`,
  );
  if (!tables[0]?.there) return [];
  const { rows } = await database.query<{ name: string; is_done: boolean; sum: string }>(
    `SELECT migration_name AS name, finished_at IS NOT NULL AS is_done, checksum AS sum FROM _prisma_migrations
     WHERE rolled_back_at IS NULL`,
  );
  return rows.map(({ name, is_done, sum }) => ({ name, isDone: is_done, sum }));
}

async function isPartitioned(database: Client, table: string): Promise<boolean> {
  const { rows } = await database.query<{ is: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(quote_ident($1)) AND relkind = 'p') AS is`,
    [table],
  );
  return rows[0]!.is;
}

async function countRows(database: Client, table: string): Promise<number | undefined> {
  const { rows } = await database.query<{ name: string | null; estimate: string }>(
    `SELECT to_regclass(quote_ident($1))::text AS name, coalesce((
       SELECT sum(greatest(c.reltuples, 0)) FROM pg_partition_tree(to_regclass(quote_ident($1))) t JOIN pg_class c ON c.oid = t.relid
     ), 0)::bigint::text AS estimate`,
    [table],
  );
  const { name, estimate } = rows[0]!;
  if (name === null) return undefined;
  // The estimate of a table that was never analysed is nothing.
  const counted = await database.query<{ count: string }>(
    `SELECT count(*) FROM (SELECT FROM ${name} LIMIT ${MANY_ROWS + 1}) AS counted`,
  );
  return Math.max(
    Number(counted.rows[0]!.count),
    Number(counted.rows[0]!.count) > MANY_ROWS ? Number(estimate) : 0,
  );
}
