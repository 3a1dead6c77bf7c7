import { resolve } from 'node:path';
import { Client } from 'pg';
import { makeRole, removeRole } from '../scripts/users/make-roles';
import { tableOwners } from '../scripts/users/table-owners';
import { eventCatalogue } from '../shared/events/catalogue';
import { newId } from '../shared/ids';
import { firstIdOf, makePartitions } from '../shared/history/partitions';
import { declareMesh, discoverSubscriptions } from '../shared/messaging/declare-mesh';
import { VERBS } from '../shared/service/rights';
import { sessionConfig } from '../shared/service/session-settings';
import { makeLogins, type Logins } from '../shared/testing/logins';
import { createTestBroker, type TestBroker } from '../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';

// What each role may do with each table, tried as that role. Tables and owners come from the schema files: one that is
// added is either its owner's alone, or is listed here.

/** Whoever writes a table that is not its own. */
const WRITES_ACROSS = [
  'notification-service DELETE webhook_requests',
  'notification-service UPDATE webhook_endpoints',
  'notification-service UPDATE webhook_requests',
  'operator INSERT api_keys',
  'operator INSERT mail_opt_outs',
  'operator INSERT payment_ledger',
  'operator INSERT payment_moves',
  'operator UPDATE api_keys',
  'operator UPDATE notifications',
  'operator UPDATE payments',
  'operator DELETE card_tokens',
  'operator DELETE mail_opt_outs',
  'order-api INSERT stock_levels',
  'order-api INSERT stock_movements',
  'payment-service DELETE card_tokens',
  'status-service INSERT order_status_history',
  'status-service UPDATE orders',
];
/** Whoever reads a table of another service, beside order-api and operator, which read all but card tokens. */
const READS_ACROSS = [
  'inventory-service menu_items',
  'notification-service mail_link_keys',
  'notification-service mail_opt_outs',
  'notification-service menu_items',
  'notification-service orders',
  'notification-service webhook_endpoints',
  'notification-service webhook_requests',
  'notification-service webhook_secrets',
  'notification-service restaurants',
  'payment-service card_tokens',
  'status-service order_lines',
  'status-service order_status_history',
  'status-service orders',
  'status-service payments',
];
/** Its owner only adds to it. */
const LEDGERS = ['order_status_history', 'stock_movements', 'payment_ledger', 'payment_moves'];
/** What the consumer runtime writes, for its own consumer alone. */
const RUNTIME = [
  'INSERT processed_events',
  'INSERT delivery_failures',
  ...['INSERT', 'UPDATE', 'DELETE'].flatMap((verb) => [
    `${verb} consumer_progress`,
    `${verb} crash_suspects`,
    `${verb} retry_queues`,
  ]),
  'INSERT consumer_watermarks',
  'UPDATE consumer_watermarks',
];
/** Of each service: that it runs, and how it is. */
const PRESENCE = ['INSERT', 'UPDATE', 'DELETE'].map((verb) => `${verb} service_instances`);
const RELAY = [
  'UPDATE outbox_events',
  'DELETE outbox_events',
  'INSERT event_log',
  'DELETE delivery_failures',
  'DELETE crash_suspects',
];

let db: TestDatabase;
let broker: TestBroker;
let logins: Logins;
const clients = new Map<string, Client>();
const consumers = discoverSubscriptions(resolve('dist')).map(({ service }) => service);
const owners = tableOwners();
const emits = (login: string) => Object.values(eventCatalogue).some(({ by }) => by.includes(login));

beforeAll(async () => {
  [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
  await declareMesh({
    databaseUrl: db.url,
    rabbitmqUrl: broker.url,
    subscriptions: discoverSubscriptions(resolve('dist')),
  });
  logins = await makeLogins(db, broker);
  for (const name of logins.names) {
    const client = new Client(
      sessionConfig(logins.databaseUrl(name), { kind: 'service', applicationName: 'test' }),
    );
    await client.connect();
    clients.set(name, client);
  }
}, 60_000);
afterAll(async () => {
  for (const client of clients.values()) await client.end();
  await db.drop();
  await logins.drop();
  await broker.drop();
});

const as = (login: string) => clients.get(login)!;
const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? 'no code',
  );
