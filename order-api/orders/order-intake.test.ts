import { Client } from 'pg';
import { seedMenu } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([50, 50]);

const orderOf = (line: object, more: object = {}) => ({
  restaurant_id: shop.restaurantId,
  items: [line],
  ...more,
});
const post = (json: object) => shop.api.call('POST', '/orders', { json });

test('each of many that come at once is answered by itself', async () => {
  const other = await seedMenu(shop.api.database, [5]);
  const bodies = Array.from({ length: 40 }, (_, n) => {
    if (n % 5 === 1) return orderOf({ menu_item_id: other.items[0], quantity: 1 }); // another restaurant's
    if (n % 5 === 2)
      return { ...orderOf({ menu_item_id: shop.items[0], quantity: 1 }), restaurant_id: shop.items[0] };
    if (n % 5 === 3) return orderOf({ sku: 'DISH-2', quantity: n }, { customer_id: `c-${n}`, draft: true });
    if (n % 5 === 4)
      return orderOf({ sku: 'DISH-1', quantity: n }, { payment: { method: 'CARD', token: `tok_${n}` } });
    return orderOf(
      { menu_item_id: shop.items[0]?.toUpperCase(), quantity: n + 1 },
      { customer_id: `c-${n}` },
    );
  });
  const replies = await Promise.all(bodies.map(post));
  replies.forEach(({ status, body }, n) => {
    if (n % 5 === 1) expect(body.errors).toMatchObject([{ pointer: '#/items/0/menu_item_id' }]);
    else if (n % 5 === 2) expect(body.errors).toMatchObject([{ pointer: '#/restaurant_id' }]);
    else
      expect([status, body.total_amount]).toEqual([n % 5 === 3 ? 201 : 202, 100 * (n % 5 === 0 ? n + 1 : n)]);
  });

  for (const n of [0, 3, 4, 38, 39]) {
    const id = replies[n]?.body.order_id as string;
    const order = (await shop.api.get(`/orders/${id}`)).body;
    expect(order).toMatchObject({
      customer_id: n % 5 === 4 ? null : `c-${n}`,
      items: [{ quantity: n % 5 === 0 ? n + 1 : n }],
      history: [{ from: null, to: n % 5 === 3 ? 'DRAFT' : 'PLACED', actor: 'CUSTOMER' }],
    });
    expect(await shop.api.database.cardToken.count({ where: { orderId: id } })).toBe(n % 5 === 4 ? 1 : 0);
    expect(await shop.api.database.outboxEvent.count({ where: { subject: id } })).toBe(n % 5 === 3 ? 0 : 1);
  }
  expect(await shop.api.database.order.count()).toBe(24);
});

test('what nobody foresaw about one order is not the trouble of the others', async () => {
  const { database } = shop.api;
  await database.$executeRawUnsafe(
    `ALTER TABLE orders ADD CONSTRAINT unforeseen CHECK (customer_id <> 'cursed') NOT VALID`,
  );
  const line = { menu_item_id: shop.items[0], quantity: 1 };
  const customers = ['a', 'cursed', 'b', 'c'];
  const replies = await Promise.allSettled(
    customers.map((customer_id) => post(orderOf(line, { customer_id }))),
  );
  await database.$executeRawUnsafe('ALTER TABLE orders DROP CONSTRAINT unforeseen');
  expect(
    replies.map((reply) => (reply.status === 'fulfilled' ? reply.value.status : String(reply.reason))),
  ).toEqual([202, expect.stringContaining('500'), 202, 202]);
  expect(await database.order.count({ where: { customerId: { in: customers } } })).toBe(3);
});

test('a restaurant that somebody keeps locked lets its own orders wait, and no others', async () => {
  const other = await seedMenu(shop.api.database, [50]);
  const here = orderOf({ menu_item_id: shop.items[0], quantity: 1 });
  const there = { restaurant_id: other.restaurantId, items: [{ menu_item_id: other.items[0], quantity: 1 }] };
  const holder = new Client({ connectionString: shop.api.databaseUrl });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM restaurants WHERE id = $1 FOR UPDATE', [other.restaurantId]);
    const replies = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => post(n % 2 === 0 ? here : there)),
    );
    const statuses = replies.map((reply) =>
      reply.status === 'fulfilled' ? reply.value.status : reply.reason,
    );
    expect(statuses).toEqual(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 202 : expect.anything())));
    // It is known by now: nobody waits for it any more.
    const refused = await post(there);
    expect(refused).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('keeps this restaurant locked') },
    });
    expect((await post(here)).status).toBe(202);
  } finally {
    await holder.end();
  }
  await until('its orders to be taken again', async () => (await post(there)).status === 202);
});
