import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { startMesh, type Mesh, type MeshOptions } from '../shared/testing/mesh';
import { checkLedger } from '../shared/testing/seed';
import { startProxy, type TcpProxy } from '../shared/testing/tcp-proxy';
import { until } from '../shared/testing/until';
import { startOwnBroker, type OwnBroker } from './own-broker';

let mesh: Mesh | undefined;
let cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await mesh?.stop();
  mesh = undefined;
  for (const cleanUp of cleanUps) await cleanUp();
  cleanUps = [];
});

async function start(options: MeshOptions = {}): Promise<Mesh> {
  mesh = await startMesh(options);
  return mesh;
}

/** Places orders of one unit each, a few at a time, until told to stop or so many are accepted. */
function keepOrdering(mesh: Mesh, restaurantId: string, itemId: string, count: number) {
  const accepted: string[] = [];
  const done = Promise.all(
    [0, 1, 2, 3].map(async () => {
      while (accepted.length < count) accepted.push(await mesh.place(restaurantId, itemId));
    }),
  );
  return { accepted, done };
}

/** Every accepted order is PREPARING, its stock deducted once, every event handled once, no dead letters. */
async function expectAllPrepared(
  mesh: Mesh,
  accepted: readonly string[],
  itemId: string,
  stock: number,
): Promise<void> {
  await mesh.quiet();
  const database = mesh.db.database;
  const notPrepared = await database.order.findMany({
    where: { id: { in: [...accepted] }, status: { not: 'PREPARING' } },
  });
  expect(notPrepared).toEqual([]);
  expect(await mesh.available(itemId)).toBe(stock - accepted.length);
  await checkLedger(database);
  expect(
    await database.notification.count({
      where: { eventType: 'order.status.preparing.v1', audience: 'CUSTOMER' },
    }),
  ).toBe(accepted.length);
  for (const service of ['inventory-service', 'status-service', 'notification-service']) {
    expect(await mesh.broker.isEmpty(`${service}.dlq`)).toBe(true);
  }
}

