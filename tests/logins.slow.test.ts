import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

// The whole mesh, each of its processes under a login that may do no more than its folder says.

let mesh: Mesh;
let restaurantId: string;
let itemId: string;
beforeAll(async () => {
  mesh = await startMesh({
    ownLogins: true,
    environment: { RETRY_DELAYS: '1s', ORDER_DEADLINE: '10m' },
  });
  ({ restaurantId, itemId } = await mesh.addItem(20));
}, 120_000);
afterAll(() => mesh.stop(), 60_000);

const REFUSED = /permission denied|row-level security|ACCESS_REFUSED/i;
const refusals = () =>
  mesh.processes.flatMap(({ name, log }) =>
    log
      .filter((line) => REFUSED.test(JSON.stringify(line)))
      .map((line) => `${name}: ${JSON.stringify(line)}`),
  );

it('an order paid by card goes all its way, and its timeline is told', async () => {
  const id = await mesh.place(restaurantId, itemId, 2, 'tok_approved');
  await mesh.reaches(id, 'PREPARING');
  for (const status of ['OUT_FOR_DELIVERY', 'DELIVERED'])
    expect((await mesh.ask('PATCH', `/orders/${id}/status`, { status })).status).toBe(200);
  await mesh.quiet();
  const timeline = await mesh.ask('GET', `/orders/${id}/timeline`);
  expect(timeline.status).toBe(200);
  expect(await mesh.db.database.cardToken.count()).toBe(0);
}, 60_000);

it('a paid order that is cancelled is refunded, and its stock comes back', async () => {
  const before = await mesh.available(itemId);
  const id = await mesh.place(restaurantId, itemId, 3, 'tok_approved');
  await mesh.reaches(id, 'PREPARING');
  await until(
    'the capture',
    async () =>
      (await mesh.db.database.paymentLedger.count({ where: { orderId: id, kind: 'CAPTURED' } })) > 0,
  );
  expect((await mesh.ask('POST', `/orders/${id}/cancel`, { by: 'CUSTOMER' })).status).toBe(200);
  await until(
    'the refund',
    async () =>
      (await mesh.db.database.paymentLedger.count({ where: { orderId: id, kind: 'REFUNDED' } })) > 0,
  );
  await mesh.quiet();
  expect(await mesh.available(itemId)).toBe(before);
}, 60_000);

it('stock is corrected, an order without stock is cancelled, and a draft is approved', async () => {
  const asked = await mesh.ask('POST', `/inventory/${itemId}/adjustments`, { delta: 5, reason: 'restock' });
  expect(asked.status).toBe(202);
  await mesh.reaches(await mesh.place(restaurantId, itemId, 500), 'CANCELLED');
  const items = [{ menu_item_id: itemId, quantity: 1 }];
  const draft = await mesh.ask<{ order_id: string }>('POST', '/orders', {
    restaurant_id: restaurantId,
    items,
    draft: true,
  });
  expect((await mesh.ask('PUT', `/orders/${draft.body.order_id}/items`, { items })).status).toBe(200);
  expect((await mesh.ask('POST', `/orders/${draft.body.order_id}/approve`, {})).status).toBe(202);
  await mesh.reaches(draft.body.order_id, 'PREPARING');
}, 60_000);

it('what fails climbs the ladder, and what is no event goes to the dead letters', async () => {
  const { channel } = mesh.broker;
  const event = await mesh.db.database.eventLog.findFirstOrThrow({ where: { type: 'order.placed.v1' } });
  // Its row cannot be written: a failure of this event, and of no other.
  await mesh.db.database.$executeRawUnsafe(
    `ALTER TABLE stock_reservations ADD CONSTRAINT not_this CHECK (order_id <> '00000000-0000-4000-8000-000000000001') NOT VALID`,
  );
  const orderId = '00000000-0000-4000-8000-000000000001';
  const body = event.body as { data: object };
  const poison = {
    ...body,
    id: randomUUID(),
    subject: orderId,
    data: { ...body.data, order_id: orderId },
  };
  channel.publish('ordermesh.events', 'order.placed.v1', Buffer.from(JSON.stringify(poison)), {
    contentType: 'application/cloudevents+json',
  });
  channel.sendToQueue('inventory-service', Buffer.from('{'));
  const outcomes = async () => {
    const rows = await mesh.db.database.deliveryFailure.findMany({
      where: { consumer: 'inventory-service' },
    });
    return rows.map(({ outcome }) => outcome).sort();
  };
  await until(
    'both dead letters',
    async () => (await outcomes()).filter((one) => one === 'DEAD_LETTERED').length === 2,
    20_000,
  );
  expect(await outcomes()).toContain('RETRIED');
}, 60_000);

