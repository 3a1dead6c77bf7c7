import { createOrderCount } from './read-database';
import { readMesh } from './read-mesh';
import { runMesh } from './run-mesh';
import { meshAsText } from './show-mesh';
import { allServices, startMesh, type Mesh } from '../../shared/testing/mesh';
import { until } from '../../shared/testing/until';
import type { Timeline } from '../../shared/timeline/timeline';

// What people pause stands still, and nothing else does; and what stood still is held against no order. One mesh, to which
// one thing happens after the other.

const DEADLINE_MS = 2_500;

let mesh: Mesh;
let restaurantId: string;
let itemId: string;
beforeAll(async () => {
  mesh = await startMesh({
    services: allServices.filter((name) => name !== 'analytics-service'),
    environment: { ORDER_DEADLINE: `${DEADLINE_MS}ms`, ORDER_DEADLINE_EVERY: '300ms' },
  });
  ({ restaurantId, itemId } = await mesh.addItem(10_000));
}, 90_000);
afterAll(() => mesh?.stop());

async function command(...args: string[]): Promise<string> {
  const printed: string[] = [];
  const code = await runMesh({
    args,
    databaseUrl: () => mesh.db.url,
    draftDeadlineMs: () => 86_400_000,
    readState: () => () => readState(),
    user: () => 'asha',
    print: (text) => printed.push(text),
    warn: (text) => printed.push(text),
  });
  return `${code} ${printed.join('\n')}`;
}
const readState = (urls: { databaseUrl?: string; rabbitmqUrl?: string } = {}) =>
  readMesh({
    databaseUrl: mesh.db.url,
    rabbitmqUrl: mesh.broker.url,
    knownServices: () => ['inventory-service', 'status-service'],
    healthUrls: () => Object.fromEntries(mesh.processes.map(({ name, url }) => [name, url])),
    countOrders: createOrderCount(),
    ...urls,
  });

interface Readiness {
  ready: boolean;
  paused?: { part: string; by: string; why: string }[];
}
const readyz = async (service: string) => {
  const response = await fetch(`${mesh.service(service).url}/readyz?service=${service}`);
  return { status: response.status, body: (await response.json()) as Readiness };
};
/** Pauses a part, and waits until its service has heard of it. */
async function pause(part: string, service = part): Promise<void> {
  expect(await command('pause', part, '--why', 'stock take')).toMatch(`0 ${part} is paused: stock take.`);
  await until(`${service} to hear of it`, async () => (await readyz(service)).body.paused);
  expect(await readyz(service)).toMatchObject({
    status: 200,
    body: { ready: true, paused: [{ part, by: 'asha', why: 'stock take' }] },
  });
}
async function resume(part: string): Promise<void> {
  expect(await command('resume', part)).toMatch(`0 ${part} is resumed; it was paused by asha since `);
}

const place = (token?: string) => mesh.place(restaurantId, itemId, 1, token);
const statuses = async (ids: readonly string[]) => {
  const orders = await mesh.db.database.order.findMany({
    where: { id: { in: [...ids] } },
    select: { status: true },
  });
  return [...new Set(orders.map(({ status }) => status))].sort();
};
const overdue = (id: string) =>
  until(`order ${id} to be overdue`, async () => {
    const { placedAt } = await mesh.db.database.order.findUniqueOrThrow({ where: { id } });
    return Date.now() - placedAt!.getTime() > DEADLINE_MS + 1_000;
  });
const waitsFor = async (id: string) =>
  (await mesh.ask<Timeline>('GET', `/orders/${id}/timeline`)).body.waiting_for;

