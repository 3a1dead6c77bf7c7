import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { sessionConfig } from '../shared/service/session-settings';
import { allServices, startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';
import { startIssuer, type TestIssuer } from '../order-api/testing/test-access';

// The whole mesh with secrets that are nothing else, among servers that quote what they are sent; whatever it wrote,
// stored and answered is searched for each of them.

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');
const SECRETS: Record<string, string> = {
  database: 'da"ta ba/se#pass?w%ord@1',
  broker: 'bro\\ker:pa/ss#wo%rd@2é',
  smtp: 'smtp+pass word/3%41',
  slack: 'SlackPartOfThePath4',
  newCardKey: key(0xa1),
  oldCardKey: key(0xb2),
  cardToken: 'pm_card"Token5/of%a+customer',
  otel: 'otel-collector-key-6',
  wrong: 'wrong&pass=word7',
};
const user = `secrets-${process.pid}`;

/** A text as it may be told again. */
function ways(secret: string): string[] {
  const url = new URL('amqp://u@h');
  url.password = secret;
  const base64 = [0, 1, 2].map((n) =>
    Buffer.concat([Buffer.alloc(n), Buffer.from(secret)])
      .toString('base64')
      .slice(n ? 4 : 0, -4),
  );
  const plain = [secret, encodeURIComponent(secret), url.password, ...base64];
  return [...new Set(plain.flatMap((way) => [way, JSON.stringify(way).slice(1, -1)]))];
}

function leaksIn(told: Record<string, string>): string[] {
  return Object.entries(told).flatMap(([where, words]) =>
    Object.entries(SECRETS).flatMap(([name, secret]) =>
      ways(secret)
        .filter((way) => words.includes(way))
        .map((way) => `${where} tells ${name}: …${around(words, way)}…`),
    ),
  );
}

function around(words: string, way: string): string {
  const at = words.indexOf(way);
  return words.slice(Math.max(0, at - 150), at + way.length + 50);
}

/** Logs in nobody, and quotes what it was given, as it was sent and decoded. */
const sockets = new Set<Socket>();
function refuseLogins(): Server {
  return createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write('220 mail.example ESMTP\r\n');
    createInterface({ input: socket }).on('line', (line) => {
      if (/^EHLO/i.test(line)) return void socket.write('250-mail.example\r\n250 AUTH PLAIN\r\n');
      const sent = line.replace(/^AUTH PLAIN /i, '');
      const decoded = Buffer.from(sent, 'base64').toString().replaceAll('\0', ' ');
      socket.write(
        /^AUTH/i.test(line) ? `535 5.7.8 no login by ${sent}, which is ${decoded}\r\n` : '250 OK\r\n',
      );
    });
  });
}

