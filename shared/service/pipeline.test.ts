import { Socket } from 'node:net';
import { Client } from 'pg';
import { failureKind } from '../messaging/failure';
import { newId } from '../ids';
import { createTestDatabase, type TestDatabase } from '../testing/test-database';
import { Prisma } from './database';
import { openPipeline, type Pipeline } from './pipeline';
import { PostgresClient } from './postgres-client';
import { write, type Transactions, type Tx } from './transaction';

let db: TestDatabase;
let pipeline: Pipeline;
const idle: Error[] = [];
const open = (poolSize = 1) =>
  openPipeline({
    url: db.url,
    poolSize,
    applicationName: 'pipelined',
    onIdleError: (error) => idle.push(error),
  });

beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.$executeRaw`CREATE TABLE things (id int PRIMARY KEY, at timestamptz DEFAULT now())`;
  pipeline = open();
});
afterAll(async () => {
  await pipeline?.close();
  await db?.drop();
});

const things = async () =>
  (await db.database.$queryRaw<{ id: number }[]>`SELECT id FROM things ORDER BY id`).map(({ id }) => id);
const add = (tx: Tx, id: number) => write(tx, Prisma.sql`INSERT INTO things (id) VALUES (${id})`);
const backend = async (tx: Tx) =>
  (await tx.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]!.pid;

it('takes and gives values as Prisma does', async () => {
  const id = newId();
  const at = new Date('2026-03-29T00:30:00.123Z');
  const ask = (transactions: Transactions) =>
    transactions.$transaction(
      (tx) => tx.$queryRaw<Record<string, unknown>[]>`
        SELECT ${id}::uuid AS id, ${[id]}::uuid[] AS ids, ${at}::timestamptz AS at, ${[at]}::timestamptz[] AS times,
          ${at}::timestamp AS local, ${at}::date AS day, ${9007199254740993n}::bigint AS big, ${7}::int AS small,
          ${new Prisma.Decimal('120.50')}::numeric(10, 2) AS money, ${null}::text AS nothing, ${true}::boolean AS yes,
          ${JSON.stringify({ a: [1] })}::jsonb AS body, ${Buffer.from('ü')}::bytea AS bytes, ${'{"'}::text AS odd,
          ${['a,b', '"']}::text[] AS texts, count(*), sum(1.5::numeric) AS sum FROM generate_series(1, 2)`,
    );
  const [[ours], [prismas]] = await Promise.all([ask(pipeline), ask(db.database)]);
  const plain = (row: Record<string, unknown> | undefined) =>
    Object.fromEntries(
      Object.entries(row ?? {}).map(([key, value]) => [
        key,
        value instanceof Uint8Array ? [...value] : [typeof value, Prisma.Decimal.isDecimal(value), value],
      ]),
    );
  expect(plain(ours)).toEqual(plain(prismas));
  expect(ours).toMatchObject({ at, money: new Prisma.Decimal('120.5'), big: 9007199254740993n, count: 2n });
});

it('does statements in the order in which they were sent, and all of them or none', async () => {
  const found = await pipeline.$transaction(async (tx) => {
    await add(tx, 1);
    const one = tx.$queryRaw<{ n: bigint }[]>`SELECT count(*) AS n FROM things`;
    await add(tx, 2);
    const two = tx.$queryRaw<{ n: bigint }[]>`SELECT count(*) AS n FROM things`;
    return (await Promise.all([one, two])).flatMap((rows) => rows.map(({ n }) => n));
  });
  expect(found).toEqual([1n, 2n]);
  await expect(
    pipeline.$transaction(async (tx) => {
      await add(tx, 3);
      throw new Error('the handler');
    }),
  ).rejects.toThrow('the handler');
  expect(await things()).toEqual([1, 2]);
});

it('fails with the first error, also of a write that nobody waited for, and commits nothing', async () => {
  const failing = pipeline.$transaction(async (tx) => {
    await add(tx, 4);
    await add(tx, 1); // there already
    await add(tx, 5);
    return 'done';
  });
  await expect(failing).rejects.toMatchObject({ code: '23505' });
  const swallowed = pipeline.$transaction(async (tx) => {
    await add(tx, 6);
    await tx.$executeRaw`SELECT 1 / 0`.catch(() => undefined);
    return 'done';
  });
  await expect(swallowed).rejects.toMatchObject({ code: '22012' });
  expect(await things()).toEqual([1, 2]);
});

