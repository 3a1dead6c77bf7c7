import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Event } from '../shared/events/envelope';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { checkLedger } from '../shared/testing/seed';
import { until } from '../shared/testing/until';
import { createClient, isProblem, ok, type OrdermeshClient } from '../client/index';

let mesh: Mesh;
let client: OrdermeshClient;
beforeAll(async () => {
  mesh = await startMesh();
  client = createClient({ baseUrl: mesh.service('order-api').url });
});
afterAll(() => (mesh as Mesh | undefined)?.stop());

type Next = 'OUT_FOR_DELIVERY' | 'DELIVERED' | 'CANCELLED';
const byId = (id: string) => ({ path: { id } });
const read = (id: string) => ok(client.GET('/api/v1/orders/{id}', { params: byId(id) }));
const move = (id: string, status: Next) =>
  ok(client.PATCH('/api/v1/orders/{id}/status', { params: byId(id), body: { status } }));
const cancel = (id: string, body: { by?: 'CUSTOMER' | 'STAFF'; note?: string } = {}) =>
  ok(client.POST('/api/v1/orders/{id}/cancel', { params: byId(id), body }));

/** Follows an order until it is somewhere. @returns what its stream told */
async function followTo(id: string, status: string): Promise<string[]> {
  const told: string[] = [];
  for await (const { event, data } of client.followOrder(id)) {
    told.push(event === 'order' ? data.status : data.to);
    if (told.at(-1) === status) return told;
  }
  throw new Error(`${id} ended as ${told.at(-1)}`);
}

