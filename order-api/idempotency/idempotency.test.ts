import { seedMenu } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';
import { newId } from '../../shared/ids';
import { eventsAbout } from '../testing/order-events';
import { serve, type ApiClient } from '../testing/test-api';
import { openTestShop } from '../testing/test-shop';
import { forgetSome } from './forget-keys';

const shop = openTestShop([100_000, 100_000]);
let other: ApiClient; // another instance
beforeAll(async () => void (other = await serve(shop.api.database)));
afterAll(() => other?.stop());

const order = (more: object = {}) => ({
  restaurant_id: shop.restaurantId,
  items: [{ sku: 'DISH-1', quantity: 1 }],
  ...more,
});
const send = (method: string, path: string, key: string, json?: object, api: ApiClient = shop.api) =>
  api.call(method, path, { json, headers: { 'idempotency-key': key } });
const place = (key: string, more: object = {}, api: ApiClient = shop.api) =>
  send('POST', '/orders', key, order(more), api);
const orders = () => shop.api.database.order.count();
const isReplay = { headers: { 'idempotent-replayed': 'true' } };
const REUSED = { status: 422, body: { type: 'urn:ordermesh:problem:idempotency-key-reused' } };

describe('placing with an Idempotency-Key', () => {
  it('again gives the first answer, on every instance, and places nothing', async () => {
    const key = newId();
    const first = await place(key);
    expect(first).toMatchObject({ status: 202, headers: { etag: '"1"' } });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    const before = await shop.api.snapshot();
    await shop.api.database.$executeRaw`UPDATE orders SET version = version`; // the answer is the first one, whatever became of it
    for (const api of [shop.api, other]) {
      const again = await place(key, {}, api);
      expect(again).toMatchObject({ status: 202, ...isReplay });
      expect([again.text, again.headers.location, again.headers.etag]).toEqual([
        first.text,
        first.headers.location,
        first.headers.etag,
      ]);
      expect(again.headers['x-correlation-id']).not.toBe(first.headers['x-correlation-id']);
    }
    expect(await shop.api.snapshot()).toEqual(before);
    expect(await eventsAbout(shop.api.database, first.body.order_id)).toHaveLength(1);
  });

  it('of a draft gives its 201 again', async () => {
    const key = newId();
    const first = await place(key, { draft: true });
    expect(await place(key, { draft: true })).toMatchObject({ status: 201, text: first.text, ...isReplay });
  });

  it('is the same request however its members are put, and whether the key is quoted', async () => {
    const key = newId();
    const first = await place(`"${key}"`);
    const raw = `{ "items": [{"quantity": 1, "sku": "DISH-1"}],\n "restaurant_id": "${shop.restaurantId}" }`;
    const headers = { 'idempotency-key': key, 'content-type': 'application/json' };
    expect(await shop.api.call('POST', '/orders', { raw, headers })).toMatchObject({
      text: first.text,
      ...isReplay,
    });
  });

  it('with another body is refused', async () => {
    const key = newId();
    await place(key);
    const before = await shop.api.snapshot();
    for (const more of [{ note: 'x' }, { items: [{ sku: 'DISH-1', quantity: 2 }] }, { draft: true }])
      expect(await place(key, more)).toMatchObject(REUSED);
    // Also where it could not be placed anyway.
    expect(await place(key, { items: [{ sku: 'NONE', quantity: 1 }] })).toMatchObject(REUSED);
    expect(await shop.api.snapshot()).toEqual(before);
  });

  it('that fails keeps nothing: when it is put right, the same key places it', async () => {
    const key = newId();
    const wrong = { items: [{ sku: 'DISH-99', quantity: 1 }] };
    const before = await shop.api.snapshot();
    expect((await place(key, wrong)).status).toBe(422);
    expect((await place(key, { items: 5 })).status).toBe(422);
    expect(await shop.api.snapshot()).toEqual(before);
    expect((await place(key)).status).toBe(202);
  });

  it('gives the first answer also where the same could not be placed any more', async () => {
    const key = newId();
    const first = await place(key, { items: [{ sku: 'DISH-2', quantity: 1 }] });
    await shop.api.patch(`/inventory/${shop.items[1]}`, { on_sale: false });
    await shop.api.patch(`/restaurants/${shop.restaurantId}`, { accepting_orders: false });
    const full = await serve(shop.api.database, {
      backlog: {
        isFull: () => true,
        refuseWhenFull: () => {
          throw new Error('is full');
        },
      },
    });
    for (const api of [shop.api, full])
      expect(await place(key, { items: [{ sku: 'DISH-2', quantity: 1 }] }, api)).toMatchObject({
        status: 202,
        text: first.text,
      });
    await full.stop();
    await shop.api.patch(`/inventory/${shop.items[1]}`, { on_sale: true });
    await shop.api.patch(`/restaurants/${shop.restaurantId}`, { accepting_orders: true });
  });

  it('a hundred times at once, on two instances, beside others, places one order for each key', async () => {
    const keys = Array.from({ length: 5 }, newId);
    const before = await orders();
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        const api = n % 2 ? other : shop.api;
        return n % 5 === 4 ? api.post('/orders', order()) : place(keys[n % 4]!, {}, api);
      }),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 202));
    for (const key of [0, 1, 2, 3]) {
      const texts = replies.filter((_, n) => n % 5 !== 4 && n % 4 === key).map(({ text }) => text);
      expect(new Set(texts).size).toBe(1);
      expect(texts).toHaveLength(20);
    }
    expect((await orders()) - before).toBe(4 + 20);
    const replays = replies.filter(({ headers }) => headers['idempotent-replayed']);
    expect(replays).toHaveLength(76);
  });

  it('with one key and different bodies at once, places one of them', async () => {
    const key = newId();
    const before = await orders();
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, n) => place(key, { note: `note ${n}` }, n % 2 ? other : shop.api)),
    );
    expect(replies.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      202,
      ...Array<number>(19).fill(422),
    ]);
    expect((await orders()) - before).toBe(1);
  });

  it.each(['', ' ', 'x'.repeat(256), 'é', '""'])('%j is no key', async (key) => {
    const before = await shop.api.snapshot();
    expect(await place(Buffer.from(key).toString('latin1'))).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/idempotency-key', in: 'header' }] },
    });
    expect(await shop.api.snapshot()).toEqual(before);
  });

  it('sent twice is one key where it is the same, and none where it is not', async () => {
    const key = newId();
    const first = await place(key);
    const twice = (keys: string[]) =>
      shop.api.call('POST', '/orders', { json: order(), headers: { 'idempotency-key': keys } });
    expect(await twice([key, key])).toMatchObject({ text: first.text, ...isReplay });
    expect((await twice([key, newId()])).status).toBe(400);
  });

  it('waits a little for the first, holds nobody else up, and is then told to come back', async () => {
    const key = newId();
    const beside = await seedMenu(shop.api.database, [10]);
    let first: ReturnType<typeof place> | undefined;
    await shop.api.database.$transaction(
      async (tx) => {
        // What a new order refers to: placing it waits.
        await tx.$queryRaw`SELECT FROM restaurants WHERE id = ${shop.restaurantId}::uuid FOR UPDATE`;
        first = place(key);
        await until('the first to wait for its restaurant', async () => {
          const [row] = await shop.api.database.$queryRaw<{ count: number }[]>`
            SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
          return row?.count === 1;
        });
        const twins = [place(key), place(key, {}, other)];
        const unrelated = { restaurant_id: beside.restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] };
        expect((await shop.api.post('/orders', unrelated)).status).toBe(202);
        for (const twin of await Promise.all(twins))
          expect(twin).toMatchObject({
            status: 409,
            headers: { 'retry-after': '1' },
            body: { type: 'urn:ordermesh:problem:idempotency-key-in-use' },
          });
      },
      { timeout: 20_000 },
    );
    const done = await first!;
    expect(done.status).toBe(202);
    expect(await place(key)).toMatchObject({ text: done.text, ...isReplay });
  });

  it('keeps neither the key nor the card token', async () => {
    await place('a-key-of-mine', { payment: { method: 'CARD', token: 'tok_very_secret' } });
    const [row] = await shop.api.database.$queryRaw<{ text: string }[]>`
      SELECT string_agg(k::text, ' ') AS text FROM idempotency_keys k`;
    expect(row?.text).not.toMatch(/a-key-of-mine|tok_very_secret|6b65792d6f66/);
  });

  it('of a day ago is free again, whether or not it was deleted yet', async () => {
    const key = newId();
    const first = await place(key);
    const expire = () =>
      shop.api.database.$executeRaw`UPDATE idempotency_keys SET expires_at = now() - interval '1 second'`;
    await expire();
    const second = await place(key, { note: 'another' });
    expect(second).toMatchObject({ status: 202 });
    expect(second.body.order_id).not.toBe(first.body.order_id);
    expect(await place(key, { note: 'another' })).toMatchObject({ text: second.text, ...isReplay });
    await expire();
    const kept = await shop.api.database.idempotencyKey.count();
    expect(await forgetSome(shop.api.database)).toBe(kept);
    expect(await shop.api.database.idempotencyKey.count()).toBe(0);
  });
});

describe('other changes with an Idempotency-Key', () => {
  const webhook = async () =>
    (await shop.api.post('/webhooks', { url: 'https://shop.example/hook' })).body.webhook_id as string;
  const changes: [string, () => Promise<[string, string, object?]>][] = [
    [
      'new lines of a draft',
      async () => ['PUT', `/orders/${await shop.draft()}/items`, { items: order().items }],
    ],
    ['an approval', async () => ['POST', `/orders/${await shop.draft()}/approve`]],
    ['a cancellation', async () => ['POST', `/orders/${await shop.draft()}/cancel`, { note: 'x' }]],
    ['a move', async () => ['PATCH', `/orders/${await shop.draft()}/status`, { status: 'CANCELLED' }]],
    ['a restaurant', async () => ['POST', '/inventory/add/restaurant', { name: 'New' }]],
    ["a restaurant's change", async () => ['PATCH', `/restaurants/${shop.restaurantId}`, { name: 'Other' }]],
    [
      'an item',
      async () => [
        'POST',
        `/inventory/add/${shop.restaurantId}/item`,
        { name: 'D', price: '1.00', available_qty: 1 },
      ],
    ],
    ["an item's change", async () => ['PATCH', `/inventory/${shop.items[0]}`, { name: 'Dish one' }]],
    [
      'an adjustment',
      async () => ['POST', `/inventory/${shop.items[0]}/adjustments`, { delta: 1, reason: 'r' }],
    ],
    ['a webhook', async () => ['POST', '/webhooks', { url: 'https://shop.example/hook' }]],
    ['another secret of one', async () => ['POST', `/webhooks/${await webhook()}/rotate`, {}]],
    ['a test of one', async () => ['POST', `/webhooks/${await webhook()}/test`]],
    ["a webhook's removal", async () => ['DELETE', `/webhooks/${await webhook()}`]],
  ];

  it.each(changes)('%s is made once, and answered as it was', async (_name, prepare) => {
    const [method, path, body] = await prepare();
    const key = newId();
    const replies = await Promise.all(
      Array.from({ length: 6 }, (_, n) => send(method, path, key, body, n % 2 ? other : shop.api)),
    );
    const fresh = replies.filter(({ headers }) => !headers['idempotent-replayed']);
    expect(fresh).toHaveLength(1);
    const before = await shop.api.snapshot();
    for (const reply of [...replies, await send(method, path, key, body)])
      expect([reply.status, reply.text, reply.headers.location, reply.headers.etag]).toEqual([
        fresh[0]?.status,
        fresh[0]?.text,
        fresh[0]?.headers.location,
        fresh[0]?.headers.etag,
      ]);
    expect(fresh[0]?.status).toBeLessThan(300);
    expect(await shop.api.snapshot()).toEqual(before);
  });

  it('is scoped to method and path: elsewhere the same key is another', async () => {
    const key = newId();
    const [one, two] = [await shop.draft(), await shop.draft()];
    for (const id of [one, two]) {
      expect(await send('POST', `/orders/${id}/cancel`, key)).toMatchObject({ body: { order_id: id } });
      expect((await send('PATCH', `/orders/${id}/status`, key, { status: 'CANCELLED' })).status).toBe(200);
    }
    expect(await send('POST', `/orders/${one.toUpperCase()}/cancel`, key)).toMatchObject(isReplay);
  });

  it('that is refused keeps nothing', async () => {
    const key = newId();
    const { body } = await shop.api.post('/orders', order());
    const path = `/orders/${body.order_id}/status`;
    const before = await shop.api.snapshot();
    expect((await send('PATCH', path, key, { status: 'DELIVERED' })).status).toBe(409);
    expect(await shop.api.snapshot()).toEqual(before);
    expect((await send('PATCH', path, key, { status: 'CANCELLED' })).status).toBe(200);
    expect(await send('PATCH', path, key, { status: 'DELIVERED' })).toMatchObject(REUSED);
  });

  it('waits a little for the first, and is then told to come back', async () => {
    const key = newId();
    const id = await shop.draft();
    const cancel = () => send('POST', `/orders/${id}/cancel`, key);
    let first: Promise<unknown> = Promise.resolve();
    await shop.api.database.$transaction(
      async (tx) => {
        await tx.$queryRaw`SELECT FROM orders WHERE id = ${id}::uuid FOR UPDATE`;
        first = cancel();
        await until('the first to wait for its order', async () => {
          const [row] = await shop.api.database.$queryRaw<{ count: number }[]>`
            SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
          return row?.count === 1;
        });
        expect(await send('POST', `/orders/${id}/cancel`, key, undefined, other)).toMatchObject({
          status: 409,
          headers: { 'retry-after': '1' },
          body: { type: 'urn:ordermesh:problem:idempotency-key-in-use' },
        });
      },
      { timeout: 20_000 },
    );
    const done = (await first) as { status: number; text: string };
    expect(done.status).toBe(200);
    expect(await cancel()).toMatchObject({ text: done.text, ...isReplay });
  });
});