it('keeps its session where only the work failed, and takes another where a statement did', async () => {
  const first = await pipeline.$transaction(backend);
  await pipeline.$transaction(() => Promise.reject(new Error('the work'))).catch(() => undefined);
  expect(await pipeline.$transaction(backend)).toBe(first);
  await pipeline.$transaction((tx) => tx.$queryRaw`SELECT no_such_column`).catch(() => undefined);
  expect(await pipeline.$transaction(backend)).not.toBe(first);
});

it('leaves nothing behind where its BEGIN fails, whatever was sent with it', async () => {
  const query = jest.spyOn(PostgresClient.prototype, 'query') as unknown as jest.SpyInstance;
  const send = query.getMockImplementation() ?? Client.prototype.query;
  query.mockImplementation(function (this: Client, ...given: [{ text?: string }]) {
    if (given[0].text?.startsWith('BEGIN')) given[0].text = 'SELECT 1 / 0'; // as if somebody had cancelled it
    return (send as (...all: unknown[]) => unknown).apply(this, given);
  });
  const failing = pipeline.$transaction((tx) => Promise.all([add(tx, 20), add(tx, 21)]));
  await expect(failing).rejects.toMatchObject({ code: '22012' });
  query.mockRestore();
  expect(await things()).toEqual([1, 2]);
});

it('goes on with another session where a migration has changed what a prepared statement answers', async () => {
  const ask = () => pipeline.$transaction((tx) => tx.$queryRaw`SELECT note FROM notes WHERE id = ${1}`);
  await db.database.$executeRaw`CREATE TABLE notes (id int PRIMARY KEY, note int)`;
  await ask();
  await db.database.$executeRaw`ALTER TABLE notes ALTER COLUMN note TYPE text`;
  expect(failureKind(await ask().catch((error: unknown) => error))).toBe('infrastructure');
  expect(await ask()).toEqual([]);
});

it('lets nothing through that comes after the end of its transaction', async () => {
  let late: Tx | undefined;
  await pipeline.$transaction((tx) => Promise.resolve((late = tx)));
  await expect(late!.$executeRaw`INSERT INTO things (id) VALUES (7)`).rejects.toThrow(
    'the transaction is over',
  );
  await add(late!, 8);
  expect(await pipeline.$transaction(backend)).toBeGreaterThan(0);
  expect(await things()).toEqual([1, 2]);
});

it('takes a lost session for a failure of the infrastructure, and goes on with another', async () => {
  const lost = pipeline.$transaction(async (tx) => {
    await add(tx, 9);
    const pid = await backend(tx);
    await db.database.$queryRaw`SELECT pg_terminate_backend(${pid})`;
    return backend(tx);
  });
  expect(failureKind(await lost.catch((error: unknown) => error))).toBe('infrastructure');
  const pid = await pipeline.$transaction(backend);
  await db.database.$queryRaw`SELECT pg_terminate_backend(${pid}, 5000)`; // while it idles
  expect(failureKind(await pipeline.$transaction(backend).catch((error: unknown) => error))).toMatch(
    /infrastructure|transient/,
  );
  expect(await pipeline.$transaction(backend)).not.toBe(pid);
  expect(await things()).toEqual([1, 2]);
});

it('sends what needs no answer together: a transaction is as many writes to the socket as it waits for answers', async () => {
  await pipeline.$transaction(backend); // is connected
  const writes = (['_write', '_writev'] as const).map((name) => jest.spyOn(Socket.prototype, name));
  await pipeline.$transaction(async (tx) => {
    await Promise.all([tx.$queryRaw`SELECT 1`, tx.$queryRaw`SELECT 2`]);
    await write(tx, Prisma.sql`SELECT 3`);
    await write(tx, Prisma.sql`SELECT 4`);
  });
  expect(writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBe(2);
  for (const spy of writes) spy.mockRestore();
});

it('has the settings of a service in every session', async () => {
  const [row] = await pipeline.$transaction(
    (tx) => tx.$queryRaw<Record<string, string>[]>`SELECT current_setting('TimeZone') AS zone,
      current_setting('enable_seqscan') AS scan, current_setting('lock_timeout') AS lock`,
  );
  expect(row).toEqual({ zone: 'UTC', scan: 'off', lock: '5s' });
});
