import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../testing/test-database';
import { openDatabase } from './database';
import { databaseIsUsable, neededMigrations } from './schema-version';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

it('a database that has been set up is usable', async () => {
  expect(neededMigrations()).toEqual([expect.stringMatching(/^\d{14}_/)]);
  expect(await databaseIsUsable(db.database)()).toBe(true);
});

it('one that lacks the newest migration is not, and says which', async () => {
  expect(await databaseIsUsable(db.database, [...neededMigrations(), '29990101000000_later'])()).toBe(
    'the migration 29990101000000_later is not applied: run npm run migrate',
  );
});

it('an empty one is not', async () => {
  const name = `empty_${process.pid}`;
  const admin = new Client({ connectionString: db.url });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(db.url);
  url.pathname = `/${name}`;
  const empty = openDatabase({
    url: url.href,
    poolSize: 1,
    applicationName: 'empty',
    onIdleError: () => undefined,
  });
  expect(await databaseIsUsable(empty)()).toMatch(/run npm run migrate/);
  await empty.$disconnect();
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.end();
});