describe('faults', () => {
  it('an order placed before any consumer was ever started still reaches it', async () => {
    const mesh = await start({ services: ['order-api', 'outbox-publisher'] });
    const { restaurantId, itemId } = await mesh.addItem(5);
    const id = await mesh.place(restaurantId, itemId);
    await until('its publication', () => mesh.db.database.eventLog.count({ where: { subject: id } }));
    await Promise.all(
      ['inventory-service', 'status-service', 'notification-service'].map((name) => mesh.start(name)),
    );
    await mesh.reaches(id, 'PREPARING');
  });

  it('of two relays one is killed under load: the other takes over at once, nothing is lost, the order is kept', async () => {
    const mesh = await start();
    await mesh.start('outbox-publisher');
    const { restaurantId, itemId } = await mesh.addItem(1000);
    const seen: { subject: string; type: string; id: string }[] = [];
    const { queue } = await mesh.broker.channel.assertQueue('observer', { durable: true });
    await mesh.broker.channel.bindQueue(queue, EVENTS_EXCHANGE, 'order.#');
    await mesh.broker.channel.consume(
      queue,
      (message) => {
        if (message) seen.push(JSON.parse(message.content.toString()) as (typeof seen)[number]);
      },
      { noAck: true },
    );

    const orders = keepOrdering(mesh, restaurantId, itemId, 150);
    await until('some orders', () => orders.accepted.length > 50);
    const owner = mesh.processes.find((one) => one.log.some((line) => line.msg === 'owns the outbox'));
    const heir = mesh.processes.find((one) => one.name === 'outbox-publisher' && one !== owner);
    const killedAt = Date.now();
    await owner?.kill();
    const takeover = await until('the other to own the outbox', () =>
      heir?.log.find((line) => line.msg === 'owns the outbox'),
    );
    // It takes about 300 ms; the bound has room for a machine that is busy with other tests.
    expect(Date.parse(takeover.time as string) - killedAt).toBeLessThan(5_000);
    await orders.done;
    await expectAllPrepared(mesh, orders.accepted, itemId, 1000);
    await until('all to be seen', () =>
      orders.accepted.every((id) =>
        seen.some((event) => event.subject === id && event.type === 'order.status.preparing.v1'),
      ),
    );
    for (const id of orders.accepted) {
      const types = [...new Set(seen.filter((event) => event.subject === id).map((event) => event.type))];
      expect(types).toEqual(['order.placed.v1', 'order.status.preparing.v1']);
    }
  });

  it('each kind of consumer is killed at work, and a second instance goes on', async () => {
    const mesh = await start();
    const consumers = ['inventory-service', 'status-service', 'notification-service'];
    await Promise.all(consumers.map((name) => mesh.start(name)));
    const { restaurantId, itemId } = await mesh.addItem(1000);
    const orders = keepOrdering(mesh, restaurantId, itemId, 200);
    for (const [index, name] of consumers.entries()) {
      await until('some orders', () => orders.accepted.length > 30 * (index + 1));
      await mesh.service(name).kill();
      await mesh.start(name);
    }
    await orders.done;
    await expectAllPrepared(mesh, orders.accepted, itemId, 1000);
  });

  it('orders are accepted while RabbitMQ is away, services say that they are not ready, and all catch up', async () => {
    let proxy: TcpProxy | undefined;
    const mesh = await start({
      rabbitmqUrl: async (url) => {
        proxy = await startProxy(url);
        cleanUps.push(() => proxy?.close() ?? Promise.resolve());
        return proxy.url;
      },
    });
    const { restaurantId, itemId } = await mesh.addItem(100);
    const accepted = [await mesh.place(restaurantId, itemId)];
    proxy?.takeAway();
    for (const name of ['outbox-publisher', 'inventory-service', 'status-service', 'notification-service']) {
      await until(
        `${name} not to be ready`,
        async () => (await fetch(`${mesh.service(name).url}/readyz`)).status === 503,
      );
      expect((await fetch(`${mesh.service(name).url}/healthz`)).status).toBe(200);
    }
    for (let n = 0; n < 20; n++) accepted.push(await mesh.place(restaurantId, itemId));
    proxy?.bringBack();
    await expectAllPrepared(mesh, accepted, itemId, 100);
  });

  it('the database goes away and comes back under load', async () => {
    let proxy: TcpProxy | undefined;
    const mesh = await start({
      databaseUrl: async (url) => {
        proxy = await startProxy(url);
        cleanUps.push(() => proxy?.close() ?? Promise.resolve());
        return proxy.url;
      },
    });
    const { restaurantId, itemId } = await mesh.addItem(100);
    const accepted: string[] = [];
    for (let n = 0; n < 20; n++) accepted.push(await mesh.place(restaurantId, itemId));
    proxy?.takeAway();
    const refused = await mesh.ask('POST', '/orders', {
      restaurant_id: restaurantId,
      items: [{ menu_item_id: itemId, quantity: 1 }],
    });
    expect(refused).toMatchObject({ status: 503, body: { title: 'Service Unavailable' } });
    proxy?.bringBack();
    await until(
      'order-api to be ready',
      async () => (await fetch(`${mesh.service('order-api').url}/readyz`)).ok,
    );
    for (let n = 0; n < 20; n++) accepted.push(await mesh.place(restaurantId, itemId));
    await expectAllPrepared(mesh, accepted, itemId, 100);
  });

  it('every service drains and exits 0 on SIGTERM, in the middle of work', async () => {
    const mesh = await start();
    const { restaurantId, itemId } = await mesh.addItem(1000);
    const orders = keepOrdering(mesh, restaurantId, itemId, 100);
    await until('some orders', () => orders.accepted.length > 40);
    for (const name of ['inventory-service', 'status-service', 'notification-service', 'outbox-publisher']) {
      expect(await mesh.service(name).stop()).toBe(0);
      await mesh.start(name);
    }
    await orders.done;
    await expectAllPrepared(mesh, orders.accepted, itemId, 1000);
    expect(await mesh.service('order-api').stop()).toBe(0);
  });

  it('RabbitMQ is killed and started again during a run', async () => {
    const broker: OwnBroker = await startOwnBroker();
    cleanUps.push(() => broker.stop());
    const mesh = await start({ broker: broker.urls });
    const { restaurantId, itemId } = await mesh.addItem(1000);
    const orders = keepOrdering(mesh, restaurantId, itemId, 150);
    await until('some orders', () => orders.accepted.length > 50);
    await broker.crash();
    const during = keepOrdering(mesh, restaurantId, itemId, 30);
    await during.done;
    await broker.startAgain();
    await mesh.broker.reconnect();
    await orders.done;
    await expectAllPrepared(mesh, [...orders.accepted, ...during.accepted], itemId, 1000);
  });
});
