import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { EXIT } from '../shared/service/exit-codes';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { seedMenu } from '../shared/testing/seed';
import { giveKey, startIssuer } from './testing/test-access';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';

// The compiled process: npm test has built it.
const MAIN = path.join(__dirname, '..', 'dist', 'order-api', 'main.js');

let db: TestDatabase;
const processes: ChildProcess[] = [];
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());
afterEach(() => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
});

interface Running {
  child: ChildProcess;
  log(): Record<string, unknown>[];
  /** Its exit code, and how long it took to come from now on. */
  end(): Promise<{ code: number | null; ms: number }>;
}

function run(environment: NodeJS.ProcessEnv): Running {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'close');
  return {
    child,
    log: () =>
      output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    end: async () => {
      const begun = Date.now();
      const [code] = (await exited) as [number | null];
      return { code, ms: Date.now() - begun };
    },
  };
}

async function listening(environment: NodeJS.ProcessEnv = {}): Promise<Running & { port: number }> {
  const running = run({ DATABASE_URL: db.url, PORT: '0', ...environment });
  const line = await until('it listens', () => running.log().find(({ msg }) => msg === 'listening'));
  return { ...running, port: line.port as number };
}

/** What it says when it does not start: one line, without a stack trace. */
async function refused(environment: NodeJS.ProcessEnv, code: number = EXIT.configuration): Promise<string> {
  const running = run(environment);
  expect((await running.end()).code).toBe(code);
  const log = running.log();
  expect(log).toMatchObject([{ level: 'fatal', service: 'order-api' }]);
  expect(JSON.stringify(log)).not.toContain('    at ');
  return String(log[0]?.msg);
}

describe('bad configuration', () => {
  it('is reported whole', async () => {
    const said = await refused({ PORT: 'abc', LOG_LEVEL: 'loud', DATABASE_POOL_SIZE: '0' });
    for (const name of ['DATABASE_URL', 'PORT', 'LOG_LEVEL', 'DATABASE_POOL_SIZE'])
      expect(said).toContain(`  ${name}: `);
  });

  it('is named, and its value kept back, where it may be a secret', async () => {
    const said = await refused({ DATABASE_URL: 'mysql://root:hunter2@x/y', CARD_TOKEN_KEY: 'sesame' });
    expect(said).toContain('DATABASE_URL: must begin with postgresql://');
    expect(said).toContain('CARD_TOKEN_KEY: must be ');
    expect(said).not.toMatch(/hunter2|sesame/);
  });

  it('that would serve others without AUTH is refused, until AUTH says that it is meant', async () => {
    const exposed: NodeJS.ProcessEnv[] = [{ HOST: '0.0.0.0' }, { HOST: '::' }, { NODE_ENV: 'production' }];
    await Promise.all(
      exposed.map(async (environment) => {
        const given = { DATABASE_URL: db.url, PORT: '0', ...environment };
        expect(await refused(given)).toContain('AUTH: ');
        const { port } = await listening({ ...given, AUTH: 'none' });
        expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
      }),
    );
  });
});

describe('who may', () => {
  const get = async (port: number, more: RequestInit = {}) =>
    (await fetch(`http://127.0.0.1:${port}/api/v1/restaurants`, more)).status;
  const lines = ({ log }: Running, about: RegExp) => log().filter(({ msg }) => about.test(String(msg)));

  it('is said in the log: everybody here, everybody who gets there, or who has a key', async () => {
    const [here, open, closed] = await Promise.all([
      listening(),
      listening({ AUTH: 'none', HOST: '0.0.0.0' }),
      listening({ AUTH: 'keys', HOST: '0.0.0.0', NODE_ENV: 'production' }),
    ]);
    expect([await get(here.port), await get(open.port), await get(closed.port)]).toEqual([200, 200, 401]);
    await until('it is said', () => lines(here, /every program on this machine/)[0]?.level === 'info');
    await until('it is said', () => lines(open, /whoever reaches this address/)[0]?.level === 'warn');
    await until('it is said', () => lines(closed, /by API keys/)[0]?.level === 'info');
  });

  it('has a key, which is in no log, and is counted', async () => {
    const { text } = await giveKey(db.database, 'admin');
    const running = await listening({ AUTH: 'keys', LOG_LEVEL: 'trace', RATE_LIMIT_CALLER: '2/1m' });
    const headers = { authorization: `Bearer ${text}` };
    const statuses = [];
    for (let count = 0; count < 3; count += 1) statuses.push(await get(running.port, { headers }));
    expect(statuses).toEqual([200, 200, 429]);
    await get(running.port, { headers: { 'x-forwarded-for': '198.51.100.1' } });
    await get(running.port, { headers: { 'x-forwarded-for': '198.51.100.2' } });
    await until('it is said', () => lines(running, /TRUST_PROXY is off/).length === 1);
    running.child.kill('SIGTERM');
    await running.end();
    expect(JSON.stringify(running.log())).not.toContain(text.split('_')[3]);
  });

  it('has a token of the issuer that is configured', async () => {
    const issuer = await startIssuer();
    const { port } = await listening({
      AUTH: 'keys,jwt',
      JWT_ISSUER: issuer.settings.issuer,
      JWT_AUDIENCE: issuer.settings.audience.join(),
      JWT_JWKS_URL: String(issuer.settings.keys.url),
      JWT_ROLE_CLAIM: 'roles',
    });
    const token = await issuer.sign({ sub: 'ada', roles: ['admin'] });
    const { text } = await giveKey(db.database, 'admin');
    for (const [credential, status] of [
      [token, 200],
      [text, 200],
      [`${token}x`, 401],
    ] as const)
      expect(await get(port, { headers: { authorization: `Bearer ${credential}` } })).toBe(status);
    await issuer.stop();
  });
});

