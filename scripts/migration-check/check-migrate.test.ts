import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import path from 'node:path';
import { declareMesh, discoverSubscriptions } from '../../shared/messaging/declare-mesh';
import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';
import { createTestBroker, type TestBroker } from '../../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { checkout } from '../servers/checkout';
import type { MigrateCheck } from './check-migrate';

// The command, on a mesh that is set up, and then changed.

let db: TestDatabase;
let broker: TestBroker;
beforeAll(async () => {
  [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
});
afterAll(async () => {
  await broker.drop();
  await db.drop();
});

const script = path.join(checkout, 'dist', 'scripts', 'migrate.js');
async function run(environment: Record<string, string> = {}, ...args: string[]) {
  const env = { PATH: process.env.PATH, DATABASE_URL: db.url, RABBITMQ_URL: broker.url, ...environment };
  return promisify(execFile)(process.execPath, [script, '--check', ...args], { env }).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}
const check = async (environment?: Record<string, string>) =>
  JSON.parse((await run(environment, '--json')).stdout) as MigrateCheck;

/** All that is declared and all that is stored, but for the record of migrations that the tests change. */
async function everything() {
  const rows = await db.database.$queryRaw`
    SELECT c.relname, c.relfilenode, array_agg(a.attname || a.atttypid ORDER BY a.attnum) AS columns FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace GROUP BY 1, 2 ORDER BY 1`;
  const definitions = await broker.manage<{
    queues: object[];
    bindings: object[];
    exchanges: object[];
    policies: object[];
  }>('GET', '/api/definitions/{vhost}');
  const { queues, bindings, exchanges, policies } = definitions;
  const sorted = [queues, bindings, exchanges, policies].map((all) =>
    all.map((one) => JSON.stringify(one)).sort(),
  );
  return {
    rows,
    sorted,
    subscriptions: await db.database.subscription.findMany({ orderBy: { consumer: 'asc' } }),
    rungs: await db.database.retryQueue.findMany({ orderBy: [{ consumer: 'asc' }, { label: 'asc' }] }),
  };
}

describe('on an empty database', () => {
  const name = `ordermesh_check_${randomUUID().slice(0, 8)}`;
  const role = `${name}_reader`;
  const at = (path: string) => Object.assign(new URL(process.env.TEST_DATABASE_URL!), { pathname: path });
  const url = at(`/${name}`).href;
  const ask = async (where: string, sql: string) => {
    const client = new PostgresClient(sessionConfig(where, { kind: 'command', applicationName: 'test' }));
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const admin = (sql: string) => ask(at('/postgres').href, sql);
  beforeAll(async () => {
    await admin(`CREATE DATABASE ${name}`);
    await admin(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'`);
  });
  afterAll(async () => {
    await admin(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin(`DROP ROLE ${role}`);
  });

  it('the first installation can be done', async () => {
    const { code, stdout } = await run({ DATABASE_URL: url });
    expect(stdout).toMatch(/Can be done while the mesh runs: yes\n$/);
    expect(code).toBe(0);
  });

  it.each(['TABLE theirs (id INT)', 'VIEW subscriptions AS SELECT 1 AS id'])(
    'and not where somebody else has made a %s',
    async (what) => {
      const schema = `s_${randomUUID().slice(0, 8)}`;
      await ask(url, `CREATE SCHEMA ${schema}; SET search_path = ${schema}; CREATE ${what}`);
      const { code, stdout } = await run({ DATABASE_URL: `${url}?schema=${schema}` });
      expect(stdout).toMatch(
        /cannot be done like this, because\n {2}- The schema s_\w+ has tables or the like that are not Ordermesh's/,
      );
      expect(code).toBe(1);
    },
  );

  it('and not by a role that may make no tables, or no schema', async () => {
    await ask(url, 'REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    const reader = Object.assign(new URL(url), { username: role, password: 'reader' }).href;
    const { because } = await check({ DATABASE_URL: reader });
    expect(because).toEqual([
      `the role ${role} may not make tables in the schema public: use the role that owns the mesh’s tables`,
    ]);
    expect((await check({ DATABASE_URL: `${reader}?schema=none` })).because).toEqual([
      `the role ${role} may not make the schema none in the database ${name}: use the role that owns the mesh’s tables`,
    ]);
  });

  it('and not where it can only be read', async () => {
    await admin(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    const { code, stdout } = await run({ DATABASE_URL: url });
    expect(stdout).toMatch(
      /NO, because\n {2}- the database can only be read \(default_transaction_read_only/,
    );
    expect(code).toBe(1);
  });
});

const STATUS_ALONE = [{ service: 'status-service', types: ['order.placed.v1' as const] }];

it('before the first set-up everything is new, and nothing is made by asking', async () => {
  const before = await everything();
  const found = await check();
  expect(found).toMatchObject({ online: true, because: [], changes: true });
  expect(found.queues).toContainEqual({ name: 'inventory-service', change: 'new', detail: 'queue' });
  expect(found.queues).toContainEqual({ name: 'ordermesh.events', change: 'new', detail: 'exchange, topic' });
  expect(found.subscriptions).toContainEqual({
    consumer: 'inventory-service',
    event_type: 'order.placed.v1',
    change: 'begins',
  });
  expect(await everything()).toEqual(before);
});

describe('on a mesh that is set up', () => {
  beforeAll(() =>
    declareMesh({
      databaseUrl: db.url,
      rabbitmqUrl: broker.url,
      subscriptions: discoverSubscriptions(path.join(checkout, 'dist')),
    }),
  );

  it('there is nothing to do', async () => {
    expect(await check()).toMatchObject({ online: true, changes: false, queues: [], subscriptions: [] });
    const { code, stdout } = await run();
    expect([code, stdout.trim()]).toEqual([0, 'There is nothing to do.']);
  });

  it('a role that may only read cannot do it, whether or not there is anything to apply', async () => {
    const role = `ordermesh_reader_${randomUUID().slice(0, 8)}`;
    await db.database.$executeRawUnsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'`);
    try {
      const reader = Object.assign(new URL(db.url), { username: role, password: 'reader' }).href;
      const because = async () => (await check({ DATABASE_URL: reader })).because;
      expect(await because()).toEqual([
        expect.stringMatching(/^permission denied for table .*: use the role/),
      ]);
      await db.database.$executeRawUnsafe(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
      expect(await because()).toContainEqual(
        expect.stringContaining(`the role ${role} may not write to retry_queues, subscriptions: use`),
      );
      await db.database
        .$executeRaw`UPDATE _prisma_migrations SET migration_name = 'x' WHERE migration_name = '20261201040000_retry_queues'`;
      expect(await because()).toEqual([
        expect.stringMatching(/may not make tables in the schema public:/),
        expect.stringMatching(/may not write to _prisma_migrations, retry_queues, subscriptions:/),
        expect.stringMatching(/may not call make_history_partition\(\):/),
        expect.stringMatching(/may not alter consumer_progress, of which \w+ is the owner:/),
      ]);
      await db.database
        .$executeRaw`UPDATE _prisma_migrations SET migration_name = '20261201040000_retry_queues' WHERE migration_name = 'x'`;
    } finally {
      await db.database.$executeRawUnsafe(`DROP OWNED BY ${role}`);
      await db.database.$executeRawUnsafe(`DROP ROLE ${role}`);
    }
  });

  it('what would change is listed, and none of it is changed', async () => {
    await db.database
      .$executeRaw`DELETE FROM _prisma_migrations WHERE migration_name = '20261201040000_retry_queues'`;
    await db.database.$executeRaw`UPDATE subscriptions SET event_type = 'order.gone.v1'
      WHERE (consumer, event_type) = ('inventory-service', 'order.placed.v1')`;
    await db.database.$executeRaw`INSERT INTO consumer_progress (consumer, instance, caught_up_at)
      VALUES ('status-service', gen_random_uuid(), now())`;
    await broker.channel.deleteQueue('status-service');
    await broker.channel.assertQueue('status-service', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 20 },
    });
    const before = await everything();
    const found = await check({ RETRY_DELAYS: '1s,7s' });
    expect(await everything()).toEqual(before);

    expect(found).toMatchObject({ online: true, because: [] });
    expect(found.schema.pending).toMatchObject([
      {
        name: '20261201040000_retry_queues',
        statements: [
          { takes: 'a new table' },
          { table: 'consumer_progress', lock: 'ACCESS EXCLUSIVE', takes: 'a moment', rows: 1 },
          { takes: 'a new table' },
        ],
      },
    ]);
    expect(found.queues).toContainEqual({
      name: 'inventory-service.retry.7s',
      change: 'new',
      detail: 'queue',
    });
    expect(found.queues).toContainEqual({
      name: 'inventory-service.retry.10m',
      change: 'goes when it is empty',
      messages: 0,
    });
    expect(found.queues).toContainEqual({
      name: 'status-service',
      change: 'other arguments',
      messages: 0,
      detail: expect.stringMatching(/'x-.*': received/) as string,
    });
    expect(found.subscriptions).toEqual([
      { consumer: 'inventory-service', event_type: 'order.placed.v1', change: 'begins' },
      { consumer: 'inventory-service', event_type: 'order.gone.v1', change: 'ends' },
    ]);
    expect(found.running).toEqual([{ service: 'status-service', instances: 1, older: 1 }]);
    expect(found.afterwards).toEqual([
      expect.stringMatching(/npm run migrate again, when no older instance of status-service/),
    ]);
    const { code, stdout } = await run({ RETRY_DELAYS: '1s,7s' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/ALTER TABLE "consumer_progress" ADD COLUMN/);
    expect(stdout).toMatch(/Can be done while the mesh runs: yes\n$/);
  });

  it('what cannot be done while it runs is said, with exit code 1', async () => {
    await db.database.$executeRaw`DELETE FROM _prisma_migrations WHERE migration_name LIKE '20261125060000%'`;
    const { code, stdout } = await run();
    expect(code).toBe(1);
    expect(stdout).toMatch(/NO {3}ALTER TABLE "processed_events" DROP CONSTRAINT/);
    expect(stdout).toMatch(/NO, because\n {2}- 20261125060000_event_identity: .*ON CONFLICT/);
  });

  it('a migration that was changed after it had been applied is told', async () => {
    await db.database
      .$executeRaw`UPDATE _prisma_migrations SET checksum = 'x' WHERE migration_name = '20261129020000_who_may'`;
    const { online, because } = await check();
    expect(online).toBe(false);
    expect(because).toContainEqual(expect.stringMatching(/20261129020000_who_may was written otherwise/));
  });

  it('a migration that stopped half-way, and an exchange of another kind, are in the way', async () => {
    await db.database
      .$executeRaw`INSERT INTO _prisma_migrations (id, checksum, migration_name, applied_steps_count)
      VALUES ('x', '', '20261125060000_event_identity', 0)`;
    await broker.channel.deleteExchange('status-service');
    await broker.channel.assertExchange('status-service', 'fanout');
    const { online, because } = await check();
    expect(online).toBe(false);
    expect(because).toContainEqual(
      expect.stringMatching(/20261125060000_event_identity was begun once and did not end/),
    );
    expect(because).toContainEqual(
      expect.stringMatching(/status-service: an exchange of that name is there as another kind/),
    );
    await expect(
      declareMesh({ databaseUrl: db.url, rabbitmqUrl: broker.url, subscriptions: STATUS_ALONE }),
    ).rejects.toThrow(
      /^RabbitMQ refused a declaration: PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'status-service'.*: received 'direct' but current is 'fanout'\. It has to go first/,
    );
  });
});

it.each([
  ['PostgreSQL', { DATABASE_URL: 'postgresql://a:secret@127.0.0.1:1/a' }],
  ['RabbitMQ', { RABBITMQ_URL: 'amqp://a:secret@127.0.0.1:1' }],
])('when %s is away, it has not found out: exit code 2', async (what, environment) => {
  const { code, stderr } = await run(environment);
  expect(code).toBe(2);
  expect(stderr).toMatch(new RegExp(`${what} at 127.0.0.1:1.* cannot be asked: .*ECONNREFUSED`));
  expect(stderr).not.toContain('secret');
});