let gatewayAsked = 0;
/** A gateway, Slack and a receiver of webhooks; whatever they are sent, they send back. */
async function quote(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  const reply = (status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  const quoted = `${request.url} ${JSON.stringify(request.headers)} ${body}`;
  const payment = {
    id: 'pay_1',
    status: 'open',
    currency: 'INR',
    authorized_amount: '0.00',
    captured_amount: '0.00',
    refunded_amount: '0.00',
    decline_code: SECRETS.cardToken,
  };
  if (request.url === '/v1/payments') return void reply(201, payment);
  if (request.url?.endsWith('/authorize')) {
    gatewayAsked += 1;
    if (gatewayAsked <= 3) return void reply(500, { error: quoted });
    return void reply(402, { error: { code: 'unknown', decline_code: SECRETS.cardToken, message: quoted } });
  }
  if (request.url?.startsWith('/v1/payments')) return void reply(200, payment);
  reply(500, { error: quoted });
}

interface Ran {
  code: number;
  told: string;
}
const run = (file: string, args: string[], env: Record<string, string>): Promise<Ran> =>
  new Promise((done) =>
    execFile(
      process.execPath,
      [resolve('dist', file), ...args],
      { env: { PATH: process.env.PATH, ...env }, timeout: 60_000 },
      (error, stdout, stderr) => done({ code: Number(error?.code ?? 0), told: stdout + stderr }),
    ),
  );

const admin = async (work: (client: Client) => Promise<unknown>) => {
  const client = new Client(
    sessionConfig(process.env.TEST_DATABASE_URL!, { kind: 'migration', applicationName: 'test' }),
  );
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
};

let mesh: Mesh;
let issuer: TestIssuer;
let folder: string;
let environment: Record<string, string>;
const told: Record<string, string> = {};
const smtp = refuseLogins();
const others = createHttpServer((request, response) => void quote(request, response));
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ordermesh-secret-'));
  issuer = await startIssuer();
  smtp.listen(0, '127.0.0.1');
  others.listen(0, '127.0.0.1');
  await Promise.all([once(smtp, 'listening'), once(others, 'listening')]);
  await admin(async (client) => {
    await client.query(
      `CREATE ROLE "${user}" LOGIN SUPERUSER PASSWORD ${client.escapeLiteral(SECRETS.database!)}`,
    );
  });
  const elsewhere = `http://127.0.0.1:${portOf(others)}`;
  const file = join(folder, 'card-token-key');
  writeFileSync(file, `${SECRETS.newCardKey},${SECRETS.oldCardKey}\n`);
  environment = {
    SMTP_URL: `smtp://shop@127.0.0.1:${portOf(smtp)}`,
    SMTP_PASSWORD: SECRETS.smtp!,
    SLACK_WEBHOOK_URL: `${elsewhere}/services/T0/${SECRETS.slack}`,
    PAYMENT_SIMULATOR_URL: elsewhere,
    OTEL_EXPORTER_OTLP_HEADERS: `x-key=${SECRETS.otel}`,
    LOG_LEVEL: 'trace',
  };
  mesh = await startMesh({
    services: allServices.filter((name) => name !== 'payment-simulator'),
    databaseUrl: (given) => {
      const url = new URL(given);
      url.username = user;
      url.password = encodeURIComponent(SECRETS.database!);
      return Promise.resolve((environment.DATABASE_URL = url.href));
    },
    rabbitmqUrl: async (given) => {
      const url = new URL(given);
      const vhost = url.pathname.slice(1);
      await mq('PUT', `/api/users/${user}`, { password: SECRETS.broker, tags: 'management' });
      await mq('PUT', `/api/permissions/${vhost}/${user}`, { configure: '.*', write: '.*', read: '.*' });
      url.username = user;
      url.password = encodeURIComponent(SECRETS.broker!);
      return (environment.RABBITMQ_URL = url.href);
    },
    environment: {
      ...environment,
      CARD_TOKEN_KEY: '',
      CARD_TOKEN_KEY_FILE: file,
      AUTH: 'keys,jwt',
      JWT_ISSUER: issuer.settings.issuer,
      JWT_AUDIENCE: issuer.settings.audience.join(','),
      JWT_JWKS_URL: issuer.settings.keys.url.href,
      WEBHOOK_ALLOW_PRIVATE: 'true',
      PAYMENT_TIMEOUT: '1500ms',
      PAYMENT_TAKEOVER: '7s',
      NOTIFICATION_RETRY_DELAYS: '100ms,100ms,1d',
      WEBHOOK_RETRY_DELAYS: '100ms,1d',
      STOCK_MAIL_WINDOW: '100ms',
    },
  });
}, 120_000);

