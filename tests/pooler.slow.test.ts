import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { connectOwner, disconnect } from '../outbox-publisher/ownership';
import { createSleep } from '../outbox-publisher/sleep';
import { lowStock as anEvent } from '../outbox-publisher/testing/relay-world';
import { insertIntoOutbox } from '../shared/outbox/write-outbox';
import { openDatabase, Prisma, type Database } from '../shared/service/database';
import { openPipeline } from '../shared/service/pipeline';
import { PooledError, PostgresClient } from '../shared/service/postgres-client';
import { sessionConfig } from '../shared/service/session-settings';
import { write } from '../shared/service/transaction';
import { createTestBroker, type TestBroker } from '../shared/testing/test-broker';
import { startMesh } from '../shared/testing/mesh';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';
import { startOwnPooler, type OwnPooler } from './own-pooler';

// PgBouncer as its package has it, in transaction mode: it refuses `options`, unless it is told to ignore them.
const MODES = { refuses: [], ignores: ['ignore_startup_parameters = options,extra_float_digits'] };

let db: TestDatabase;
let broker: TestBroker;
const poolers = new Map<string, OwnPooler>();

beforeAll(async () => {
  [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
  const name = new URL(db.url).pathname.slice(1);
  await db.database.$executeRawUnsafe(`ALTER DATABASE ${name} SET timezone = 'Asia/Kolkata'`);
  for (const [mode, settings] of Object.entries(MODES)) {
    const pooler = await startOwnPooler(db.url, ...settings);
    if (pooler) poolers.set(mode, pooler);
  }
});

afterAll(async () => {
  for (const pooler of poolers.values()) await pooler.stop();
  await broker.drop();
  await db.drop();
});

const open = (url: string): Database =>
  openDatabase({ url, poolSize: 3, applicationName: 'pooled', onIdleError: () => undefined });

const SETTINGS = `SELECT current_setting('TimeZone') AS zone, current_setting('lock_timeout') AS lock,
  current_setting('statement_timeout') AS statement, current_setting('enable_seqscan') AS scan,
  current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('transaction_isolation') AS isolation`;
const OURS = { zone: 'UTC', lock: '5s', statement: '30s', scan: 'off', idle: '15s' };

test.each(Object.keys(MODES))(
  'behind a pooler that %s them, each transaction has its settings',
  async (mode) => {
    const pooler = poolers.get(mode);
    if (!pooler) return;
    const database = open(pooler.through(db.url));
    const read = async (from: Pick<Database, '$queryRawUnsafe'>) =>
      (await from.$queryRawUnsafe<Record<string, string>[]>(SETTINGS))[0];
    for (let round = 0; round < 3; round++) {
      expect(await read(database)).toMatchObject(OURS);
      expect(await database.$transaction((tx) => read(tx))).toMatchObject(OURS);
      expect(
        await database.$transaction((tx) => read(tx), { isolationLevel: 'RepeatableRead' }),
      ).toMatchObject({
        ...OURS,
        isolation: 'repeatable read',
      });
    }
    const [row] = await database.$queryRaw<{ text: string; many: bigint }[]>`
    SELECT ${'a’b'}::text AS text, (SELECT count(*) FROM generate_series(1, ${3}::int)) AS many`;
    expect(row).toEqual({ text: 'a’b', many: 3n });
    await expect(database.$queryRaw`SELECT 1 / ${0}::int`).rejects.toThrow('division by zero');
    expect(await read(database)).toMatchObject(OURS);
    await database.$disconnect();
    // The next to be lent the session finds nothing of it.
    const stranger = new Client({ connectionString: pooler.through(db.url) });
    await stranger.connect();
    const { rows } = await stranger.query<Record<string, string>>(SETTINGS);
    expect(rows[0]).toMatchObject({ zone: 'Asia/Kolkata', lock: '0', statement: '0', scan: 'on' });
    await stranger.end();
  },
);

test.each(Object.keys(MODES))(
  'behind a pooler that %s them, a transaction whose BEGIN fails leaves nothing behind, and odd names of schemas do',
  async (mode) => {
    const pooler = poolers.get(mode);
    if (!pooler) return;
    await db.database.$executeRawUnsafe(`CREATE TABLE IF NOT EXISTS lone (id int)`);
    const work = async (settings: string) => {
      const url = new URL(pooler.through(db.url));
      url.searchParams.set('options', settings);
      const pipeline = openPipeline({
        url: url.toString(),
        poolSize: 1,
        applicationName: 'pooled',
        onIdleError: () => undefined,
      });
      try {
        return await pipeline.$transaction(async (tx) => {
          void write(tx, Prisma.sql`INSERT INTO lone (id) VALUES (${1})`);
          const [row] = await tx.$queryRaw<{ path: string }[]>`SELECT current_setting('search_path') AS path`;
          return row?.path;
        });
      } finally {
        await pipeline.close();
      }
    };
    await expect(work('-c select=1')).rejects.toThrow('syntax error');
    expect(await db.database.$queryRaw`SELECT id FROM lone`).toEqual([]);
    expect(await work('-c search_path=tenant-1,public')).toBe('"tenant-1", public');
    expect(await db.database.$queryRaw`DELETE FROM lone RETURNING id`).toEqual([{ id: 1 }]);
  },
);

test.each(Object.keys(MODES))(
  'behind a pooler that %s them, a commit wakes a relay that sleeps',
  async (mode) => {
    const pooler = poolers.get(mode);
    if (!pooler) return;
    const relay = await connectOwner(db.url, () => undefined);
    const sleep = createSleep(relay);
    expect(await sleep.goOn(new AbortController().signal)).toBe(true);
    let woken = 0;
    relay.on('notification', () => (woken += 1));
    const url = pooler.through(db.url);
    const database = open(url);
    const pipeline = openPipeline({
      url,
      poolSize: 1,
      applicationName: 'pooled',
      onIdleError: () => undefined,
    });
    await database.$executeRaw(insertIntoOutbox([anEvent()]));
    await database.$transaction((tx) => tx.$executeRaw(insertIntoOutbox([anEvent()])));
    await pipeline.$transaction((tx) => write(tx, insertIntoOutbox([anEvent()])));
    await until('all three commits to tell it', () => woken === 3);
    await pipeline.close();
    await database.$disconnect();
    await disconnect(relay);
  },
);

test('a lock is waited for no longer than it may be, in a transaction and without one', async () => {
  const pooler = poolers.get('refuses');
  if (!pooler) return;
  await db.database.$executeRaw`CREATE TABLE held (id int PRIMARY KEY, n int)`;
  await db.database.$executeRaw`INSERT INTO held VALUES (1, 0)`;
  const holder = new Client({ connectionString: db.url });
  await holder.connect();
  await holder.query('BEGIN; SELECT * FROM held FOR UPDATE');
  const database = open(`${pooler.through(db.url)}?options=-c%20lock_timeout=200`);
  const late = /lock timeout/;
  await expect(database.$executeRaw`UPDATE held SET n = ${1}`).rejects.toThrow(late);
  await expect(database.$transaction((tx) => tx.$executeRaw`UPDATE held SET n = ${1}`)).rejects.toThrow(late);
  await holder.end();
  expect(await database.$executeRaw`UPDATE held SET n = ${1}`).toBe(1);
  await database.$disconnect();
});

test.each(Object.keys(MODES))(
  'what needs a session of its own refuses a pooler that %s them',
  async (mode) => {
    const pooler = poolers.get(mode);
    if (!pooler) return;
    for (const kind of ['migration', 'command', 'upkeep'] as const) {
      const client = new PostgresClient(
        sessionConfig(pooler.through(db.url), { kind, applicationName: 'test' }),
      );
      client.on('error', () => undefined);
      await expect(client.connect()).rejects.toThrow(PooledError);
    }
    const DATABASE_URL = pooler.through(db.url);
    const wrong = { DATABASE_URL, RABBITMQ_URL: broker.url };
    const setUp = await run('scripts/migrate.js', wrong);
    expect(setUp.code).toBe(1);
    expect(setUp.said).toContain('set DATABASE_DIRECT_URL to the URL of PostgreSQL itself');
    const relay = await run('outbox-publisher/main.js', { ...wrong, HEALTH_PORT: '0' });
    expect(relay.code).toBe(78);
    expect(relay.said).toMatch(/DATABASE_URL: .*set DATABASE_DIRECT_URL/);
    const twice = await run('outbox-publisher/main.js', { ...wrong, DATABASE_DIRECT_URL: DATABASE_URL });
    expect(twice.code).toBe(78);
    expect(twice.said).toContain('DATABASE_DIRECT_URL: a connection pooler answers there too');
    const right = await run('scripts/migrate.js', { ...wrong, DATABASE_DIRECT_URL: db.url });
    expect(right.said).toContain('The schema is up to date');
    expect(right.code).toBe(0);
  },
);

async function run(file: string, environment: Record<string, string>) {
  const child = spawn(process.execPath, [`dist/${file}`], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const said = await Promise.all([text(child.stdout), text(child.stderr)]);
  await exited;
  return { code: child.exitCode, said: said.join('') };
}

test('the mesh does its work behind a pooler, and goes on when that is started again', async () => {
  const pooler = poolers.get('refuses');
  if (!pooler) return;
  let directUrl = '';
  const environment: Record<string, string> = {};
  const mesh = await startMesh({
    services: ['order-api', 'outbox-publisher', 'inventory-service', 'status-service'],
    databaseUrl: async (url) => {
      directUrl = environment.DATABASE_DIRECT_URL = url;
      return pooler.through(url);
    },
    environment,
  });
  try {
    expect(directUrl).not.toBe('');
    const { restaurantId, itemId } = await mesh.addItem(100);
    const place = () => mesh.place(restaurantId, itemId, 2);
    const orders = await Promise.all(Array.from({ length: 12 }, place));
    await pooler.startAgain();
    await Promise.all(orders.map((id) => mesh.reaches(id, 'PREPARING')));
    orders.push(await place());
    await mesh.reaches(orders.at(-1)!, 'PREPARING');
    const { status } = await mesh.ask('POST', `/orders/${orders[0]}/cancel`, { by: 'STAFF' });
    expect(status).toBe(200);
    const left = 100 - 2 * (orders.length - 1);
    await until('the stock to be back', async () => (await mesh.available(itemId)) === left);
    const [placed] = await mesh.db.database.$queryRaw<{ off: number }[]>`
      SELECT abs(extract(epoch FROM now() - max(created_at)))::float8 AS off FROM orders`;
    expect(placed!.off).toBeLessThan(120); // in UTC, or it would be hours
  } finally {
    await Promise.all(mesh.processes.map((one) => one.stop()));
    await pooler.stop(); // it keeps its sessions for others
    poolers.delete('refuses');
    await mesh.stop();
  }
});
