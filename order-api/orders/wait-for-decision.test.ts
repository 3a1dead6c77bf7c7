import { newId } from '../../shared/ids';
import { moveOrders } from '../../shared/lifecycle/move-orders';
import { until } from '../../shared/testing/until';
import { serve } from '../testing/test-api';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([1_000]);
const send = (path: string, prefer: string, json?: object, headers: object = {}) =>
  shop.api.call('POST', path, { json, headers: { prefer, ...headers } });
const order = (more: object = {}) => ({
  restaurant_id: shop.restaurantId,
  items: [{ sku: 'DISH-1', quantity: 1 }],
  ...more,
});

const origin = { correlationid: 'c' };
const prepare = (orderId: string) =>
  shop.api.database.$transaction((tx) =>
    moveOrders(tx, [{ orderId, actor: 'MESH', to: 'PREPARING', origin }]),
  );
const runShort = (orderId: string) =>
  shop.api.database.$transaction((tx) =>
    moveOrders(tx, [
      {
        orderId,
        actor: 'MESH',
        to: 'CANCELLED',
        reason: 'OUT_OF_STOCK',
        note: 'Dal (2 ordered, 1 left)',
        origin,
      },
    ]),
  );

/** The order with a reference, once it is there. */
const orderWith = (reference: string) =>
  until('the order to be placed', async () => {
    const row = await shop.api.database.order.findFirst({ where: { reference } });
    return row?.id;
  });

describe('Prefer: wait', () => {
  it('answers 200 with where the order stands, when it is decided', async () => {
    const reference = newId();
    const waiting = send('/orders', 'wait=20', order({ reference }));
    const id = await orderWith(reference);
    await prepare(id);
    expect(await waiting).toMatchObject({
      status: 200,
      headers: { etag: '"2"', 'preference-applied': 'wait=20', location: `/api/v1/orders/${id}` },
      body: {
        order_id: id,
        status: 'PREPARING',
        version: 2,
        total_amount: 100,
        message: 'The order is PREPARING.',
      },
    });
  });

  it('says why, when it is cancelled', async () => {
    const reference = newId();
    const waiting = send('/orders', 'wait=20', order({ reference }));
    await runShort(await orderWith(reference));
    expect((await waiting).body).toMatchObject({
      status: 'CANCELLED',
      message: 'The order is CANCELLED. Not enough in stock: Dal (2 ordered, 1 left).',
    });
  });

  it('answers 202 as it is, when the time is up', async () => {
    const begunAt = Date.now();
    expect(await send('/orders', 'wait=1', order())).toMatchObject({
      status: 202,
      headers: { etag: '"1"', 'preference-applied': 'wait=1' },
      body: { status: 'PLACED' },
    });
    expect(Date.now() - begunAt).toBeGreaterThanOrEqual(990);
  });

  it('is heeded together with strict, and after an approval', async () => {
    const id = await shop.draft();
    const waiting = send(`/orders/${id}/approve`, 'handling=strict, wait=20');
    await until('it to be placed', async () => (await shop.read(id)).status === 'PLACED');
    await prepare(id);
    expect(await waiting).toMatchObject({
      status: 200,
      headers: { 'preference-applied': 'handling=strict, wait=20' },
      body: { status: 'PREPARING', version: 3, payment_method: 'CASH' },
    });
    // It left PLACED long ago.
    expect(await send(`/orders/${id}/approve`, 'wait=20')).toMatchObject({
      status: 200,
      body: { status: 'PREPARING' },
    });
  });

  it('does not hold a draft, nor a refusal', async () => {
    for (const sent of [order({ draft: true }), order({ items: [] })]) {
      const reply = await send('/orders', 'wait=30', sent);
      expect([201, 422]).toContain(reply.status);
      expect(reply.headers['preference-applied']).toBeUndefined();
    }
  });

  it('with the same key waits again, for the same order', async () => {
    const headers = { 'idempotency-key': newId() };
    const reference = newId();
    expect((await send('/orders', 'wait=1', order({ reference }), headers)).status).toBe(202);
    const waiting = send('/orders', 'wait=20', order({ reference }), headers);
    const id = await orderWith(reference);
    await prepare(id);
    const expected = {
      status: 200,
      headers: { 'idempotent-replayed': 'true', 'preference-applied': 'wait=20' },
      body: { order_id: id, status: 'PREPARING' },
    };
    expect(await waiting).toMatchObject(expected);
    expect(await send('/orders', 'wait=20', order({ reference }), headers)).toMatchObject(expected);
    // What is kept is the first answer.
    expect(await send('/orders', '', order({ reference }), headers)).toMatchObject({ status: 202 });
  });

  it('takes no place from other requests, and ends when the process does', async () => {
    const api = await serve(shop.api.database, { mostInProgress: 3 });
    const waiting: Promise<unknown>[] = [];
    for (let count = 0; count < 20; count += 1) {
      const reference = newId();
      const sent = { json: order({ reference }), headers: { prefer: 'wait=30' } };
      waiting.push(api.call('POST', '/orders', sent));
      await orderWith(reference);
    }
    expect((await api.get('/orders?limit=1')).status).toBe(200);
    const begunAt = Date.now();
    await api.stop();
    await Promise.allSettled(waiting);
    expect(Date.now() - begunAt).toBeLessThan(10_000);
  });

  it('holds two hundred at once, and answers each when it is its turn', async () => {
    const references = Array.from({ length: 200 }, newId);
    const waiting = references.map((reference) => send('/orders', 'wait=30', order({ reference })));
    const ids = await Promise.all(references.map((reference) => orderWith(reference)));
    for (const id of ids) await prepare(id);
    const replies = await Promise.all(waiting);
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(replies.map(({ body }) => body.order_id as string)).toEqual(ids);
  });
});