const mq = async (method: string, path: string, body?: unknown) => {
  const url = new URL(process.env.TEST_RABBITMQ_MANAGEMENT_URL!);
  const login = Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`);
  const headers = { authorization: `Basic ${login.toString('base64')}`, 'content-type': 'application/json' };
  const response = await fetch(new URL(path, url.origin), { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
};

afterAll(async () => {
  await (mesh as Mesh | undefined)?.stop();
  await admin((client) => client.query(`DROP ROLE IF EXISTS "${user}"`));
  await mq('DELETE', `/api/users/${user}`).catch(() => undefined);
  await issuer.stop();
  sockets.forEach((socket) => socket.destroy());
  smtp.close();
  others.close();
  others.closeAllConnections();
  rmSync(folder, { recursive: true });
}, 60_000);

it('no secret is told by what goes well and what does not, and none is stored but where it belongs', async () => {
  // Callers: a key as it is made, a token, and some that are no good.
  const created = await run('operator/keys.js', ['create', '--role', 'admin', '--name', 'test'], environment);
  const apiKey = /om_live_\w+/.exec(created.told)?.[0] ?? '';
  SECRETS.apiKey = apiKey.slice(-30);
  const jwt = await issuer.sign({ sub: 'c-1', role: 'admin' });
  SECRETS.jwt = jwt.split('.')[2]!;
  SECRETS.badJwt = 'eyJub3Qi.b2Zhbnlib2R5.c2lnbmF0dXJlOGJ5bm9ib2R5';
  SECRETS.badKey = 'nobodysKey9nobodysKey9';
  const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });
  expect(apiKey).not.toBe('');
  for (const bad of [SECRETS.badJwt, `om_live_${'0'.repeat(32)}_${SECRETS.badKey}`])
    expect((await mesh.ask('GET', '/orders', undefined, bearer(bad))).status).toBe(401);

  const ask = async <T>(path: string, body: unknown, wanted: number, credential = jwt) => {
    const answer = await mesh.ask<T>('POST', path, body, bearer(credential));
    expect(answer).toMatchObject({ status: wanted });
    return answer.body;
  };
  const shop = await ask<{ restaurant_id: string }>(
    '/inventory/add/restaurant',
    { name: 'Tandoor', email: 'shop@example.org' },
    201,
  );
  const item = await ask<{ menu_item_id: string }>(
    `/inventory/add/${shop.restaurant_id}/item`,
    { name: 'Dal', price: '120.50', available_qty: 5, low_stock_threshold: 4 },
    201,
  );
  const hook = await ask<{ webhook_id: string; secret: string }>(
    '/webhooks',
    { url: `http://127.0.0.1:${portOf(others)}/hook?token=hook-url-token-10` },
    201,
  );
  SECRETS.webhook = hook.secret.replace('whsec_', '');
  const order = {
    restaurant_id: shop.restaurant_id,
    items: [{ menu_item_id: item.menu_item_id, quantity: 3 }],
    email: 'a@example.org',
    payment: { method: 'CARD', token: SECRETS.cardToken },
  };
  await ask('/orders', { ...order, reference: 7 }, 422, apiKey); // what is invalid is not quoted
  const { order_id } = await ask<{ order_id: string }>('/orders', order, 202, apiKey);

  // The gateway quotes the token and refuses the card; the mail server, Slack and the receiver refuse what they quote.
  await mesh.reaches(order_id, 'CANCELLED');
  const stuck = () =>
    mesh.db.database.notification.findMany({
      where: { lastError: { not: null }, status: { not: 'DROPPED' } },
    });
  await until('mail, Slack and the webhook to be refused', async () => {
    const channels = (await stuck()).map(({ channel }) => channel);
    return ['EMAIL', 'SLACK', 'WEBHOOK'].every((one) => channels.includes(one));
  });
  const refused = (await stuck()).find(({ channel }) => channel === 'EMAIL');
  expect(refused?.lastError).toMatch(/refuses the login \(535\): check .* SMTP_PASSWORD/);

  // What is no event; servers that go away; an issuer without keys.
  mesh.broker.channel.publish(EVENTS_EXCHANGE, 'order.placed.v1', Buffer.from('{'), { persistent: true });
  const letter = await mesh.broker.take('notification-service.dlq');
  told['a dead letter'] = JSON.stringify([letter.properties, letter.content.toString()]);
  await mesh.broker.cutConnections();
  await mesh.db.database.$queryRaw`
    SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE usename = ${user}`;
  issuer.broken = 500;
  await issuer.rotate();
  await mesh.ask('GET', '/orders', undefined, bearer(await issuer.sign({ sub: 'c', role: 'admin' })));
  await until('all to be ready again', async () =>
    (await Promise.all(mesh.processes.map(async ({ url }) => (await fetch(`${url}/readyz`)).ok))).every(
      Boolean,
    ),
  );

  await Promise.all([askAll(), failToStart(), askCommands(order_id)]);
  const exits = await Promise.all(mesh.processes.map((one) => one.stop()));
  expect(exits).toEqual(exits.map(() => 0));
  for (const { name, written } of mesh.processes) told[`the log of ${name}`] = written.join('\n');
  told['the database'] = await stored();

  // The search itself finds what is there.
  expect(leaksIn({ it: `x ${encodeURIComponent(SECRETS.broker!)}` })).toHaveLength(1);
  expect(told['the log of notification-service']).toContain('refuses the login');
  expect(leaksIn(told)).toEqual([]);
}, 120_000);

