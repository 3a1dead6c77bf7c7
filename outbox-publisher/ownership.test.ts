import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import { createTestDatabase } from '../shared/testing/test-database';
import { assertTrusted, connectOwner, disconnect, giveUp, lookAtOwner, tryToOwn } from './ownership';

it('what was read too long ago is not published', () => {
  expect(() => assertTrusted(performance.now() - 5_000)).not.toThrow();
  expect(() => assertTrusted(performance.now() - 6_500)).toThrow('last proven 6500 ms ago');
});

it('a session that may own has limits to everything, and is in UTC', async () => {
  const db = await createTestDatabase();
  const client = await connectOwner(db.url, () => undefined);
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name ~ 'timeout$' OR name = 'TimeZone'`,
  );
  const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  expect(settings).toMatchObject({
    TimeZone: 'UTC',
    lock_timeout: '2000',
    statement_timeout: '4000',
    idle_in_transaction_session_timeout: '8000',
  });
  expect(settings.idle_session_timeout ?? '8000').toBe('8000'); // PostgreSQL 13 has none
  await disconnect(client);
  await db.drop();
});

it('an owner that proves itself is left alone', async () => {
  const db = await createTestDatabase();
  const [owner, standby] = [
    await connectOwner(db.url, () => undefined),
    new Client({ connectionString: db.url }),
  ];
  await standby.connect();
  expect(await lookAtOwner(standby)).toBeUndefined();
  expect(await tryToOwn(owner)).toBe(true);
  expect(await lookAtOwner(standby)).toMatchObject({ application: 'outbox-publisher', ended: false });
  await giveUp(owner);
  expect(await lookAtOwner(standby)).toBeUndefined();
  await Promise.all([disconnect(owner), standby.end()]);
  await db.drop();
});