it('says what can be paused, and changes nothing twice', async () => {
  await expect(command('pause', 'kitchen')).rejects.toThrow(
    /^There is no part "kitchen"\. These can be paused: .*inventory-service, .*outbox-publisher, .*gateway, email, slack, webhook, log\.$/,
  );
  expect(await command('resume', 'email')).toBe('0 email is not paused. Nothing was changed.');
  expect(await command('pause', 'EMAIL')).toMatch(/^0 email is paused: no reason given\./);
  expect(await command('pause', 'email', '--why', 'another')).toMatch(
    /^0 email is paused already, by asha since \S+Z: no reason given\. Nothing was changed\.$/,
  );
  await resume('email');
  expect(await mesh.db.database.pause.count({ where: { part: 'email' } })).toBe(1);
});

it('a service stands still, over kill -9 too, and no order is cancelled for it', async () => {
  await pause('inventory-service');
  const ids = await Promise.all(Array.from({ length: 20 }, () => place()));
  await until('them to be published', async () => (await mesh.db.database.outboxEvent.count()) === 0);
  await mesh.service('inventory-service').kill();
  await mesh.start('inventory-service');
  expect((await readyz('inventory-service')).body).toMatchObject({ ready: true, paused: [{ by: 'asha' }] });
  await overdue(ids.at(-1)!);
  expect(await statuses(ids)).toEqual(['PLACED']);
  expect(await waitsFor(ids[0]!)).toMatchObject({
    code: 'paused',
    service: 'inventory-service',
    sentence: expect.stringMatching(
      /^inventory-service is to take its stock; inventory-service is paused by asha since \S+Z: stock take\. It goes on/,
    ) as string,
  });
  const { services, needs } = await readState();
  expect(services.find(({ service }) => service === 'inventory-service')).toMatchObject({
    paused: { by: 'asha', why: 'stock take' },
    instances: expect.arrayContaining([
      expect.objectContaining({ ready: true, paused: ['inventory-service'] }),
    ]) as object[],
  });
  expect(needs).toContainEqual(
    expect.objectContaining({ code: 'paused', command: 'npm run mesh -- resume inventory-service' }),
  );
  await resume('inventory-service');
  await until('all to be prepared', async () => (await statuses(ids)).join() === 'PREPARING', 60_000);
}, 120_000);

it('the gateway is not asked, over kill -9 too, and orders that need it wait; the others go on', async () => {
  await pause('gateway', 'payment-service');
  const [card, cash] = [await place('tok_approved'), await place()];
  await mesh.reaches(cash, 'PREPARING');
  await mesh.service('payment-service').kill();
  await mesh.start('payment-service');
  await overdue(card);
  expect(await statuses([card])).toEqual(['PLACED']);
  expect(await mesh.db.database.payment.findUniqueOrThrow({ where: { orderId: card } })).toMatchObject({
    state: 'AUTHORIZING',
    attempts: 0,
  });
  expect(await waitsFor(card)).toMatchObject({
    code: 'paused',
    sentence: expect.stringContaining('gateway is paused by asha') as string,
  });
  await resume('gateway');
  await mesh.reaches(card, 'PREPARING');
}, 90_000);

it('a relay publishes nothing, and is ready', async () => {
  await pause('outbox-publisher');
  const id = await place();
  await overdue(id);
  expect(await mesh.db.database.outboxEvent.count()).toBe(1);
  expect(await statuses([id])).toEqual(['PLACED']);
  expect(await waitsFor(id)).toMatchObject({ code: 'paused', service: 'outbox-publisher' });
  await resume('outbox-publisher');
  await mesh.reaches(id, 'PREPARING');
}, 90_000);