const REFUSED = '42501';

/** Without a row that it would change: rights are looked at first. */
async function may(login: string, verb: string, table: string): Promise<boolean> {
  if (verb === 'UPDATE') {
    const { rows } = await as(login).query<{ some: boolean }>(
      `SELECT has_any_column_privilege($1, 'UPDATE') AS some`,
      [table],
    );
    return rows[0]!.some;
  }
  const attempts: Record<string, string> = {
    SELECT: `SELECT * FROM ${table} LIMIT 0`,
    INSERT: `INSERT INTO ${table} SELECT (NULL::${table}).* WHERE false`,
    DELETE: `DELETE FROM ${table} WHERE false`,
  };
  const outcome = await refusal(as(login).query(attempts[verb]!));
  if (outcome !== 'done' && outcome !== REFUSED) throw new Error(`${verb} ${table} as ${login}: ${outcome}`);
  return outcome === 'done';
}

function isExpected(login: string, verb: string, table: string): boolean {
  const owner = owners.get(table);
  const isConsumer = consumers.includes(login);
  if (owner === 'mesh') {
    if (verb === 'SELECT')
      return (
        ['order-api', 'operator'].includes(login) ||
        (isConsumer && table !== 'outbox_events') ||
        (['status-service', 'notification-service'].includes(login) && table === 'outbox_events') ||
        (login === 'outbox-publisher' &&
          !['processed_events', 'consumer_watermarks', 'retry_queues'].includes(table))
      );
    const right = `${verb} ${table}`;
    if (right === 'INSERT outbox_events') return emits(login) || login === 'operator';
    if (login === 'operator')
      return [
        'INSERT delivery_failures',
        'DELETE processed_events',
        'INSERT pauses',
        'UPDATE pauses',
      ].includes(right);
    if (PRESENCE.includes(right)) return true;
    return (isConsumer && RUNTIME.includes(right)) || (login === 'outbox-publisher' && RELAY.includes(right));
  }
  if (verb === 'SELECT') {
    if (table === 'card_tokens') return login === 'payment-service';
    if (['mail_link_keys', 'webhook_secrets'].includes(table) && login === 'operator') return false;
    return (
      owner === login ||
      ['order-api', 'operator'].includes(login) ||
      READS_ACROSS.includes(`${login} ${table}`)
    );
  }
  if (login === 'operator' && owner === 'analytics-service') return true; // it rebuilds reports
  if (WRITES_ACROSS.includes(`${login} ${verb} ${table}`)) return true;
  return owner === login && (verb === 'INSERT' || ![...LEDGERS, 'card_tokens'].includes(table));
}

