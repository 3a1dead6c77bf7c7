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
async function migrate(): Promise<string[]> {
  const module = path.join(checkout, 'dist', 'scripts', 'apply-migrations.js');
  const script = `require(${JSON.stringify(module)}).applyMigrations(process.env.URL)
    .then((names) => { console.log(JSON.stringify(names)); process.exit(0); })`;
  const { stdout } = await run(process.execPath, ['-e', script], {
    env: { ...process.env, URL: target.href },
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