it('order-api takes no changes, and says when to come again', async () => {
  await pause('order-api');
  const order = { restaurant_id: restaurantId, items: [{ menu_item_id: itemId, quantity: 1 }] };
  const response = await fetch(`${mesh.service('order-api').url}/api/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('30');
  const problem = (await response.json()) as object;
  expect(problem).toMatchObject({ type: 'urn:ordermesh:problem:paused' });
  expect(JSON.stringify(problem)).not.toMatch(/asha|stock take/); // that is not for everybody
  expect((await mesh.ask('GET', '/orders?limit=1')).status).toBe(200);
  await resume('order-api');
  await until('it to take orders', async () => (await mesh.ask('POST', '/orders', order)).status === 202);
}, 60_000);

it('a channel sends nothing, and what it is to send waits', async () => {
  await pause('log', 'notification-service');
  const id = await place();
  await mesh.reaches(id, 'PREPARING');
  const undelivered = () => mesh.db.database.notificationBatch.count({ where: { deliveredAt: null } });
  await until('it to be recorded', undelivered);
  await resume('log');
  await until('it to be told', async () => (await undelivered()) === 0);
}, 60_000);

describe('the screen', () => {
  it('shows all services, and that nothing needs anybody', async () => {
    const state = await until('all to be well', async () => {
      const read = await readState();
      // analytics-service is on record, and does not run here.
      const needs = read.needs.filter(({ part }) => part !== 'analytics-service');
      if (needs.length > 0) throw new Error(JSON.stringify(needs));
      return read;
    });
    const text = meshAsText(state);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(text).toMatch(
      /^Ordermesh at \S+Z: PostgreSQL answers, RabbitMQ answers\n\nSERVICE +READY +VERSION/,
    );
    expect(text).toMatch(/\ninventory-service +1 of 1 +\d+\.\d+\.\d+ +0 /);
    expect(text).toMatch(/\nORDERS +[\d,]+ PREPARING/);
    expect(text).toContain('- no instance of analytics-service runs, or none reaches the database');
    expect(state.hops?.length).toBeGreaterThan(5);
    expect(state.services.map(({ service }) => service).slice(0, 2)).toEqual([
      'order-api',
      'outbox-publisher',
    ]);
    const { pid } = mesh.service('payment-service');
    expect(state.services.find(({ service }) => service === 'payment-service')?.instances).toMatchObject([
      { pid },
    ]);
  });

  it('is there without PostgreSQL, and without RabbitMQ, and says what is away', async () => {
    const elsewhere = (url: string) => url.replace(/:\d+\//, ':1/');
    const withoutDatabase = await readState({ databaseUrl: elsewhere(mesh.db.url) });
    expect(withoutDatabase).toMatchObject({
      postgresql: { reachable: false },
      rabbitmq: { reachable: true },
      orders: null,
    });
    expect(withoutDatabase.services.find(({ service }) => service === 'inventory-service')).toMatchObject({
      queue: { waiting: 0, consumers: 1 },
      instances: [{ ready: true, pid: null }], // it was asked itself
    });
    const withoutBroker = await readState({ rabbitmqUrl: elsewhere(mesh.broker.url) });
    expect(withoutBroker).toMatchObject({ postgresql: { reachable: true }, rabbitmq: { reachable: false } });
    expect(withoutBroker.services.find(({ service }) => service === 'inventory-service')).toMatchObject({
      queue: null,
      instances: [{ ready: true }],
    });
    for (const state of [withoutDatabase, withoutBroker]) expect(meshAsText(state)).toContain('IS AWAY');
    const code = runMesh({
      args: ['--json'],
      databaseUrl: () => '',
      draftDeadlineMs: () => 1,
      readState: () => () => Promise.resolve(withoutBroker),
      user: () => 'asha',
      print: (text) => expect(JSON.parse(text)).toEqual(withoutBroker),
      warn: () => undefined,
    });
    expect(await code).toBe(1);
  });

  it('is drawn again and again, until it is told to stop', async () => {
    const stopping = new AbortController();
    const state = await readState();
    const frames: string[] = [];
    const code = await runMesh({
      args: ['--watch', '--json'],
      databaseUrl: () => '',
      draftDeadlineMs: () => 1,
      readState: () => () => Promise.resolve(state),
      user: () => 'asha',
      print: (text) => {
        frames.push(text);
        if (frames.length === 2) stopping.abort();
      },
      warn: () => undefined,
      stopping: stopping.signal,
    });
    expect(code).toBe(0);
    expect(frames.map((frame) => frame.includes('\n'))).toEqual([false, false]);
  });
});
