import { answering, startReceiver, verify, type Receiver } from '../notification-service/testing/receivers';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

// Webhooks as an integrator sees them: added over HTTP, received by a server of their own, while services die.

let mesh: Mesh;
let receiver: Receiver;
let shop: { restaurantId: string; itemId: string };
let webhook: { webhook_id: string; secret: string };
beforeAll(async () => {
  const services = [
    'order-api',
    'outbox-publisher',
    'inventory-service',
    'status-service',
    'notification-service',
  ];
  const environment = { WEBHOOK_ALLOW_PRIVATE: 'true', WEBHOOK_RETRY_DELAYS: '20ms,20ms,20ms,20ms' };
  [mesh, receiver] = await Promise.all([
    startMesh({ ownLogins: true, services, environment }),
    startReceiver(),
  ]);
  shop = await mesh.addItem(100);
  const added = await mesh.ask<typeof webhook>('POST', `/restaurants/${shop.restaurantId}/webhooks`, {
    url: receiver.url,
  });
  webhook = added.body;
});
afterAll(async () => {
  await mesh?.stop();
  await receiver?.stop();
});
beforeEach(() => {
  receiver.answers = answering(200);
  receiver.got.length = 0;
});

const order = async () => {
  const id = await mesh.place(shop.restaurantId, shop.itemId);
  await mesh.reaches(id, 'PREPARING');
  for (const status of ['OUT_FOR_DELIVERY', 'DELIVERED'])
    expect((await mesh.ask('PATCH', `/orders/${id}/status`, { status })).status).toBe(200);
  return id;
};
const versionsOf = (id: string) =>
  receiver.got
    .filter(({ event }) => event.subject === id && event.data.order_version)
    .map(({ event }) => event.data.order_version as number);
const isDelivered = (id: string) => versionsOf(id).at(-1) === 4;

it("an order's events arrive signed, in order, once", async () => {
  expect(webhook.secret).toMatch(/^whsec_/);
  const id = await order();
  await until('its last event', () => isDelivered(id));
  expect(versionsOf(id)).toEqual([1, 2, 3, 4]);
  for (const got of receiver.got) verify(webhook.secret, got);
  expect(receiver.got.map(({ event }) => event.type)).toContain('inventory.deducted.success.v1');
  const { body } = await mesh.ask<{ deliveries: { status: string }[] }>(
    'GET',
    `/restaurants/${shop.restaurantId}/webhooks/${webhook.webhook_id}/deliveries`,
  );
  expect(body.deliveries).toHaveLength(receiver.got.length);
});

it('of a service that is killed between sending and recording that, one is sent once more, and nothing is lost', async () => {
  await mesh.start('notification-service'); // there are two
  const victims = mesh.processes.filter(({ name }) => name === 'notification-service');
  let killed = false;
  receiver.answers = (response, { event }) => {
    if (event.type === 'order.status.preparing.v1' && !killed) {
      killed = true;
      for (const { pid } of victims) process.kill(pid, 'SIGKILL');
    }
    response.writeHead(200).end();
  };
  const ids = await Promise.all([order(), order(), order()]);
  await until('they are killed', () => killed);
  await mesh.start('notification-service');
  await mesh.start('notification-service');
  // What the dead had claimed comes back when its claim ends.
  await mesh.db.database
    .$executeRaw`UPDATE notifications SET next_attempt_at = now() WHERE claim IS NOT NULL`;
  await until('all of them', () => ids.every(isDelivered));
  let twice = 0;
  for (const id of ids) {
    const versions = versionsOf(id);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    expect([...new Set(versions)]).toEqual([1, 2, 3, 4]);
    twice += versions.length - 4;
  }
  expect(twice).toBeGreaterThanOrEqual(1);
  const counts = new Map<string, number>();
  for (const { headers } of receiver.got) {
    const id = String(headers['webhook-id']);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect(Math.max(...counts.values())).toBe(2);
});

it('a receiver that refused everything gets everything later; one that is paused gets nothing, and then what it asks for', async () => {
  receiver.answers = answering(400);
  const path = `/restaurants/${shop.restaurantId}/webhooks/${webhook.webhook_id}`;
  const since = new Date();
  const first = await order();
  const events = mesh.db.database.notification;
  const of = (id: string) => ({ recipient: webhook.webhook_id, orderId: id });
  await until('all of it to have failed', async () => {
    const failed = await events.count({ where: { ...of(first), status: 'FAILED' } });
    return failed === 5; // its life, and its stock
  });
  expect((await mesh.ask('PATCH', path, { paused: true })).status).toBe(200);
  const second = await order();
  await until('it to have been heard of', async () => {
    const heard = { consumer: 'notification-service', subject: second };
    return (await mesh.db.database.processedEvent.count({ where: heard })) === 5;
  });
  expect(await events.count({ where: of(second) })).toBe(0);
  receiver.answers = answering(200);
  receiver.got.length = 0;
  expect((await mesh.ask('PATCH', path, { paused: false })).body).toMatchObject({ status: 'ENABLED' });
  expect((await mesh.ask('POST', `${path}/recover`, { since })).status).toBe(202);
  await until('both', () => isDelivered(first) && isDelivered(second));
  for (const id of [first, second]) expect(versionsOf(id)).toEqual([1, 2, 3, 4]);
  await until('what has no version, too', () => receiver.got.length === 10);
});
