import { moveOrders } from '../../shared/lifecycle/move-orders';
import { newId } from '../../shared/ids';
import type { Event } from '../../shared/events/envelope';
import { eventsAbout } from '../testing/order-events';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([1_000]);

const place = async (more: object = {}) => {
  const order = { restaurant_id: shop.restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }], ...more };
  return shop.api.post('/orders', order);
};
const placed = async () => (await place()).body.order_id as string;
const send = (method: string, path: string, headers: Record<string, string>, json?: object) =>
  shop.api.call(method, path, { headers, json });

/** The mesh's move. */
const prepare = (orderId: string) =>
  shop.api.database.$transaction((tx) =>
    moveOrders(tx, [{ orderId, actor: 'MESH', to: 'PREPARING', origin: { correlationid: 'c' } }]),
  );

const versionsOf = async (id: string) => {
  const { version, history } = await shop.read(id);
  return { version, history: history.map((move: { version: number }) => move.version) };
};

describe('the version of an order', () => {
  it('is 1 when it is placed and grows by one with every move, in its answers, its history and its events', async () => {
    const first = await place();
    expect(first).toMatchObject({ status: 202, headers: { etag: '"1"' }, body: { version: 1 } });
    const id = first.body.order_id as string;
    await prepare(id);
    for (const [status, version] of [
      ['OUT_FOR_DELIVERY', 3],
      ['OUT_FOR_DELIVERY', 3], // again: no change
      ['DELIVERED', 4],
    ] as const)
      expect(await shop.api.patch(`/orders/${id}/status`, { status })).toMatchObject({
        status: 200,
        headers: { etag: `"${version}"` },
        body: { status, version },
      });
    expect(await versionsOf(id)).toEqual({ version: 4, history: [1, 2, 3, 4] });
    // Moved without an announcement here, PREPARING is missing among them.
    const events = await eventsAbout(shop.api.database, id);
    expect(events.map(({ data }: Event) => (data as { order_version?: number }).order_version)).toEqual([
      1, 3, 4,
    ]);
  });

  it("grows with a draft's lines and its approval, which announces it", async () => {
    const id = await shop.draft();
    const items = [{ sku: 'DISH-1', quantity: 3 }];
    expect((await shop.api.put(`/orders/${id}/items`, { items })).body.version).toBe(2);
    expect((await shop.api.put(`/orders/${id}/items`, { items })).body.version).toBe(3);
    expect((await shop.api.post(`/orders/${id}/approve`)).body.version).toBe(4);
    expect((await shop.api.post(`/orders/${id}/approve`)).body.version).toBe(4);
    expect((await shop.api.post(`/orders/${id}/cancel`)).body.version).toBe(5);
    expect((await shop.api.post(`/orders/${id}/cancel`)).body.version).toBe(5);
    expect(await versionsOf(id)).toEqual({ version: 5, history: [1, 2, 3, 4, 5] });
    const events = await eventsAbout(shop.api.database, id);
    expect(
      events.map(({ type, data }: Event) => [type, (data as { order_version?: number }).order_version]),
    ).toEqual([
      ['order.placed.v1', 4],
      ['order.cancelled.v1', 5],
    ]);
  });

  it('has no gap where one batch moves the same order twice', async () => {
    const id = await placed();
    const origin = { correlationid: 'c' };
    const outcomes = await shop.api.database.$transaction((tx) =>
      moveOrders(tx, [
        { orderId: id, actor: 'MESH', to: 'PREPARING', origin },
        { orderId: id, actor: 'STAFF', to: 'CANCELLED', reason: 'STAFF', origin },
      ]),
    );
    expect(outcomes).toMatchObject([{ version: 2 }, { version: 3 }]);
    expect(await versionsOf(id)).toEqual({ version: 3, history: [1, 2, 3] });
  });

  it('stays without a gap where a hundred change an order at once', async () => {
    const id = await shop.draft();
    const items = [{ sku: 'DISH-1', quantity: 1 }];
    await Promise.all(Array.from({ length: 100 }, () => shop.api.put(`/orders/${id}/items`, { items })));
    const { version, history } = await versionsOf(id);
    expect(version).toBe(101);
    expect(history).toEqual(Array.from({ length: 101 }, (_, index) => index + 1));
  });
});

