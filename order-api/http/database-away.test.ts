import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { newId } from '../../shared/ids';
import { openDatabase, type Database } from '../../shared/service/database';
import { serve, type ApiClient } from '../testing/test-api';

const requests: [method: string, path: string, body?: object][] = [
  ['GET', '/orders'],
  ['GET', `/orders/${newId()}`],
  ['GET', `/orders/${newId()}/events`],
  ['GET', `/restaurants/${newId()}/orders/events`],
  ['POST', '/orders', { restaurant_id: newId(), items: [{ sku: 'A', quantity: 1 }] }],
  ['POST', `/orders/${newId()}/cancel`],
  ['PATCH', `/orders/${newId()}/status`, { status: 'DELIVERED' }],
  ['POST', '/inventory/add/restaurant', { name: 'Tandoor' }],
  ['POST', `/inventory/add/${newId()}/item`, { name: 'Dal', price: 1, available_qty: 1 }],
  ['GET', `/inventory/${newId()}`],
  ['PATCH', `/inventory/${newId()}`, { price: 1 }],
  ['POST', `/inventory/${newId()}/adjustments`, { delta: 1, reason: 'restock' }],
  ['GET', `/inventory/${newId()}/adjustments/${newId()}`],
  ['GET', '/restaurants'],
  ['GET', `/restaurants/${newId()}/menu`],
];

const open = (port: number): Database =>
  openDatabase({
    url: `postgresql://nobody@127.0.0.1:${port}/none`,
    poolSize: 3,
    applicationName: 'test',
    onIdleError: () => undefined,
  });

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A port that refuses connections: one that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function expectUnavailable(
  api: ApiClient,
  [method, path, json]: (typeof requests)[number],
): Promise<void> {
  const begun = Date.now();
  expect(await api.call(method, path, { json })).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
    body: { title: 'Service Unavailable', detail: expect.stringContaining('try again') },
  });
  expect(Date.now() - begun).toBeLessThan(10_000);
}

describe('while the database refuses connections', () => {
  let api: ApiClient;
  let database: Database;
  beforeAll(async () => {
    database = open(await closedPort());
    api = await serve(database);
  });
  afterAll(async () => {
    await api.stop();
    await database.$disconnect();
  });

  it.each(requests)('%s %s is a 503 that says when to try again', async (...request) =>
    expectUnavailable(api, request),
  );

  it('is healthy, not ready, and still refuses what is wrong in itself', async () => {
    expect(await api.get('//healthz')).toMatchObject({ status: 200 });
    expect(await api.get('//readyz')).toMatchObject({
      status: 503,
      body: {
        ready: false,
        checks: { database: false },
        reasons: { database: expect.stringMatching(/^PostgreSQL cannot be used: .+/) as string },
      },
    });
    expect(await api.post('/orders', {})).toMatchObject({ status: 422 });
  });
});

describe('while the database accepts connections and says nothing', () => {
  it('answers 503 within seconds, whatever is asked, and is not ready', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
    const database = open(await listening(silent));
    const api = await serve(database);
    // More requests than connections: those that wait for one give up as well.
    await Promise.all([
      ...requests.map((request) => expectUnavailable(api, request)),
      api
        .get('//readyz')
        .then((reply) => expect(reply).toMatchObject({ status: 503, body: { ready: false } })),
    ]);
    await api.stop();
    for (const socket of sockets) socket.destroy();
    silent.close();
    await database.$disconnect();
  });
});