/** What every service answers. */
async function askAll(): Promise<void> {
  for (const { name, url } of mesh.processes)
    for (const path of ['/healthz', '/readyz', '/metrics'])
      told[`${path} of ${name}`] = await (await fetch(url + path)).text();
}

/** Each with another thing wrong; each has to say so and end. */
async function failToStart(): Promise<void> {
  const wrongPassword = (name: string) => {
    const url = new URL(environment[name]!);
    url.password = encodeURIComponent(SECRETS.wrong!);
    return { ...environment, [name]: url.href };
  };
  const unescaped = `amqp://u:${SECRETS.broker}@127.0.0.1/x`;
  const crash = `
    const { runService } = require(${JSON.stringify(resolve('dist/shared/service/run-service.js'))});
    runService('crashing', async () => {
      const url = process.env.DATABASE_URL;
      const error = new Error('lost ' + url, { cause: new Error(process.env.SMTP_PASSWORD) });
      Object.assign(error, { config: { headers: process.env.OTEL_EXPORTER_OTLP_HEADERS }, hint: [url], input: url });
      setTimeout(() => void Promise.reject(error));
      return async () => undefined;
    });`;
  const script = join(folder, 'crash.js');
  writeFileSync(script, crash);
  const migrate = 'scripts/migrate.js';
  const service = 'inventory-service/main.js';
  const tried: [string, Promise<Ran>, number, RegExp][] = [
    ['a crash', run(script, [], environment), 1, /unhandled rejection/],
    ['a wrong password for PostgreSQL', run(migrate, [], wrongPassword('DATABASE_URL')), 1, /password/],
    ['a wrong password for RabbitMQ', run(migrate, [], wrongPassword('RABBITMQ_URL')), 1, /ACCESS|refused/i],
    ['a URL that is none', run(service, [], { ...environment, RABBITMQ_URL: unescaped }), 78, /RABBITMQ_URL/],
    [
      'a URL with another scheme',
      run(migrate, [], { ...environment, DATABASE_URL: `mysql://${SECRETS.database}` }),
      1,
      /DATABASE_URL/,
    ],
    [
      'a bad key',
      run('payment-service/main.js', [], { ...environment, CARD_TOKEN_KEY: `${SECRETS.newCardKey}x` }),
      78,
      /CARD_TOKEN_KEY/,
    ],
    [
      'a bad Slack URL',
      run('notification-service/main.js', [], { ...environment, SLACK_WEBHOOK_URL: `x${SECRETS.slack}` }),
      78,
      /SLACK/,
    ],
    [
      'two passwords',
      run('notification-service/main.js', [], { ...environment, SMTP_URL: `smtp://u:${SECRETS.otel}@h` }),
      78,
      /SMTP/,
    ],
  ];
  for (const [what, ran, code, said] of tried) {
    const result = await ran;
    told[what] = result.told;
    expect({ what, ...result }).toMatchObject({ code, told: expect.stringMatching(said) as string });
  }
}

async function askCommands(orderId: string): Promise<void> {
  const commands: [string, ...string[]][] = [
    ['payments', 'list'],
    ['notifications', 'list'],
    ['dlq', 'list'],
    ['keys', 'list'],
    ['mesh', 'why', orderId],
    ['audit'],
  ];
  await Promise.all(
    commands.map(async ([name, ...args]) => {
      told[`npm run ${name}`] = (await run(`operator/${name}.js`, args, environment)).told;
      expect(told[`npm run ${name}`]).not.toBe('');
    }),
  );
}

/** Every row of every table; the webhook's own secret is in one column, where it has to be. */
async function stored(): Promise<string> {
  const { database } = mesh.db;
  const tables = await database.$queryRaw<{ name: string }[]>`
    SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`;
  let all = '';
  for (const { name } of tables) {
    const rows = await database.$queryRawUnsafe<{ row: Record<string, unknown> }[]>(
      `SELECT row_to_json(t) AS row FROM "${name}" AS t`,
    );
    for (const { row } of rows)
      all += `${name} ${JSON.stringify({ ...row, secrets: undefined, secret: undefined })}\n`;
  }
  return all;
}
