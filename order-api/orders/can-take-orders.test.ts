import { randomBytes } from 'node:crypto';
import { openDatabase, type Database } from '../../shared/service/database';
import { until } from '../../shared/testing/until';
import { seedMenu } from '../../shared/testing/seed';
import { serve, startTestApi, type ApiClient, type TestApi } from '../testing/test-api';

const role = `plain_${randomBytes(6).toString('hex')}`;
let owner: TestApi;
let menu: Awaited<ReturnType<typeof seedMenu>>;
const sql = (statement: string) => owner.database.$executeRawUnsafe(statement);

let database: Database;
let api: ApiClient;
beforeAll(async () => {
  owner = await startTestApi();
  menu = await seedMenu(owner.database, [50]);
  await sql(`CREATE ROLE ${role} LOGIN PASSWORD 'plain'`);
  await sql(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
  await sql(`GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`);
  const url = new URL(owner.databaseUrl);
  [url.username, url.password] = [role, 'plain'];
  database = openDatabase({
    url: url.toString(),
    poolSize: 3,
    applicationName: 'plain',
    onIdleError: () => undefined,
  });
  api = await serve(database);
});
afterAll(async () => {
  await api.stop();
  await database.$disconnect();
  await sql(`DROP OWNED BY ${role}`);
  await sql(`DROP ROLE ${role}`);
  await owner.stop();
});

const place = () =>
  api.post('/orders', {
    restaurant_id: menu.restaurantId,
    items: [{ menu_item_id: menu.items[0], quantity: 1 }],
  });
const ready = () => api.get('//readyz');

it.each([
  ['orders', `REVOKE INSERT ON orders FROM ${role}`, `GRANT INSERT ON orders TO ${role}`],
  ['orders', `REVOKE UPDATE ON orders FROM ${role}`, `GRANT UPDATE ON orders TO ${role}`],
  [
    'outbox_events',
    `REVOKE INSERT ON outbox_events FROM ${role}`,
    `GRANT INSERT ON outbox_events TO ${role}`,
  ],
  [
    'cancel_reason|email',
    'ALTER TABLE orders RENAME COLUMN email TO mail',
    'ALTER TABLE orders RENAME COLUMN mail TO email',
  ],
])('is not ready, and says that %s is the cause, while %s', async (cause, take, give) => {
  expect((await ready()).status).toBe(200);
  await sql(take);
  try {
    expect(await ready()).toMatchObject({
      status: 503,
      body: {
        checks: { database: true, orders: false },
        reasons: { orders: expect.stringMatching(new RegExp(`no order can be placed: .*(${cause})`)) },
      },
    });
    if (!take.includes('UPDATE'))
      expect(await place()).toMatchObject({
        status: 503,
        body: { detail: expect.stringContaining('Nothing was done') },
      });
  } finally {
    await sql(give);
  }
  expect((await ready()).status).toBe(200);
  expect((await place()).status).toBe(202);
});

it('is not ready while somebody holds the table', async () => {
  await owner.database.$transaction(async (tx) => {
    await tx.$executeRaw`LOCK TABLE orders IN SHARE MODE`;
    const replies = await Promise.all([ready(), ready(), ready(), ready(), ready()]); // more than connections
    expect(replies.map(({ status, body }) => [status, body.checks])).toEqual(
      replies.map(() => [503, { database: true, orders: false }]),
    );
  });
  await until('it to be ready again', async () => (await ready()).status === 200, 10_000);
});
