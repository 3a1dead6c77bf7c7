import { createTestDatabase, type TestDatabase } from '../testing/test-database';
import { until } from '../testing/until';
import { bare, openDatabase, Prisma } from './database';

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());

describe('asking past Prisma', () => {
  it('has values and rows as Prisma has them', async () => {
    const statement = Prisma.sql`
      SELECT ${12n}::int8 AS big, ${new Prisma.Decimal('240.50')}::numeric AS amount, ${new Date(0)}::timestamptz AS at,
        ${['a', 'b,"']}::text[] AS list, ${null}::text AS nothing, ${JSON.stringify({ n: 1 })}::json AS json,
        ${1.5}::float8 AS float, ${true}::boolean AS yes, '2026-11-29'::date AS day, gen_random_uuid() IS NOT NULL AS id`;
    const rows = await bare(db.database).$queryRaw<unknown[]>(statement);
    expect(rows).toEqual(await db.database.$queryRaw(statement));
    expect(rows).toMatchObject([
      { big: 12n, at: new Date(0), list: ['a', 'b,"'], nothing: null, float: 1.5 },
    ]);
  });

  it('tells how many rows were changed', async () => {
    const { $executeRaw } = bare(db.database);
    expect(
      await $executeRaw`INSERT INTO pauses (part, why, paused_by) VALUES ('a', '', 'x'), ('b', '', 'x')`,
    ).toBe(2);
    expect(await $executeRaw`DELETE FROM pauses`).toBe(2);
  });

  it('outlives a connection that breaks, also where Prisma was asked nothing yet', async () => {
    const database = openDatabase({
      url: db.url,
      poolSize: 1,
      applicationName: 'bare',
      onIdleError: () => undefined,
    });
    const { query } = bare(database);
    await query('SELECT 1');
    await db.database.$queryRaw`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'bare' AND datname = current_database()`;
    await until('another connection', () => query('SELECT 1'));
    await database.$queryRaw`SELECT 1`; // it closes what Prisma knows of
    await database.$disconnect();
  });
});