describe('If-None-Match', () => {
  it.each(['"1"', 'W/"1"', '"7", "1"', '*', ' "7" ,, W/"1" '])(
    '%s is answered 304, without a body',
    async (tags) => {
      const id = await placed();
      expect(await send('GET', `/orders/${id}`, { 'if-none-match': tags })).toMatchObject({
        status: 304,
        text: '',
        headers: { etag: '"1"' },
      });
    },
  );

  it('is answered in full where the order has changed since', async () => {
    const id = await placed();
    await shop.api.post(`/orders/${id}/cancel`);
    const reply = await send('GET', `/orders/${id}`, { 'if-none-match': '"1"' });
    expect(reply).toMatchObject({ status: 200, headers: { etag: '"2"' }, body: { status: 'CANCELLED' } });
  });

  it('is no way to learn whether an order exists', async () => {
    expect((await send('GET', `/orders/${newId()}`, { 'if-none-match': '*' })).status).toBe(404);
  });

  it.each(['1', '"1', '"1" "2"', 'W/1', '"1", x'])('%s is told to be no tag', async (tags) => {
    const reply = await send('GET', `/orders/${await placed()}`, { 'if-none-match': tags });
    expect(reply).toMatchObject({
      status: 400,
      body: { type: 'urn:ordermesh:problem:invalid-parameters', errors: [{ in: 'header' }] },
    });
  });
});

describe('If-Match', () => {
  const items = [{ sku: 'DISH-1', quantity: 2 }];

  it('lets a change be made at the version that it names, and at no other', async () => {
    const id = await shop.draft();
    const at = (version: string) => ({ 'if-match': version });
    expect((await send('PUT', `/orders/${id}/items`, at('"1"'), { items })).status).toBe(200);
    const before = await shop.api.snapshot();
    for (const [method, path, body] of [
      ['PUT', '/items', { items }],
      ['POST', '/approve', {}],
      ['POST', '/cancel', {}],
      ['PATCH', '/status', { status: 'CANCELLED' }],
    ] as const)
      expect(await send(method, `/orders/${id}${path}`, at('"1"'), body)).toMatchObject({
        status: 412,
        headers: { etag: '"2"' },
        body: { type: 'urn:ordermesh:problem:version-mismatch', current_version: 2 },
      });
    expect(await shop.api.snapshot()).toEqual(before);
    expect((await send('POST', `/orders/${id}/approve`, at('"1", "2"'))).status).toBe(202);
    expect((await send('POST', `/orders/${id}/cancel`, at('*'))).status).toBe(200);
  });

  it('of a weak tag matches nothing', async () => {
    const reply = await send('POST', `/orders/${await placed()}/cancel`, { 'if-match': 'W/"1"' });
    expect(reply.status).toBe(412);
  });

  it('lets one of many through', async () => {
    const id = await shop.draft();
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => send('PUT', `/orders/${id}/items`, { 'if-match': '"1"' }, { items })),
    );
    expect(replies.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
    expect((await versionsOf(id)).version).toBe(2);
  });

  it('is refused where there is no version, and nothing is done', async () => {
    const before = await shop.api.snapshot();
    const order = { restaurant_id: shop.restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] };
    expect((await send('POST', '/orders', { 'if-match': '"1"' }, order)).status).toBe(412);
    expect(
      (await send('PATCH', `/inventory/${shop.items[0]}`, { 'if-match': '"1"' }, { price: 5 })).status,
    ).toBe(412);
    expect(await shop.api.snapshot()).toEqual(before);
  });
});

describe('services of the version before, while this one is rolled out', () => {
  it('have their changes numbered', async () => {
    const { database } = shop.api;
    const [id] = [newId()];
    await database.$executeRaw`
      WITH new_orders AS (
        INSERT INTO orders (id, restaurant_id, status, currency, total_amount, payment_method, correlation_id)
        VALUES (${id}::uuid, ${shop.restaurantId}::uuid, 'PLACED', 'INR', 1, 'CASH', 'c') RETURNING id, status
      )
      INSERT INTO order_status_history (order_id, to_status, actor) SELECT id, status, 'CUSTOMER' FROM new_orders`;
    expect(await versionsOf(id)).toEqual({ version: 1, history: [1] });
    await database.$executeRaw`
      WITH moves AS (
        SELECT * FROM (VALUES (1, ${id}::uuid, 'PLACED', 'PREPARING', 'MESH'), (2, ${id}::uuid, 'PREPARING', 'OUT_FOR_DELIVERY', 'STAFF'))
          AS m (position, order_id, from_status, to_status, actor)
      ), history AS (
        INSERT INTO order_status_history (order_id, from_status, to_status, actor)
        SELECT order_id, from_status, to_status, actor FROM moves ORDER BY position
      ), ends AS (
        SELECT order_id, (array_agg(from_status ORDER BY position))[1] AS from_status,
          (array_agg(to_status ORDER BY position DESC))[1] AS to_status FROM moves GROUP BY order_id
      )
      UPDATE orders SET status = ends.to_status FROM ends WHERE orders.id = ends.order_id AND orders.status = ends.from_status`;
    expect(await versionsOf(id)).toEqual({ version: 3, history: [1, 2, 3] });
    expect((await shop.api.patch(`/orders/${id}/status`, { status: 'DELIVERED' })).body.version).toBe(4);
  });
});