it('a lost binding comes back, and a dead-letter queue and the exchange that somebody has deleted', async () => {
  const { channel, manage } = mesh.broker;
  await channel.unbindQueue('inventory-service', 'ordermesh.events', 'order.placed.v1');
  const lost = await mesh.place(restaurantId, itemId);
  await mesh.reaches(lost, 'PREPARING');
  await manage('DELETE', '/api/queues/{vhost}/status-service.dlq');
  await until(
    'the dead-letter queue',
    () =>
      manage('GET', '/api/queues/{vhost}/status-service.dlq').then(
        () => true,
        () => false,
      ),
    30_000,
  );
  await manage('DELETE', '/api/exchanges/{vhost}/ordermesh.events');
  const id = await mesh.place(restaurantId, itemId);
  await mesh.reaches(id, 'PREPARING');
}, 120_000);

/** A command with the login that is for people, and no other. */
async function operator(command: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: mesh.logins!.databaseUrl('operator'),
    RABBITMQ_URL: mesh.logins!.rabbitmqUrl('operator'),
  };
  const ended = (error: { stdout?: string; stderr?: string }) => error;
  const all = [resolve('dist', 'operator', `${command}.js`), ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, all, { env }).catch(ended);
  return `${stdout}${stderr}`;
}

it('people audit it, and do what is theirs to do', async () => {
  await mesh.db.database.$executeRawUnsafe('ALTER TABLE stock_reservations DROP CONSTRAINT not_this');
  expect(await operator('dlq', 'list')).toMatch(/inventory-service.*order\.placed\.v1/);
  expect(await operator('dlq', 'replay', '--reason', 'handler_failed')).toMatch(/1 .*replayed|replayed 1/i);
  expect(await operator('dlq', 'discard', '--all', '--yes')).toMatch(/1 .*discarded|discarded 1/i);
  const review = await mesh.place(restaurantId, itemId, 1, 'tok_capture_refused');
  const inReview = { where: { orderId: review, state: 'REVIEW' } };
  await until('the review', async () => (await mesh.db.database.payment.count(inReview)) > 0);
  expect(await operator('payments', 'list')).toContain(review);
  const settled = await operator('payments', 'settle', review, '--as', 'captured', '--note', 'seen there');
  expect(settled).toContain('CAPTURED');
  expect(await operator('mesh', 'why', review)).toContain(review);
  expect(await operator('keys', 'create', '--role', 'admin')).toContain('om_live_');
  expect(await operator('backfill', '--service', 'notification-service', '--again')).not.toMatch(REFUSED);
  expect(await operator('notifications', 'list')).not.toMatch(REFUSED);
  expect(await operator('analytics', 'rebuild')).not.toMatch(REFUSED);
  const audit = await operator('audit');
  expect(audit).not.toMatch(REFUSED);
  expect(audit).toMatch(/promise/);
}, 240_000);

it('nobody was refused anything that it needs', () => {
  // The exchange is gone for a moment above: whoever may not declare it asks again.
  expect(refusals().filter((line) => !/exchange 'ordermesh\.events'/.test(line))).toEqual([]);
  expect(
    mesh.processes.flatMap(({ name, log }) =>
      log.filter(({ msg }) => /partitions/.test(msg) && /could not/.test(msg)).map(() => name),
    ),
  ).toEqual([]);
});