describe('the port', () => {
  it('that is in use is named, and how to take another', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    expect(await refused({ DATABASE_URL: db.url, PORT: String(port) }, EXIT.portTaken)).toBe(
      `Cannot listen: 127.0.0.1:${port} is in use; stop what listens there, or set PORT to another.`,
    );
    await new Promise((resolve) => other.close(resolve));
  });

  it('on an address that is not of this machine is refused', async () => {
    expect(await refused({ DATABASE_URL: db.url, PORT: '0', HOST: '192.0.2.1', AUTH: 'none' })).toContain(
      'set HOST to one',
    );
  });
});

describe('the process', () => {
  it('goes on taking connections for a moment and says that it is not ready, where a proxy has to notice', async () => {
    const running = await listening({ LEAVE_AFTER: '2s' });
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${running.port}${path}`, {
        headers: { connection: 'close' },
      });
      return { status: response.status, body: (await response.json()) as { reasons?: unknown } };
    };
    await until('it is ready', async () => (await ask('/readyz')).status === 200);
    running.child.kill('SIGTERM');
    const leaving = await until('it says so', async () => {
      const answer = await ask('/readyz');
      return answer.status === 503 && answer;
    });
    expect(leaving.body.reasons).toEqual({ stays: 'it was told to stop' });
    expect((await ask('/api/v1/restaurants')).status).toBe(200);
    expect((await running.end()).code).toBe(0);
  });

  it('refuses to go on for so long that nothing is left for requests in progress', async () => {
    expect(await refused({ DATABASE_URL: db.url, LEAVE_AFTER: '6s' })).toContain(
      'LEAVE_AFTER: must be 5s or less',
    );
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'on %s answers the request in progress, takes no other, and exits 0',
    async (signal) => {
      const { restaurantId } = await seedMenu(db.database, [5]);
      const { child, port, log, end } = await listening();
      const idle = await fetch(`http://127.0.0.1:${port}/healthz`); // leaves a kept-alive connection behind
      expect(idle.status).toBe(200);
      const body = JSON.stringify({ restaurant_id: restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] });
      const socket = connect(port, '127.0.0.1');
      socket.write(
        `POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
      );
      await once(socket, 'data'); // "100 Continue": the request is in progress
      const answer = text(socket);
      child.kill(signal);
      await until('it is stopping', () => log().some(({ msg }) => msg === 'stopping'));
      await until('it takes no connections', () =>
        fetch(`http://127.0.0.1:${port}/healthz`).then(
          () => false,
          () => true,
        ),
      );
      const ended = end();
      socket.write(body);
      const [, json] = (await answer).split('\r\n\r\n');
      const order = JSON.parse(json ?? '') as { order_id: string; status: string };
      expect(order.status).toBe('PLACED');
      expect(await db.database.outboxEvent.count({ where: { subject: order.order_id } })).toBe(1);
      const { code, ms } = await ended;
      expect(code).toBe(0);
      expect(ms).toBeLessThan(4_000);
    },
  );

  it('keeps to the bounds it is given', async () => {
    const { restaurantId } = await seedMenu(db.database, [5]);
    const { port } = await listening({ MAX_WAITING_ORDERS: '1' });
    const place = () =>
      fetch(`http://127.0.0.1:${port}/api/v1/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ restaurant_id: restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] }),
      });
    const refusal = await until('a refusal', async () => {
      const response = await place();
      return response.status === 503 && response;
    });
    expect(refusal.headers.get('retry-after')).toBe('5');
    expect(await refusal.json()).toMatchObject({ type: 'urn:ordermesh:problem:overloaded' });
    expect(await refused({ DATABASE_URL: db.url, MAX_REQUESTS: '0', MAX_WAITING_ORDERS: 'many' })).toMatch(
      /MAX_REQUESTS: must be a whole number.*\n.*MAX_WAITING_ORDERS: must be a whole number/,
    );
  });

  it('logs an order with the ids that find it again, and nothing that says who ordered', async () => {
    const { restaurantId } = await seedMenu(db.database, [5]);
    const { port, log } = await listening();
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-correlation-id': 'mine' },
      body: JSON.stringify({
        restaurant_id: restaurantId,
        email: 'ann@b.example',
        delivery_address: '1 MG Road',
        items: [{ sku: 'DISH-1', quantity: 1 }],
      }),
    });
    const { order_id } = (await response.json()) as { order_id: string };
    const line = await until('the line', () => log().find(({ msg }) => msg === 'order placed'));
    const event = await db.database.outboxEvent.findFirstOrThrow({ where: { subject: order_id } });
    expect(line).toMatchObject({
      service: 'order-api',
      order_id,
      event_id: event.eventId,
      correlation_id: 'mine',
    });
    expect(JSON.stringify(log())).not.toMatch(/ann@b\.example|MG Road/);
  });

  it('starts without a key for card tokens, says so once, and refuses cards alone', async () => {
    const { restaurantId } = await seedMenu(db.database, [5]);
    const placeWith = async (port: number, payment: object) => {
      const body = { restaurant_id: restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }], payment };
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return response.status;
    };
    const warned = ({ log }: Running) => log().filter(({ msg }) => String(msg).includes('CARD_TOKEN_KEY'));
    const card = { method: 'CARD', token: 'tok_approved' };

    const without = await listening();
    expect([await placeWith(without.port, { method: 'CASH' }), await placeWith(without.port, card)]).toEqual([
      202, 503,
    ]);
    expect(warned(without).filter(({ msg }) => msg !== 'answered 503')).toMatchObject([{ level: 'warn' }]);

    const key = randomBytes(32).toString('base64');
    const having = await listening({ CARD_TOKEN_KEY: key });
    expect(await placeWith(having.port, card)).toBe(202);
    await until('the line', () => having.log().some(({ msg }) => msg === 'order placed'));
    expect(warned(having)).toEqual([]);
    expect(JSON.stringify([...without.log(), ...having.log()])).not.toMatch(/tok_approved/);
    expect(JSON.stringify(having.log())).not.toContain(key);
  });

  it('answers while its database hangs, is not ready, and is ready when the database says something', async () => {
    const { hostname, port: databasePort } = new URL(db.url);
    let isSilent = true;
    const silent: Socket[] = [];
    const proxy = createServer((client) => {
      client.on('error', () => undefined);
      if (isSilent) return void silent.push(client);
      const server = connect(Number(databasePort), hostname).on('error', () => undefined);
      client.pipe(server).pipe(client);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const url = new URL(db.url);
    url.port = String((proxy.address() as AddressInfo).port);
    const running = run({ DATABASE_URL: url.toString(), PORT: '0' });
    await until('it asks the database', () => silent.length > 0);
    const asked = Date.now();
    const line = await until('it listens', () => running.log().find(({ msg }) => msg === 'listening'));
    expect(Date.now() - asked).toBeLessThan(5_000);
    const get = (path: string) => fetch(`http://127.0.0.1:${line.port as number}${path}`);
    expect((await get('/healthz')).status).toBe(200);
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ checks: { database: false, started: false } });
    isSilent = false;
    for (const socket of silent) socket.destroy();
    await until('it is ready', async () => (await get('/readyz')).status === 200);
    expect(await (await get('/readyz')).json()).toMatchObject({ checks: { database: true, orders: true } });
    running.child.kill('SIGTERM');
    expect((await running.end()).code).toBe(0);
    await new Promise((resolve) => proxy.close(resolve));
  });

  it('starts without its database, says that it is not ready, and is ready when the database comes', async () => {
    const url = new URL(db.url);
    const database = { host: url.hostname, port: Number(url.port) };
    const proxy = createServer((client) => {
      const server = connect(database);
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port: proxyPort } = proxy.address() as AddressInfo;
    await new Promise((resolve) => proxy.close(resolve));
    url.port = String(proxyPort);
    const { port, child, end } = await listening({ DATABASE_URL: url.toString() });
    const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
    expect(await ready()).toBe(503);
    await new Promise<void>((resolve) => proxy.listen(proxyPort, '127.0.0.1', resolve));
    await until('it is ready', async () => (await ready()) === 200);
    child.kill('SIGTERM');
    expect((await end()).code).toBe(0);
    await new Promise((resolve) => proxy.close(resolve));
  });
});