describe('the journey of an order', () => {
  it('goes from placement to delivery, over HTTP and through all services', async () => {
    const { restaurantId, itemId } = await mesh.addItem(20);
    const placed = await ok(
      client.POST('/api/v1/orders', {
        params: { header: { 'X-Correlation-Id': 'journey-1' } },
        body: {
          restaurant_id: restaurantId,
          items: [{ menu_item_id: itemId, quantity: 3 }],
          customer_id: 'c-1',
          email: 'a@example.org',
        },
      }),
    );
    expect(placed).toMatchObject({ status: 'PLACED', total_amount: 361.5 });
    const id = placed.order_id;
    expect((await followTo(id, 'PREPARING')).at(-1)).toBe('PREPARING');
    expect(await mesh.available(itemId)).toBe(17);
    expect(await move(id, 'OUT_FOR_DELIVERY')).toMatchObject({ version: 3 });
    expect(await move(id, 'OUT_FOR_DELIVERY')).toMatchObject({ version: 3 });
    expect(await move(id, 'DELIVERED')).toMatchObject({ version: 4 });
    const refusal: unknown = await cancel(id).catch((error: unknown) => error);
    if (!isProblem(refusal, 'illegal-move')) throw refusal;
    expect(refusal.body).toMatchObject({ current_status: 'DELIVERED', allowed_statuses: [] });
    expect((await read(id)).history.map(({ to }) => to)).toEqual([
      'PLACED',
      'PREPARING',
      'OUT_FOR_DELIVERY',
      'DELIVERED',
    ]);
    await mesh.quiet();
    // One chain: every event of it, and every line about it, carries the request's id.
    const events = await mesh.db.database.eventLog.findMany({
      where: { subject: id },
      orderBy: { createdAt: 'asc' },
    });
    expect(events.map((event) => event.type)).toEqual([
      'order.placed.v1',
      'inventory.deducted.success.v1',
      'order.status.preparing.v1',
      'order.status.out_for_delivery.v1',
      'order.status.delivered.v1',
    ]);
    expect(events.slice(0, 3).map((event) => event.correlationId)).toEqual([
      'journey-1',
      'journey-1',
      'journey-1',
    ]);
    expect(events[1]?.causationId).toBe(events[0]?.eventId);
    for (const service of ['inventory-service', 'status-service', 'notification-service']) {
      await until(`a line of ${service}`, () =>
        mesh
          .service(service)
          .log.some(
            (line) =>
              line.correlation_id === 'journey-1' &&
              line.order_id === id &&
              line.event_id &&
              line.service === service,
          ),
      );
    }
    const told = await mesh.db.database.notification.findMany({
      where: { orderId: id, audience: 'CUSTOMER' },
      orderBy: { id: 'asc' },
    });
    expect(told.map((one) => one.eventType)).toEqual(
      events.filter((event) => event.type.startsWith('order.')).map((event) => event.type),
    );
    await until('each to be delivered', () =>
      told.every(
        (one) =>
          mesh.service('notification-service').log.filter((line) => line.notification_id === one.id)
            .length === 1,
      ),
    );
  });

  it('ends with OUT_OF_STOCK where there is too little', async () => {
    const { restaurantId, itemId } = await mesh.addItem(2);
    const id = await mesh.place(restaurantId, itemId, 3);
    await followTo(id, 'CANCELLED');
    expect(await read(id)).toMatchObject({
      cancel_reason: 'OUT_OF_STOCK',
      cancel_message: 'Not enough in stock: Dal (3 ordered, 2 left).',
    });
    expect(await mesh.available(itemId)).toBe(2);
  });

  it.each<[string, Next[]]>([
    ['PLACED', []],
    ['PREPARING', []],
    ['OUT_FOR_DELIVERY', ['OUT_FOR_DELIVERY']],
  ])('can be cancelled while it is %s, and gives its stock back', async (from, moves) => {
    const { restaurantId, itemId } = await mesh.addItem(20);
    const id = await mesh.place(restaurantId, itemId, 4);
    if (from !== 'PLACED') await mesh.reaches(id, 'PREPARING');
    for (const status of moves) await move(id, status);
    const cancelled = await cancel(id, { by: 'STAFF', note: 'closed' });
    expect(cancelled.status).toBe('CANCELLED');
    expect((await cancel(id)).version).toBe(cancelled.version);
    await mesh.quiet();
    expect((await read(id)).status).toBe('CANCELLED');
    expect(await mesh.available(itemId)).toBe(20);
    expect(
      await mesh.db.database.eventLog.count({ where: { subject: id, type: 'order.cancelled.v1' } }),
    ).toBe(1);
  });

  it('is what the README shows, with a shell and curl', async () => {
    const readme = readFileSync('README.md', 'utf8');
    const [, script] = /^## Your first shop.*?^```sh\n(.*?)^```/ms.exec(readme) ?? [];
    const api = `${mesh.service('order-api').url}/api/v1`;
    const there = script?.replace(/^API=.*$/m, `API=${api}`);
    expect(there).toContain(`API=${api}`);
    const { stdout } = await promisify(execFile)('sh', ['-euc', `${there}`]);
    const [looked = '', cancelled = ''] = stdout.trim().split('\n');
    const order = JSON.parse(looked) as {
      id: string;
      total_amount: number;
      items: { menu_item_id: string }[];
    };
    expect(order.total_amount).toBe(480);
    expect(JSON.parse(cancelled)).toMatchObject({ order_id: order.id, status: 'CANCELLED' });
    await mesh.quiet();
    expect(await mesh.available(order.items[0]?.menu_item_id ?? '')).toBe(20);
  });

  it('sells exactly 50 of 50 to 200 customers at once', async () => {
    const { restaurantId, itemId } = await mesh.addItem(50);
    const ids = await Promise.all(Array.from({ length: 200 }, () => mesh.place(restaurantId, itemId)));
    await mesh.quiet();
    const orders = await mesh.db.database.order.groupBy({
      by: ['status'],
      where: { id: { in: ids } },
      _count: true,
    });
    expect(Object.fromEntries(orders.map((row) => [row.status, row._count]))).toEqual({
      PREPARING: 50,
      CANCELLED: 150,
    });
    expect(await mesh.available(itemId)).toBe(0);
    await checkLedger(mesh.db.database);
  });

  it('applies an adjustment, or rejects it whole, and tells so at its Location', async () => {
    const { itemId } = await mesh.addItem(5);
    const ask = (delta: number) =>
      ok(
        client.POST('/api/v1/inventory/{menu_item_id}/adjustments', {
          params: { path: { menu_item_id: itemId } },
          body: { delta, reason: 'count' },
        }),
      );
    const outcome = ({ adjustment_id }: { adjustment_id: string }) =>
      ok(
        client.GET('/api/v1/inventory/{menu_item_id}/adjustments/{adjustment_id}', {
          params: { path: { menu_item_id: itemId, adjustment_id } },
        }),
      );
    const up = await ask(10);
    const applied = await until('the outcome', async () => {
      const body = await outcome(up);
      return body.status !== 'PENDING' && body;
    });
    expect(applied).toMatchObject({ status: 'APPLIED', available_qty: 15 });
    const down = await ask(-16);
    await mesh.quiet();
    expect(await outcome(down)).toMatchObject({
      status: 'REJECTED',
      rejection: 'BELOW_ZERO',
      available_qty: 15,
    });
    expect(await mesh.available(itemId)).toBe(15);
  });

  it('takes an event of a stranger five times and acts once; takes rubbish and goes on', async () => {
    const { restaurantId, itemId } = await mesh.addItem(20);
    const id = await mesh.place(restaurantId, itemId, 2);
    await mesh.reaches(id, 'PREPARING');
    await mesh.quiet();
    const { body } = (await mesh.db.database.eventLog.findFirstOrThrow({
      where: { subject: id, type: 'order.placed.v1' },
    })) as unknown as { body: Event };
    const publish = (content: string) =>
      mesh.broker.channel.publish(EVENTS_EXCHANGE, 'order.placed.v1', Buffer.from(content), {
        persistent: true,
      });
    for (let n = 0; n < 5; n++) publish(JSON.stringify(body));
    for (const rubbish of [
      '',
      '{',
      '[]',
      JSON.stringify({ ...body, id: undefined }),
      JSON.stringify({ ...body, type: 'order.placed.v9' }),
    ])
      publish(rubbish);
    const after = await mesh.place(restaurantId, itemId, 1);
    await mesh.reaches(after, 'PREPARING');
    expect(await mesh.available(itemId)).toBe(17);
    for (let n = 0; n < 5; n++) {
      const letter = await mesh.broker.take('inventory-service.dlq');
      expect(letter.properties.headers?.['x-reason']).toMatch(
        /^(invalid_json|invalid_envelope|unknown_type)$/,
      );
    }
    expect(await mesh.broker.isEmpty('inventory-service.dlq')).toBe(true);
  });
});