it('every table has an owner, and every owner a login', async () => {
  const { rows } = await as('operator').query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
       AND NOT relispartition AND relname <> '_prisma_migrations' ORDER BY 1`,
  );
  expect([...owners.keys()].sort()).toEqual(rows.map(({ name }) => name));
  const withLogin = new Set([...logins.names, 'mesh', 'loyalty-service']); // the example takes no part here
  expect([...new Set(owners.values())].filter((owner) => !withLogin.has(owner))).toEqual([]);
});

it('every role may do with every table what it must, and nothing else', async () => {
  const wrong: string[] = [];
  for (const login of logins.names)
    for (const table of owners.keys())
      for (const verb of VERBS) {
        const does = await may(login, verb, table);
        if (does !== isExpected(login, verb, table)) wrong.push(`${login} ${verb} ${table}: ${does}`);
      }
  expect(wrong).toEqual([]);
}, 60_000);

it('nobody empties, changes or makes tables, or makes roles', async () => {
  for (const login of logins.names)
    for (const sql of [
      'TRUNCATE outbox_events',
      'ALTER TABLE outbox_events DISABLE ROW LEVEL SECURITY',
      'DROP TABLE event_log',
      'CREATE TABLE mine ()',
      'CREATE ROLE mine',
      'SET ROLE postgres',
      'SET session_replication_role = replica',
    ])
      expect([login, sql, await refusal(as(login).query(sql))]).toEqual([
        login,
        sql,
        expect.stringMatching(/^(42501|22023)$/),
      ]);
});

const announce = (login: string, type: string, source: string, inside = type) =>
  refusal(
    as(login).query(
      `INSERT INTO outbox_events (event_id, type, subject, correlation_id, body) VALUES ($1, $2, 's', 'c', $3)`,
      [newId(), type, JSON.stringify({ type: inside, source })],
    ),
  );

it('a role announces the events of its service, and no other', async () => {
  const wrong: string[] = [];
  for (const login of logins.names)
    for (const [type, { by }] of Object.entries(eventCatalogue)) {
      // A person who settles a payment announces it as payment-service.
      const source = login === 'operator' ? 'payment-service' : login;
      const outcome = await announce(login, type, `/${source}`);
      if (outcome !== (by.includes(source) ? 'done' : REFUSED)) wrong.push(`${login} ${type}: ${outcome}`);
    }
  expect(wrong).toEqual([]);
  expect(await announce('inventory-service', 'payment.completed.v1', '/payment-service')).toBe(REFUSED);
  expect(await announce('inventory-service', 'inventory.restored.v1', '/payment-service')).toBe(REFUSED);
  expect(
    await announce(
      'inventory-service',
      'inventory.restored.v1',
      '/inventory-service',
      'payment.completed.v1',
    ),
  ).toBe(REFUSED);
  expect(await announce('status-service', 'order.cancelled.v1', '/order-api')).toBe(REFUSED);
});

it('a consumer keeps its own records, and no other’s', async () => {
  const handled = (login: string, consumer: string) =>
    refusal(
      as(login).query(
        `INSERT INTO processed_events (consumer, event_id, type, subject) VALUES ($1, $2, 't', 's')`,
        [consumer, newId()],
      ),
    );
  expect(await handled('inventory-service', 'inventory-service')).toBe('done');
  // The event would never reach it.
  expect(await handled('inventory-service', 'payment-service')).toBe(REFUSED);
  await db.database.crashSuspect.create({ data: { consumer: 'payment-service', eventId: newId() } });
  for (const sql of ['UPDATE crash_suspects SET starts = 9', 'DELETE FROM crash_suspects'])
    expect((await as('inventory-service').query(sql)).rowCount).toBe(0);
  expect(await db.database.crashSuspect.count({ where: { consumer: 'payment-service', starts: 1 } })).toBe(1);
});

it('an operator has reports counted again, and nobody else handle an event twice', async () => {
  const handled = { eventId: newId(), type: 't', subject: 'again' };
  await db.database.processedEvent.createMany({
    data: ['analytics-service', 'payment-service'].map((consumer) => ({ ...handled, consumer })),
  });
  const sql = `DELETE FROM processed_events WHERE subject = 'again' RETURNING consumer`;
  expect((await as('operator').query(sql)).rows).toEqual([{ consumer: 'analytics-service' }]);
});

it('a service is on record as itself, and as no other', async () => {
  const present = (login: string, service: string) =>
    refusal(
      as(login).query(
        `INSERT INTO service_instances (service, instance, version, host, pid, ready, reasons, paused, started_at)
         VALUES ($1, $2, '1', 'h', 1, true, '{}', '{}', now())`,
        [service, newId()],
      ),
    );
  for (const login of ['order-api', 'outbox-publisher', 'payment-service']) {
    expect(await present(login, login)).toBe('done');
    expect(await present(login, 'status-service')).toBe(REFUSED);
  }
  expect(await refusal(as('inventory-service').query('DELETE FROM pauses'))).toBe(REFUSED);
});

it('the relay takes events out, tends the history, and ends what hangs of its own role', async () => {
  const relay = as('outbox-publisher');
  const { rowCount } = await relay.query('DELETE FROM outbox_events');
  expect(rowCount).toBeGreaterThan(5);
  expect(await makePartitions(relay, Date.UTC(2030, 0, 1))).toContain('event_log_20300108');
  await relay.query(`SELECT drop_history_partition('event_log', '2030-01-08')`);
  expect(await refusal(relay.query(`SELECT make_history_partition('orders', '2030-01-08')`))).toBe('22023');
  const call = `SELECT drop_history_partition('event_log', '2030-01-07')`;
  expect(await refusal(as('inventory-service').query(call))).toBe(REFUSED);
  const { rows } = await relay.query<{ bounds: string }>(
    `SELECT pg_get_expr(relpartbound, oid) AS bounds FROM pg_class WHERE relname = 'event_log_20300101'`,
  );
  const [from, to] = [1, 2].map((day) => firstIdOf(Date.UTC(2030, 0, day)));
  expect(rows[0]?.bounds).toBe(`FOR VALUES FROM ('${from}') TO ('${to}')`);
});

it('operators see that there is a card token, and never what it is', async () => {
  await db.database.cardToken.create({ data: { orderId: newId(), ciphertext: Buffer.from('x') } });
  expect((await as('operator').query('SELECT order_id FROM card_tokens')).rowCount).toBe(1);
  expect(await refusal(as('operator').query('SELECT ciphertext FROM card_tokens'))).toBe(REFUSED);
});

it('status-service moves orders, and sells them no cheaper', async () => {
  const set = (what: string) => refusal(as('status-service').query(`UPDATE orders SET ${what} WHERE false`));
  expect(await set('status = status')).toBe('done');
  expect(await set('total_amount = 0')).toBe(REFUSED);
});

it('a role that nobody narrowed does as its grants say, as before', async () => {
  const owner = new Client(sessionConfig(db.url, { kind: 'migration', applicationName: 'test' }));
  await owner.connect();
  const role = `${logins.prefix}other`;
  await owner.query(`CREATE ROLE "${role}"; GRANT INSERT, SELECT ON outbox_events TO "${role}"`);
  await owner.query(`GRANT USAGE ON SEQUENCE outbox_events_seq_seq TO "${role}"; SET ROLE "${role}"`);
  const text = `INSERT INTO outbox_events (event_id, type, subject, correlation_id, body) VALUES ($1, 't', 's', 'c', '{}')`;
  await owner.query(text, [newId()]);
  expect((await owner.query(`SELECT FROM outbox_events WHERE type = 't'`)).rowCount).toBe(1);
  await owner.query(`RESET ROLE; DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  await owner.end();
});

