import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { checkout } from './servers/checkout';
import { waitUntil } from './servers/wait-until';

const run = promisify(execFile);
const database = `ordermesh_migrate_${randomUUID().slice(0, 8)}`;
const admin = new Client({ connectionString: process.env.TEST_DATABASE_URL });
const target = new URL(process.env.TEST_DATABASE_URL!);
target.pathname = `/${database}`;

beforeAll(async () => {
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
});

afterAll(async () => {
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.end();
});

/** In processes of their own, as the command runs: Jest cannot import the engine's module. */
async function migrate(url = target.href): Promise<string[]> {
  const module = path.join(checkout, 'dist', 'scripts', 'apply-migrations.js');
  const script = `require(${JSON.stringify(module)}).applyMigrations(process.env.URL)
    .then((names) => { console.log(JSON.stringify(names)); process.exit(0); })`;
  const { stdout } = await run(process.execPath, ['-e', script], {
    env: { ...process.env, URL: url },
  });
  return JSON.parse(stdout) as string[];
}

test('of several that migrate at once, one does, and its bookkeeping is that of prisma migrate', async () => {
  const migrations = readdirSync(path.join(checkout, 'prisma', 'migrations'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();

  const applied = await Promise.all([migrate(), migrate(), migrate()]);
  expect(applied.filter((names) => names.length > 0)).toEqual([migrations]);

  const client = new Client({ connectionString: target.href });
  await client.connect();
  const { rows } = await client.query<{ migration_name: string; applied_steps_count: number }>(
    'SELECT migration_name, applied_steps_count FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY 1',
  );
  await client.end();
  expect(rows).toEqual(migrations.map((name) => ({ migration_name: name, applied_steps_count: 1 })));
});

describe('a migration of a table that is in use', () => {
  const user = new Client({ connectionString: target.href });
  const other = new Client({ connectionString: target.href });
  beforeAll(async () => {
    await Promise.all([user.connect(), other.connect()]);
    await other.query('CREATE TABLE busy (id INT)');
  });
  afterAll(() => Promise.all([user.end(), other.end()]));

  /** By the engine, with a migration of the test's own. */
  const apply = (sql: string) => {
    const module = path.join(checkout, 'dist', 'scripts', 'schema-engine.js');
    const migrationsList = {
      baseDir: '/migrations',
      lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"' },
      shadowDbInitScript: '',
      migrationDirectories: [
        {
          path: `${Date.now()}_test`,
          migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
        },
      ],
    };
    const filters = { externalTables: [], externalEnums: [] };
    const script = `require(${JSON.stringify(module)}).withSchemaEngine(process.env.URL, (engine) =>
      engine.applyMigrations(${JSON.stringify({ migrationsList, filters })})).then(() => process.exit(0))`;
    return run(process.execPath, ['-e', script], { env: { ...process.env, URL: target.href } });
  };

  test('waits for it without holding up the others, and builds an index while it is used', async () => {
    await user.query('BEGIN');
    await user.query('SELECT FROM busy');
    let isDone = false;
    const applying = apply(
      'ALTER TABLE busy ADD COLUMN a INT; CREATE INDEX CONCURRENTLY busy_a ON busy (a);',
    ).then(() => (isDone = true));
    await waitUntil(
      async () => {
        const { rows } = await other.query(
          "SELECT FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE busy%' AND wait_event_type = 'Lock'",
        );
        if (rows.length === 0) throw new Error('it does not wait yet');
      },
      { what: 'it to wait', timeoutMs: 20_000, everyMs: 50 },
    );
    // It stands in the queue behind the migration, as services would, with their patience.
    await other.query("SET lock_timeout = '5s'");
    await other.query('SELECT FROM busy');
    expect(isDone).toBe(false);
    await user.query('COMMIT');
    await applying;
    const { rows } = await other.query(
      "SELECT indisvalid FROM pg_index WHERE indexrelid = 'busy_a'::regclass",
    );
    expect(rows).toEqual([{ indisvalid: true }]);
  });

  test('one that waits for another does not hold up an index that the other builds', async () => {
    await user.query('SELECT pg_advisory_lock(7207351)');
    const waiting = migrate();
    await waitUntil(
      async () => {
        const { rows } = await other.query(
          "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_%advisory_lock%' AND application_name = 'ordermesh-migrate'",
        );
        if (rows.length === 0) throw new Error('it does not wait yet');
      },
      { what: 'it to wait', timeoutMs: 20_000, everyMs: 50 },
    );
    await user.query("SET statement_timeout = '10s'");
    await user.query('CREATE INDEX CONCURRENTLY busy_id ON busy (id)');
    await user.query('SELECT pg_advisory_unlock(7207351)');
    await waiting;
  });

  test('says what PostgreSQL says where it fails', async () => {
    await expect(apply('ALTER TABLE busy ADD COLUMN a INT')).rejects.toThrow(
      /column .*a.* of relation .*busy.* already exists/,
    );
  });
});

describe('what somebody else keeps in the schema', () => {
  const client = new Client({ connectionString: target.href });
  beforeAll(() => client.connect());
  afterAll(() => client.end());

  const schemaOf = async (sql: string) => {
    const schema = `s_${randomUUID().slice(0, 8)}`;
    await client.query(`CREATE SCHEMA ${schema}`);
    await client.query(`SET search_path = ${schema}`);
    await client.query(sql);
    return schema;
  };
  const migrateIn = (schema: string) => migrate(`${target.href}?schema=${schema}`);

  test.each([
    ['table theirs', 'CREATE TABLE theirs (id INT)'],
    ['view orders', 'CREATE VIEW orders AS SELECT 1 AS id'],
    ['view theirs', 'CREATE VIEW theirs AS SELECT 1 AS id'],
    ['materialized view orders', 'CREATE MATERIALIZED VIEW orders AS SELECT 1 AS id'],
    [
      'foreign table orders',
      'CREATE FOREIGN DATA WRAPPER none; CREATE SERVER nowhere FOREIGN DATA WRAPPER none; CREATE FOREIGN TABLE orders (id INT) SERVER nowhere',
    ],
    ['sequence orders', 'CREATE SEQUENCE orders'],
    ['sequence payments_due', 'CREATE SEQUENCE payments_due'],
    ['type orders', 'CREATE TYPE orders AS (id INT)'],
    ['type orders', "CREATE TYPE orders AS ENUM ('one')"],
    ['domain orders', 'CREATE DOMAIN orders AS TEXT'],
    [
      'function make_history_partition',
      'CREATE FUNCTION make_history_partition() RETURNS INT LANGUAGE sql AS $$ SELECT 1 $$',
    ],
    ['view _prisma_migrations', 'CREATE VIEW _prisma_migrations AS SELECT 1 AS id'],
  ])('is refused before anything is done: %s', async (name, sql) => {
    const schema = await schemaOf(sql);
    await expect(migrateIn(schema)).rejects.toThrow(
      `The schema ${schema} has tables or the like that are not Ordermesh's (${name}): give it a database of its own`,
    );
    const { rows } = await client.query(
      "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relname <> 'orders' AND relkind = 'r'",
      [schema],
    );
    expect(rows).toEqual(name === 'table theirs' ? [{ relname: 'theirs' }] : []);
  });

  test('is not in the way where it belongs to an extension, or has a name that no migration makes', async () => {
    const schema =
      await schemaOf(`CREATE VIEW orders_of_theirs AS SELECT 1 AS id; ALTER EXTENSION plpgsql ADD VIEW orders_of_theirs;
      CREATE SEQUENCE their_numbers; CREATE DOMAIN their_text AS TEXT;
      CREATE FUNCTION theirs() RETURNS INT LANGUAGE sql AS $$ SELECT 1 $$`);
    expect(await migrateIn(schema)).not.toEqual([]);
  });
});
