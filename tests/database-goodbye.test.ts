import { Client } from 'pg';
import { startProxy, type TcpProxy } from '../shared/testing/tcp-proxy';
import { openDatabase, type Database } from '../shared/service/database';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';

let db: TestDatabase;
let proxy: TcpProxy;
let database: Database;
let admin: Client;

beforeEach(async () => {
  db = await createTestDatabase();
  proxy = await startProxy(db.url);
  const onIdleError = () => undefined;
  database = openDatabase({ url: proxy.url, poolSize: 1, applicationName: 'victim', onIdleError });
  admin = new Client({ connectionString: db.url });
  await admin.connect();
});
afterEach(async () => {
  await admin.end();
  await database.$disconnect();
  await proxy.close();
  await db.drop();
});

const connections = async (condition: string) =>
  (await admin.query(`SELECT FROM pg_stat_activity WHERE application_name = 'victim' AND ${condition}`))
    .rowCount;

it('survives that the server ends a connection at the moment in which it passes to a transaction', async () => {
  await database.$queryRaw`SELECT 1`;
  const first = database.$queryRaw`SELECT 1 AS one FROM pg_sleep(0.5)`.then((rows) => rows); // lazy until then
  await until('the first query to run', () => connections(`state = 'active'`));
  const waiting = database.$transaction((tx) => tx.$queryRaw`SELECT 2`); // for the only connection
  // The answer and the goodbye arrive together: between the two, the connection changes hands.
  proxy.hold();
  await until('the answer to be on its way', () => connections(`state = 'idle'`));
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'`,
  );
  await until('the goodbye to be on its way', async () => (await connections('true')) === 0);
  proxy.release();
  expect(await first).toEqual([{ one: 1 }]);
  await expect(waiting).rejects.toThrow(/connection|terminat/i);
  expect(await database.$queryRaw`SELECT 3 AS three`).toEqual([{ three: 3 }]);
});