it('a second run changes nothing, and what was changed by hand is put right', async () => {
  const lines = async () => (await logins.run('--only', 'database')).trim().split('\n');
  expect((await lines()).filter((line) => !line.includes('as it was'))).toEqual([]);
  const role = `"${logins.prefix}inventory-service"`;
  await db.database.$executeRawUnsafe(`GRANT ALL ON payments TO ${role}`);
  await db.database.$executeRawUnsafe(`REVOKE SELECT ON menu_items FROM ${role}`);
  await db.database.$executeRawUnsafe(
    `DROP POLICY "${logins.prefix}inventory-service announces" ON outbox_events`,
  );
  expect((await lines()).filter((line) => !line.includes('as it was'))).toEqual([
    expect.stringMatching(/inventory-service: \d+ rights changed/),
  ]);
  expect(await may('inventory-service', 'SELECT', 'payments')).toBe(false);
  expect(await may('inventory-service', 'SELECT', 'menu_items')).toBe(true);
  expect(await announce('inventory-service', 'payment.completed.v1', '/payment-service')).toBe(REFUSED);
});

it('a role of somebody else’s is left alone; one that is not needed any more is ended', async () => {
  const role = `${logins.prefix}status-service`;
  await db.database.$executeRawUnsafe(`COMMENT ON ROLE "${role}" IS 'mine'`);
  await expect(logins.run('--only', 'database')).rejects.toMatchObject({
    stderr: expect.stringContaining('choose other names with --prefix') as string,
  });
  await expect(logins.run('--remove', 'status-service')).rejects.toMatchObject({
    stderr: expect.stringContaining(
      `There is a role ${role} already, and not of this mesh (mine): nothing was removed.`,
    ) as string,
  });
  expect((await as('status-service').query('SELECT FROM orders')).rowCount).toBe(0);
  await as('notification-service').end();
  expect(await logins.run('--remove', 'notification-service')).toContain('is gone');
  expect(
    await refusal(new Client({ connectionString: logins.databaseUrl('notification-service') }).connect()),
  ).toBe('28P01');
});

