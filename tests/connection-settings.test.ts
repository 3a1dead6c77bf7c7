import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Client } from 'pg';
import { connectBroker } from '../shared/messaging/connect-broker';
import { openDatabase } from '../shared/service/database';
import { sessionConfig } from '../shared/service/session-settings';
import { createTestBroker, type TestBroker } from '../shared/testing/test-broker';

let broker: TestBroker;
const admin = new Client({ connectionString: process.env.TEST_DATABASE_URL });
const target = new URL(process.env.TEST_DATABASE_URL!);
const name = `settings_${process.pid}_${process.env.JEST_WORKER_ID}`;
target.pathname = `/${name}`;
beforeAll(async () => {
  broker = await createTestBroker();
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
});
afterAll(async () => {
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.end();
  await broker.drop();
});

/** A command or service with just this environment: what it says, and how it ends. */
async function run(file: string, env: Record<string, string>) {
  const startedAt = Date.now();
  const child = spawn(process.execPath, [resolve('dist', file)], { env: { PATH: process.env.PATH, ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const timer = setTimeout(() => child.kill('SIGKILL'), 25_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  said = said.replace(/^Working on .*\n/, ''); // the command's first line: which servers
  return { code, said, tookMs: Date.now() - startedAt };
}

const AWAY = { DATABASE_URL: 'postgresql://u@127.0.0.1:1/d', RABBITMQ_URL: 'amqp://u@127.0.0.1:1' };
const SECRET = 'Geh31m#n1s';

test.each([
  ['in the URL of RabbitMQ', { RABBITMQ_URL: `amqp://u:${SECRET}@127.0.0.1:1/v` }],
  ['in the URL of PostgreSQL', { DATABASE_URL: `postgresql://u:${SECRET}@127.0.0.1:1/d` }],
])('a service whose start fails tells no password: %s', async (_where, env) => {
  for (const file of ['outbox-publisher/main.js', 'scripts/migrate.js']) {
    const { code, said } = await run(file, { ...AWAY, HEALTH_PORT: '0', ...env });
    expect(code).not.toBe(0);
    expect(said).toContain('put the password into');
    expect(said).not.toContain('Geh31m');
    expect(said).not.toContain('n1s');
  }
});

test('a wrong password, database or TLS is told at once, without the password', async () => {
  const nowhere = new URL(target);
  nowhere.pathname = '/no_such_database';
  const untrusted = new URL(target);
  untrusted.searchParams.set('sslmode', 'verify-full');
  for (const [url, words] of [
    [nowhere, 'does not exist'],
    [untrusted, 'SSL|certificate'],
  ] as const) {
    const { code, said, tookMs } = await run('scripts/migrate.js', { ...AWAY, DATABASE_URL: url.href });
    expect(code).toBe(1);
    expect(said).toMatch(new RegExp(`^PostgreSQL does not let us in: .*(${words})`));
    expect(said.trim().split('\n')).toHaveLength(1);
    expect(tookMs).toBeLessThan(15_000);
  }
  const vhost = new URL(broker.url);
  vhost.pathname = '/no-such-vhost';
  const stranger = new URL(broker.url);
  stranger.password = encodeURIComponent(SECRET);
  for (const url of [vhost, stranger]) {
    const env = { DATABASE_URL: `${target.href}?schema=brokers`, RABBITMQ_URL: url.href };
    const { code, said, tookMs } = await run('scripts/migrate.js', env);
    expect([code, said]).toEqual([1, expect.stringContaining('RabbitMQ does not let us in: ')]);
    expect(said).not.toContain('Geh31m');
    expect(tookMs).toBeLessThan(15_000);
  }
}, 90_000);

test.each(['p%40ss#/?:@', 'ü漢 "quoted"', '%'])(
  'RabbitMQ takes a user with the password %s',
  async (password) => {
    const user = `user-${process.pid}`;
    await broker.manage('PUT', `/api/users/${user}`, { password, tags: '' });
    const all = { configure: '.*', write: '.*', read: '.*' };
    await broker.manage('PUT', `/api/permissions/{vhost}/${user}`, all);
    try {
      const url = new URL(broker.url);
      url.username = user;
      url.password = encodeURIComponent(password);
      await (await connectBroker(url.href)).close();
    } finally {
      await broker.manage('DELETE', `/api/users/${user}`);
    }
  },
);

test('a database with somebody else’s tables is refused in one line; a schema of its own works', async () => {
  await using(target.href, (client) => client.query('CREATE TABLE somebody_else ()'));
  const migrate = (DATABASE_URL: string) =>
    run('scripts/migrate.js', { DATABASE_URL, RABBITMQ_URL: broker.url });
  const refused = await migrate(target.href);
  expect(refused.said).toMatch(/^The schema public has tables .*somebody_else.*\?schema=ordermesh/);
  expect([refused.code, refused.said.trim().split('\n')]).toEqual([1, [refused.said.trim()]]);
  const url = `${target.href}?schema=shop-1`;
  expect(await migrate(url)).toMatchObject({ code: 0, said: expect.stringContaining('Applied') as string });
  expect(await migrate(url)).toMatchObject({
    code: 0,
    said: expect.stringContaining('up to date') as string,
  });
  const database = openDatabase({ url, poolSize: 2, applicationName: 'test', onIdleError: () => undefined });
  await database.crashSuspect.create({
    data: { consumer: 'c', eventId: '019a0000-0000-7000-8000-000000000000' },
  });
  expect(await database.$queryRaw`SELECT consumer FROM crash_suspects`).toEqual([{ consumer: 'c' }]);
  await database.$disconnect();
  const tables = await using(target.href, (client) =>
    client.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`),
  );
  expect(tables.rows).toEqual([{ tablename: 'somebody_else' }]);
});

test('a server that speaks no TLS is told from one that is away', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('N'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `postgresql://u@127.0.0.1:${port}/d?sslmode=require`;
  const { said } = await run('scripts/migrate.js', { ...AWAY, DATABASE_URL: url });
  expect(said).toMatch(/^PostgreSQL does not let us in: .*SSL/);
  server.close();
});

async function using<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(sessionConfig(url, { kind: 'migration', applicationName: 'test' }));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
