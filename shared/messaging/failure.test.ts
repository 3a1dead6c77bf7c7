import { once } from 'node:events';
import { createServer } from 'node:net';
import { openDatabase } from '../service/database';
import { createTestDatabase, type TestDatabase } from '../testing/test-database';
import { briefly, failureKind, PermanentError } from './failure';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => Promise.reject(new Error('it should have failed')),
    (error: unknown) => error,
  );
const raise = (sqlState: string) =>
  errorOf(
    db.database.$executeRawUnsafe(
      `DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '${sqlState}'; END $$`,
    ),
  );

describe('the kind of a failure', () => {
  it.each([
    '40001',
    '40P01',
    '53300',
    '57P01',
    '08006',
    '0A000',
    '25006',
    '25P03',
    '28P01',
    '42501',
    '42P01',
    '42703',
    '55000',
  ])('SQL state %s is the infrastructure', async (sqlState) => {
    expect(failureKind(await raise(sqlState))).toBe('infrastructure');
  });

  it.each(['23505', '23514', '22P02', 'P0001', '22012'])(
    'SQL state %s is of this message',
    async (sqlState) => {
      expect(failureKind(await raise(sqlState))).toBe('transient');
    },
  );

  it.each(['55P03', '57014'])('SQL state %s is of those who meet it', async (sqlState) => {
    expect(failureKind(await raise(sqlState))).toBe('contention');
  });

  it('a grant, a table or a column that is missing is the infrastructure, also as Prisma tells it', async () => {
    const { database } = db;
    expect(failureKind(await errorOf(database.$queryRaw`SELECT * FROM no_such_table`))).toBe(
      'infrastructure',
    );
    expect(failureKind(await errorOf(database.$queryRaw`SELECT no_such_column FROM orders`))).toBe(
      'infrastructure',
    );
    await database.$executeRaw`ALTER TABLE processed_events RENAME TO processed_events_away`;
    expect(failureKind(await errorOf(database.processedEvent.count()))).toBe('infrastructure');
    await database.$executeRaw`ALTER TABLE processed_events_away RENAME TO processed_events`;
  });

  it('a database that is not there is the infrastructure', async () => {
    const url = new URL(db.url);
    url.port = '1';
    const nowhere = openDatabase({
      url: url.toString(),
      poolSize: 1,
      applicationName: 'nowhere',
      onIdleError: () => undefined,
    });
    expect(failureKind(await errorOf(nowhere.$queryRaw`SELECT 1`))).toBe('infrastructure');
    expect(failureKind(await errorOf(nowhere.$transaction((tx) => tx.$queryRaw`SELECT 1`)))).toBe(
      'infrastructure',
    );
    await nowhere.$disconnect();
  });

  it('a connection that ends within a transaction is the infrastructure', async () => {
    const cut = db.database.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`;
    });
    expect(failureKind(await errorOf(cut))).toBe('infrastructure');
  });

  it('a real deadlock is the infrastructure', async () => {
    await db.database.$executeRaw`CREATE TABLE pair (id int PRIMARY KEY, n int)`;
    await db.database.$executeRaw`INSERT INTO pair VALUES (1, 0), (2, 0)`;
    let arrived = 0;
    let both: () => void = () => undefined;
    const met = new Promise<void>((resolve) => (both = resolve));
    const cross = (first: number, second: number) =>
      db.database.$transaction(async (tx) => {
        await tx.$executeRaw`UPDATE pair SET n = n + 1 WHERE id = ${first}`;
        if (++arrived === 2) both();
        await met;
        await tx.$executeRaw`UPDATE pair SET n = n + 1 WHERE id = ${second}`;
      });
    const results = await Promise.allSettled([cross(1, 2), cross(2, 1)]);
    const failures = results.filter((result) => result.status === 'rejected');
    expect(failures).toHaveLength(1);
    expect(failureKind(failures[0]?.reason)).toBe('infrastructure');
  });

  it('what a handler gives up for good is permanent; anything else that it throws is transient', () => {
    expect(failureKind(new PermanentError('unknown_order', 'there is none'))).toBe('permanent');
    for (const thrown of [
      new Error('no luck'),
      new TypeError('undefined is not a function'),
      'text',
      undefined,
      null,
    ]) {
      expect(failureKind(thrown)).toBe('transient');
    }
  });

  it('is told briefly: the cause, not the call', async () => {
    expect(briefly(await raise('22012'))).toContain('made up');
    expect(briefly(await raise('22012'))).not.toContain('\n');
    expect(briefly(new Error('x'.repeat(2000)))).toHaveLength(500);
  });

  it('is told with its causes, as deep as they are, each once', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    expect(briefly(await errorOf(fetch(`http://127.0.0.1:${port}/`)))).toBe(
      `fetch failed: connect ECONNREFUSED 127.0.0.1:${port}`,
    );

    const refused = (address: string) =>
      Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED' });
    const everywhere = Object.assign(new AggregateError([refused('::1:443'), refused('127.0.0.1:443')]), {
      code: 'ECONNREFUSED',
    });
    const both = 'connect ECONNREFUSED ::1:443; connect ECONNREFUSED 127.0.0.1:443';
    expect(briefly(everywhere)).toBe(both);
    expect(briefly(new TypeError('fetch failed', { cause: everywhere }))).toBe(`fetch failed: ${both}`);
    const code = 'DEPTH_ZERO_SELF_SIGNED_CERT';
    const certificate = Object.assign(new Error('self-signed certificate'), { code });
    expect(briefly(new TypeError('fetch failed', { cause: certificate }))).toBe(
      `fetch failed: self-signed certificate (${code})`,
    );
    const repeated = new Error('no luck: it rains', { cause: new Error('it rains') });
    expect(briefly(repeated)).toBe('no luck: it rains');
    expect(briefly(Object.assign(new Error(''), { code: 'EPIPE' }))).toBe('EPIPE');
    expect(briefly(new Error(''))).toBe('unknown error');
  });

  it('is told without end nor secrets where its causes have them', () => {
    const circular = new Error('round');
    circular.cause = new Error('and round', { cause: circular });
    expect(briefly(circular)).toBe('round: and round');
    const many = new AggregateError(
      Array.from({ length: 1_000 }, (_, n) => new Error(`n${n}`)),
      'all',
    );
    many.errors.push(many);
    expect(briefly(many)).toBe('all: n0; n1; n2; n3');
    const cause = new Error(`no answer of amqp://u:secret@h ${'x'.repeat(2_000)}`);
    const told = briefly(new Error('failed', { cause }));
    expect(told).toHaveLength(500);
    expect(told).toMatch(/^failed: no answer of amqp:\/\/\[redacted\]@h x/);
  });
});