it('what a role came to own is not dropped with it', async () => {
  const role = `${logins.prefix}payment-service`;
  const remove = () => logins.run('--only', 'database', '--remove', 'payment-service');
  await db.database.$executeRawUnsafe('CREATE TABLE reports AS SELECT 1 AS one');
  await db.database.$executeRawUnsafe(`ALTER TABLE reports OWNER TO "${role}"`);
  await expect(remove()).rejects.toMatchObject({
    stderr: expect.stringContaining(`${role} owns table reports: give that to somebody else`) as string,
  });
  expect(await db.database.$queryRawUnsafe('SELECT one FROM reports')).toEqual([{ one: 1 }]);
  expect((await as('payment-service').query('SELECT FROM payments')).rowCount).toBe(0);
  await db.database.$executeRawUnsafe(`DROP TABLE reports`);
  expect(await remove()).toContain('is gone');
});

it('a role that was granted something in another database is left as it is', async () => {
  const role = `${logins.prefix}operator`;
  const other = await createTestDatabase();
  try {
    await other.database.$executeRawUnsafe(`GRANT SELECT ON orders TO "${role}"`);
    const there = new URL(other.url).pathname.slice(1);
    await expect(logins.run('--only', 'database', '--remove', 'operator')).rejects.toMatchObject({
      stderr: expect.stringContaining(`(1 object in database ${there}): take that back first.`) as string,
    });
    expect((await as('operator').query('SELECT FROM orders')).rowCount).toBe(0);
  } finally {
    await other.drop();
  }
});

it('who may make roles, and is no superuser, ends them too', async () => {
  const [owner, role] = [`${logins.prefix}owner`, `${logins.prefix}old-service`];
  const client = new Client(sessionConfig(db.url, { kind: 'migration', applicationName: 'test' }));
  await client.connect();
  try {
    await client.query(`CREATE ROLE "${owner}" CREATEROLE`);
    await client.query(`SET ROLE "${owner}"`);
    await client.query(`CREATE ROLE "${role}"`);
    const mark = `Ordermesh, old-service in ${new URL(db.url).pathname.slice(1)}, public`;
    await client.query(`COMMENT ON ROLE "${role}" IS '${mark}'`);
    expect(await removeRole(client, role, 'old-service')).toBe(true);
    expect(await removeRole(client, role, 'old-service')).toBe(false);
  } finally {
    await client.query('RESET ROLE');
    await client.query(`DROP ROLE IF EXISTS "${role}"`);
    await client.query(`DROP ROLE "${owner}"`);
    await client.end();
  }
});

it('a service that is called as no role may be is told so', async () => {
  const client = new Client(sessionConfig(db.url, { kind: 'migration', applicationName: 'test' }));
  await client.connect();
  const login = { tables: {}, functions: [], forgets: [], announces: [] };
  try {
    for (const name of ['none', 'public'])
      await expect(makeRole(client, name, { ...login, name }, 'secret')).rejects.toThrow(
        `${name} cannot be set up: PostgreSQL keeps that name for itself. Choose others with --prefix.`,
      );
  } finally {
    await client.end();
  }
});
