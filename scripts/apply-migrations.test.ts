import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { checkout } from './servers/checkout';

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
