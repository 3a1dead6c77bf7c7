import { Client } from 'pg';
import { connectOwner } from '../outbox-publisher/ownership';
import { makePartitions, partitionDays } from '../shared/history/partitions';
import { newId } from '../shared/ids';
import { openDatabase } from '../shared/service/database';
import { sessionConfig, type SessionKind } from '../shared/service/session-settings';
import { expireSome } from '../status-service/expire-orders';
import { startMesh } from '../shared/testing/mesh';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';

// A server, database, role or URL may have any time zone: no session of ours has another than UTC.
describe.each(['Asia/Kolkata', 'America/Los_Angeles'])('a database in %s', (zone) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createTestDatabase();
    const name = new URL(db.url).pathname.slice(1);
    await db.database.$executeRawUnsafe(`ALTER DATABASE ${name} SET timezone = '${zone}'`);
    await db.database.$executeRawUnsafe(`ALTER DATABASE ${name} SET datestyle = 'SQL, DMY'`);
  });
  afterAll(() => db.drop());
  const inUrl = () => {
    const url = new URL(db.url);
    url.searchParams.set('options', `-c timezone=${zone}`);
    return url.href;
  };

  test('every session is READ COMMITTED, whatever the database says', async () => {
    const admin = new Client({ connectionString: db.url });
    await admin.connect();
    const name = new URL(db.url).pathname.slice(1);
    await admin.query(`ALTER DATABASE "${name}" SET default_transaction_isolation = 'serializable'`);
    const client = new Client(sessionConfig(inUrl(), { kind: 'service', applicationName: 'test' }));
    await client.connect();
    expect((await client.query('SHOW transaction_isolation')).rows).toEqual([
      { transaction_isolation: 'read committed' },
    ]);
    await client.end();
    await admin.query(`ALTER DATABASE "${name}" RESET default_transaction_isolation`);
    await admin.end();
  });

  test('every session is in UTC, and has limits on the server', async () => {
    const kinds: SessionKind[] = ['service', 'upkeep', 'command', 'migration'];
    for (const kind of kinds) {
      const client = new Client(sessionConfig(inUrl(), { kind, applicationName: 'test' }));
      await client.connect();
      const { rows } = await client.query(
        `SELECT name, setting FROM pg_settings WHERE name IN ('TimeZone', 'lock_timeout')`,
      );
      expect(rows).toContainEqual({ name: 'TimeZone', setting: 'UTC' });
      expect(rows).not.toContainEqual({ name: 'lock_timeout', setting: '0' });
      await client.end();
    }
    const owner = await connectOwner(inUrl(), () => undefined);
    expect((await owner.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'UTC' }]);
    expect((await owner.query('SHOW idle_in_transaction_session_timeout')).rows[0]).toEqual({
      idle_in_transaction_session_timeout: '8s',
    });
    await owner.end();
  });

  test('times are read back as they were written, and by the database as they were meant', async () => {
    const database = openDatabase({
      url: inUrl(),
      poolSize: 2,
      applicationName: 'test',
      onIdleError: () => undefined,
    });
    const at = new Date('2026-11-25T22:15:00.123Z');
    const id = newId();
    await database.crashSuspect.create({ data: { consumer: 'c', eventId: id, lastStartedAt: at } });
    const row = await database.crashSuspect.findFirstOrThrow({ where: { eventId: id } });
    expect(row.lastStartedAt).toEqual(at);
    const [seen] = await database.$queryRaw<{ at: Date; epoch: number }[]>`
      SELECT last_started_at AS at, extract(epoch FROM last_started_at)::float AS epoch FROM crash_suspects WHERE event_id = ${id}::uuid`;
    expect(seen).toEqual({ at, epoch: at.getTime() / 1_000 });
    await database.$disconnect();
  });

  test('partitions are days in UTC', async () => {
    const client = new Client(sessionConfig(db.url, { kind: 'upkeep', applicationName: 'test' }));
    await client.connect();
    const lateEvening = Date.UTC(2030, 0, 1, 23, 30);
    await makePartitions(client, lateEvening);
    expect(await partitionDays(client, 'event_log')).toContain(Date.UTC(2030, 0, 1));
    expect(await partitionDays(client, 'event_log')).not.toContain(Date.UTC(2029, 11, 31));
    await client.end();
  });
});

test('an approved draft is not overdue where the database and the processes are in other zones', async () => {
  const mesh = await startMesh({
    services: ['order-api'],
    environment: { TZ: 'Asia/Kolkata' },
    databaseUrl: async (url) => {
      const client = new Client(sessionConfig(url, { kind: 'migration', applicationName: 'test' }));
      await client.connect();
      const name = new URL(url).pathname.slice(1);
      await client.query(`ALTER DATABASE ${name} SET timezone = 'America/Los_Angeles'`);
      await client.end();
      return url;
    },
  });
  try {
    const { restaurantId, itemId } = await mesh.addItem(5);
    const items = [{ menu_item_id: itemId, quantity: 1 }];
    const draft = await mesh.ask<{ order_id: string }>('POST', '/orders', {
      restaurant_id: restaurantId,
      items,
      draft: true,
    });
    const id = draft.body.order_id;
    expect((await mesh.ask('POST', `/orders/${id}/approve`, {})).status).toBe(202);
    await mesh.db.database.outboxEvent.deleteMany(); // as if published and handled: nobody is behind
    await mesh.db.database.subscription.deleteMany();
    const database = openDatabase({
      url: mesh.db.url,
      poolSize: 2,
      applicationName: 'test',
      onIdleError: () => undefined,
    });
    expect(await expireSome(database, 10 * 60_000)).toEqual([]);
    const overdue = await mesh.place(restaurantId, itemId);
    await mesh.db.database.outboxEvent.deleteMany();
    await mesh.db.database.order.update({
      where: { id: overdue },
      data: { placedAt: new Date(Date.now() - 11 * 60_000) },
    });
    expect(await expireSome(database, 10 * 60_000)).toMatchObject([{ order_id: overdue }]);
    await database.$disconnect();
    const { body } = await mesh.ask<{ status: string; created_at: string }>('GET', `/orders/${id}`);
    expect(body.status).toBe('PLACED');
    expect(Math.abs(Date.now() - Date.parse(body.created_at))).toBeLessThan(60_000);
  } finally {
    await mesh.stop();
  }
}, 120_000);
