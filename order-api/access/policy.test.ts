import { newId } from '../../shared/ids';
import { seedMenu } from '../../shared/testing/seed';
import { routes } from '../routes';
import { bearer, giveKey } from '../testing/test-access';
import { startTestApi, type TestApi } from '../testing/test-api';
import { giveDelivery } from '../testing/test-deliveries';
import { policy, type RouteName } from './policy';
import { checkRoutesSayWhatTheyConcern } from './concern';

let api: TestApi;
/** What each may send. */
let keys: Record<string, string>;
/** Of Asha at the first restaurant, and of Ben at the second. */
let sides: Record<'mine' | 'other', Side>;

interface Side {
  customer: string;
  restaurant: string;
  item: string;
  adjustment: string;
  /** Of the restaurant, with a delivery. */
  webhook: string;
  delivery: string;
}

beforeAll(async () => {
  api = await startTestApi({ credentials: { keys: true } });
  const admin = (await giveKey(api.database, 'admin')).text;
  const side = async (customer: string): Promise<Side> => {
    const menu = await seedMenu(api.database, [1_000]);
    const item = menu.items[0]!;
    const adjusted = await api.call('POST', `/inventory/${item}/adjustments`, {
      json: { delta: 1, reason: 'Delivery' },
      headers: bearer(admin),
    });
    const hook = await webhookAt(`/restaurants/${menu.restaurantId}/webhooks`, admin);
    return {
      customer,
      restaurant: menu.restaurantId,
      item,
      adjustment: adjusted.body.adjustment_id,
      ...hook,
    };
  };
  sides = { mine: await side('asha'), other: await side('ben') };
  const text = async (...given: Parameters<typeof giveKey>) => (await giveKey(...given)).text;
  keys = {
    admin,
    customer: await text(api.database, 'customer', { customerId: 'asha' }),
    staff: await text(api.database, 'staff', { restaurantIds: [sides.mine.restaurant] }),
    reader: await text(api.database, 'admin', { readOnly: true }),
  };
});
afterAll(() => api.stop());

/** A webhook, to which something was sent. */
async function webhookAt(path: string, key = keys.admin!): Promise<{ webhook: string; delivery: string }> {
  const json = { url: 'https://shop.example/hook' };
  const { body } = await api.call('POST', path, { json, headers: bearer(key) });
  const delivery = newId();
  await giveDelivery(api.database, body.webhook_id, { id: delivery });
  return { webhook: body.webhook_id, delivery };
}

type WebhookRequests = Record<
  Extract<RouteName, `${string}Webhook${string}`>,
  (side: Side) => Promise<[method: string, path: string, json?: object]>
>;

/** The routes of webhooks, for the shop or for a restaurant, with what they may be sent. */
const webhookRequests = (within: '' | 'Restaurant', pathOf: (side: Side) => string): WebhookRequests => {
  const one = async (side: Side) => {
    const path = pathOf(side);
    return path === '/webhooks' ? webhookAt(path) : { webhook: side.webhook, delivery: side.delivery };
  };
  const about = async (side: Side, rest = '') => `${pathOf(side)}/${(await one(side)).webhook}${rest}`;
  return {
    [`add${within}Webhook`]: async (side: Side) => [
      'POST',
      pathOf(side),
      { url: 'https://shop.example/hook' },
    ],
    [`list${within}Webhooks`]: async (side: Side) => ['GET', pathOf(side)],
    [`get${within}Webhook`]: async (side: Side) => ['GET', await about(side)],
    [`change${within}Webhook`]: async (side: Side) => ['PATCH', await about(side), { paused: false }],
    [`remove${within}Webhook`]: async (side: Side) => [
      'DELETE',
      `${pathOf(side)}/${(await webhookAt(pathOf(side))).webhook}`,
    ],
    [`rotate${within}WebhookSecret`]: async (side: Side) => ['POST', await about(side, '/rotate')],
    [`test${within}Webhook`]: async (side: Side) => ['POST', await about(side, '/test')],
    [`recover${within}Webhook`]: async (side: Side) => [
      'POST',
      await about(side, '/recover'),
      { since: '2026-11-21T00:00:00Z' },
    ],
    [`list${within}WebhookDeliveries`]: async (side: Side) => ['GET', await about(side, '/deliveries')],
    [`resend${within}WebhookDelivery`]: async (side: Side) => {
      const { webhook, delivery } = await one(side);
      return ['POST', `${pathOf(side)}/${webhook}/deliveries/${delivery}/resend`];
    },
  } as WebhookRequests;
};

/** An order, by which a draft that can be changed and approved is meant too. */
async function orderOf({ customer, restaurant, item }: Side, draft: boolean): Promise<string> {
  const json = {
    restaurant_id: restaurant,
    customer_id: customer,
    items: [{ menu_item_id: item, quantity: 1 }],
    draft,
  };
  return (await api.call('POST', '/orders', { json, headers: bearer(keys.admin!) })).body.order_id;
}

/** One whose stream of events ends by itself. */
async function cancelledOrderOf(side: Side): Promise<string> {
  const id = await orderOf(side, false);
  await api.call('POST', `/orders/${id}/cancel`, { headers: bearer(keys.admin!) });
  return id;
}

/** A request that is good in every other respect. */
const requests: Record<RouteName, (side: Side) => Promise<[method: string, path: string, json?: object]>> = {
  placeOrder: async ({ customer, restaurant, item }) => [
    'POST',
    '/orders',
    {
      restaurant_id: restaurant,
      customer_id: customer,
      items: [{ menu_item_id: item, quantity: 1 }],
    },
  ],
  listOrders: async ({ customer, restaurant }) => [
    'GET',
    `/orders?customer_id=${customer}&restaurant_id=${restaurant}`,
  ],
  getOrder: async (side) => ['GET', `/orders/${await orderOf(side, false)}`],
  followOrder: async (side) => ['GET', `/orders/${await cancelledOrderOf(side)}/events`],
  followRestaurant: async ({ restaurant }) => ['GET', `/restaurants/${restaurant}/orders/events`],
  getTimeline: async (side) => ['GET', `/orders/${await orderOf(side, false)}/timeline`],
  changeDraft: async (side) => [
    'PUT',
    `/orders/${await orderOf(side, true)}/items`,
    { items: [{ menu_item_id: side.item, quantity: 2 }] },
  ],
  approveOrder: async (side) => ['POST', `/orders/${await orderOf(side, true)}/approve`],
  moveOrder: async (side) => [
    'PATCH',
    `/orders/${await orderOf(side, false)}/status`,
    { status: 'CANCELLED' },
  ],
  cancelOrder: async (side) => ['POST', `/orders/${await orderOf(side, false)}/cancel`],
  addRestaurant: async () => ['POST', '/inventory/add/restaurant', { name: 'Tandoor' }],
  addItem: async ({ restaurant }) => [
    'POST',
    `/inventory/add/${restaurant}/item`,
    { name: 'Naan', price: 70, available_qty: 1 },
  ],
  getItem: async ({ item }) => ['GET', `/inventory/${item}`],
  changeItem: async ({ item }) => ['PATCH', `/inventory/${item}`, { low_stock_threshold: 3 }],
  adjustStock: async ({ item }) => ['POST', `/inventory/${item}/adjustments`, { delta: 1, reason: 'Found' }],
  getAdjustment: async ({ item, adjustment }) => ['GET', `/inventory/${item}/adjustments/${adjustment}`],
  listRestaurants: async () => ['GET', '/restaurants'],
  getRestaurant: async ({ restaurant }) => ['GET', `/restaurants/${restaurant}`],
  changeRestaurant: async ({ restaurant }) => [
    'PATCH',
    `/restaurants/${restaurant}`,
    { accepting_orders: true },
  ],
  getMenu: async ({ restaurant }) => ['GET', `/restaurants/${restaurant}/menu`],
  getAnalyticsSummary: async ({ restaurant }) => ['GET', `/analytics/summary?restaurant_id=${restaurant}`],
  getAnalyticsOrders: async ({ restaurant }) => ['GET', `/analytics/orders?restaurant_id=${restaurant}`],
  getAnalyticsItems: async ({ restaurant }) => ['GET', `/analytics/items?restaurant_id=${restaurant}`],
  getAnalyticsLeadTimes: async ({ restaurant }) => [
    'GET',
    `/analytics/lead-times?restaurant_id=${restaurant}`,
  ],
  getAnalyticsStock: async ({ restaurant }) => ['GET', `/analytics/stock?restaurant_id=${restaurant}`],
  ...webhookRequests('', () => '/webhooks'),
  ...webhookRequests('Restaurant', ({ restaurant }) => `/restaurants/${restaurant}/webhooks`),
};

/** What is answered: [customer: their own, another's; staff: of theirs, of others; admin; somebody who may only read]. */
const answers: Record<RouteName, readonly [number, number, number, number, number, number]> = {
  placeOrder: [202, 403, 403, 403, 202, 403],
  listOrders: [200, 403, 200, 403, 200, 200],
  getOrder: [200, 404, 200, 404, 200, 200],
  followOrder: [200, 404, 200, 404, 200, 200],
  followRestaurant: [403, 403, 200, 403, 200, 200],
  getTimeline: [403, 403, 200, 404, 200, 200],
  changeDraft: [200, 404, 403, 403, 200, 403],
  approveOrder: [202, 404, 403, 403, 202, 403],
  moveOrder: [403, 403, 200, 404, 200, 403],
  cancelOrder: [200, 404, 200, 404, 200, 403],
  addRestaurant: [403, 403, 403, 403, 201, 403],
  addItem: [403, 403, 201, 403, 201, 403],
  getItem: [200, 200, 200, 200, 200, 200],
  changeItem: [403, 403, 200, 403, 200, 403],
  adjustStock: [403, 403, 202, 403, 202, 403],
  getAdjustment: [403, 403, 200, 403, 200, 200],
  listRestaurants: [200, 200, 200, 200, 200, 200],
  getRestaurant: [200, 200, 200, 200, 200, 200],
  changeRestaurant: [403, 403, 200, 403, 200, 403],
  getMenu: [200, 200, 200, 200, 200, 200],
  getAnalyticsSummary: [403, 403, 200, 403, 200, 200],
  getAnalyticsOrders: [403, 403, 200, 403, 200, 200],
  getAnalyticsItems: [403, 403, 200, 403, 200, 200],
  getAnalyticsLeadTimes: [403, 403, 200, 403, 200, 200],
  getAnalyticsStock: [403, 403, 200, 403, 200, 200],
  addWebhook: [403, 403, 403, 403, 201, 403],
  listWebhooks: [403, 403, 403, 403, 200, 200],
  getWebhook: [403, 403, 403, 403, 200, 200],
  changeWebhook: [403, 403, 403, 403, 200, 403],
  removeWebhook: [403, 403, 403, 403, 204, 403],
  rotateWebhookSecret: [403, 403, 403, 403, 200, 403],
  testWebhook: [403, 403, 403, 403, 202, 403],
  recoverWebhook: [403, 403, 403, 403, 202, 403],
  listWebhookDeliveries: [403, 403, 403, 403, 200, 200],
  resendWebhookDelivery: [403, 403, 403, 403, 202, 403],
  addRestaurantWebhook: [403, 403, 201, 403, 201, 403],
  listRestaurantWebhooks: [403, 403, 200, 403, 200, 200],
  getRestaurantWebhook: [403, 403, 200, 403, 200, 200],
  changeRestaurantWebhook: [403, 403, 200, 403, 200, 403],
  removeRestaurantWebhook: [403, 403, 204, 403, 204, 403],
  rotateRestaurantWebhookSecret: [403, 403, 200, 403, 200, 403],
  testRestaurantWebhook: [403, 403, 202, 403, 202, 403],
  recoverRestaurantWebhook: [403, 403, 202, 403, 202, 403],
  listRestaurantWebhookDeliveries: [403, 403, 200, 403, 200, 200],
  resendRestaurantWebhookDelivery: [403, 403, 202, 403, 202, 403],
};
const columns = [
  ['customer', 'mine'],
  ['customer', 'other'],
  ['staff', 'mine'],
  ['staff', 'other'],
  ['admin', 'other'],
  ['reader', 'mine'],
] as const;

const matrix = Object.entries(answers).flatMap(([name, statuses]) =>
  columns.map(([who, whose], index) => [name as RouteName, who, whose, statuses[index]!] as const),
);

describe('who may what', () => {
  it('is said for every route, and for no other', () => {
    expect(Object.keys(policy).sort()).toEqual(routes.map(({ name }) => name).sort());
  });

  it.each(matrix)('%s by %s, with what is %s: %i', async (name, who, whose, status) => {
    const [method, path, json] = await requests[name](sides[whose]);
    const before = status >= 400 ? await api.snapshot() : undefined;
    const reply = await api.call(method, path, { json, headers: bearer(keys[who]!) });
    expect([reply.status, reply.text]).toEqual([status, reply.text]);
    if (status < 400) return;
    expect(await api.snapshot()).toEqual(before);
    if (status === 403)
      expect(reply).toMatchObject({
        body: { type: 'urn:ordermesh:problem:forbidden', detail: expect.any(String) },
        headers: { 'www-authenticate': expect.stringContaining('error="insufficient_scope"') },
      });
  });

  it.each(Object.keys(answers) as RouteName[])('%s by nobody: 401, and nothing is done', async (name) => {
    const [method, path, json] = await requests[name](sides.mine);
    const before = await api.snapshot();
    const reply = await api.call(method, path, { json });
    expect(reply).toMatchObject({
      status: 401,
      body: { type: 'urn:ordermesh:problem:unauthenticated' },
      headers: { 'www-authenticate': 'Bearer realm="ordermesh"' },
    });
    expect(await api.snapshot()).toEqual(before);
  });

  it('cannot be forgotten by a route that is for some on their own only', () => {
    expect(() => checkRoutesSayWhatTheyConcern(routes)).not.toThrow();
    const silent = routes.map(({ concerns: _, ...route }) => route);
    expect(() => checkRoutesSayWhatTheyConcern(silent)).toThrow('placeOrder, listOrders, getOrder');
  });
});

describe("another's order", () => {
  it('is answered to the letter as one that does not exist', async () => {
    const unknown = newId();
    for (const who of ['customer', 'staff'])
      for (const [method, path] of [
        ['GET', ''],
        ['POST', '/cancel'],
      ] as const) {
        const other = await orderOf(sides.other, false);
        const [known, not] = await Promise.all(
          [other, unknown].map(async (id) => {
            const { status, headers, text } = await api.call(method, `/orders/${id}${path}`, {
              headers: { ...bearer(keys[who]!), 'x-correlation-id': 'same' },
            });
            const { date: _, ...rest } = headers;
            return JSON.stringify([status, rest, text]).replaceAll(id, '<id>');
          }),
        );
        expect(known).toBe(not);
        expect(known).toContain('404');
      }
  });

  it('is not told by its version either', async () => {
    const id = await orderOf(sides.other, false);
    const headers = (more: object) => ({ ...bearer(keys.customer!), ...more });
    expect(
      await api.call('GET', `/orders/${id}`, { headers: headers({ 'if-none-match': '"1"' }) }),
    ).toMatchObject({ status: 404 });
    const change = { json: {}, headers: headers({ 'if-match': '"7"' }) };
    expect(await api.call('POST', `/orders/${id}/cancel`, change)).toMatchObject({ status: 404 });
  });
});

describe('lists', () => {
  const list = async (who: string, query = '') =>
    (await api.call('GET', `/orders?limit=200${query}`, { headers: bearer(keys[who]!) })).body.orders as {
      customer_id: string;
      restaurant_id: string;
    }[];

  it("have a customer's own orders alone, without being asked to", async () => {
    await orderOf({ ...sides.other, customer: 'asha' }, false); // hers, elsewhere
    const orders = await list('customer');
    expect(new Set(orders.map((order) => order.customer_id))).toEqual(new Set(['asha']));
    expect(new Set(orders.map((order) => order.restaurant_id)).size).toBe(2);
    expect((await list('admin')).some((order) => order.customer_id === 'ben')).toBe(true);
  });

  it("have the orders of staff's restaurants alone", async () => {
    const orders = await list('staff');
    expect(new Set(orders.map((order) => order.restaurant_id))).toEqual(new Set([sides.mine.restaurant]));
    expect((await list('staff', '&customer_id=ben')).length).toBe(0);
  });

  it.each([0, 20])('have those of several restaurants in the same order (and %i more)', async (more) => {
    const both = await giveKey(api.database, 'staff', {
      restaurantIds: [sides.mine.restaurant, sides.other.restaurant, ...Array.from({ length: more }, newId)],
    });
    const reply = await api.call('GET', '/orders?limit=200', { headers: bearer(both.text) });
    expect(reply.body.orders).toEqual(await list('admin'));
    expect(
      new Set(reply.body.orders.map((order: { restaurant_id: string }) => order.restaurant_id)).size,
    ).toBe(2);
  });
});

describe('a customer', () => {
  it('orders for themselves without saying so', async () => {
    const { restaurant, item } = sides.mine;
    const json = { restaurant_id: restaurant, items: [{ menu_item_id: item, quantity: 1 }] };
    const headers = bearer(keys.customer!);
    const { body } = await api.call('POST', '/orders', { json, headers });
    expect((await api.call('GET', `/orders/${body.order_id}`, { headers })).body.customer_id).toBe('asha');
    const event = await api.database.outboxEvent.findFirstOrThrow({ where: { subject: body.order_id } });
    expect(event.body).toMatchObject({ data: { customer_id: 'asha' } });
  });

  it('is told which field names somebody else', async () => {
    const [method, path, json] = await requests.placeOrder(sides.other);
    const reply = await api.call(method, path, { json, headers: bearer(keys.customer!) });
    expect(reply.body.errors).toEqual([{ pointer: '#/customer_id', detail: 'must be your own, or absent' }]);
    const list = await api.call('GET', '/orders?customer_id=ben', { headers: bearer(keys.customer!) });
    expect(list.body.errors).toMatchObject([{ pointer: '#/customer_id', in: 'query' }]);
  });

  it("is never given the answer to another's Idempotency-Key", async () => {
    const ben = await giveKey(api.database, 'customer', { customerId: 'ben' });
    const { restaurant, item } = sides.mine;
    const json = { restaurant_id: restaurant, items: [{ menu_item_id: item, quantity: 1 }] };
    const place = async (key: string) =>
      api.call('POST', '/orders', { json, headers: { ...bearer(key), 'idempotency-key': 'the-same' } });
    const [first, again, other] = [
      await place(keys.customer!),
      await place(keys.customer!),
      await place(ben.text),
    ];
    expect([first.status, again.text, other.status]).toEqual([202, first.text, 202]);
    expect(other.body.order_id).not.toBe(first.body.order_id);
    const history = await api.database.orderStatusHistory.findMany({
      where: { orderId: other.body.order_id },
    });
    expect(history).toMatchObject([{ movedBy: `key:${ben.id}`, version: 1 }]);
  });

  it('cancels as a customer, staff as staff, and neither as the other', async () => {
    const cancel = async (who: string, json: object) => {
      const id = await orderOf(sides.mine, false);
      const reply = await api.call('POST', `/orders/${id}/cancel`, { json, headers: bearer(keys[who]!) });
      if (reply.status !== 200) return reply.status;
      const { body } = await api.call('GET', `/orders/${id}`, { headers: bearer(keys.admin!) });
      return `${body.history.at(-1).actor} ${body.cancel_reason}`;
    };
    expect(await cancel('customer', {})).toBe('CUSTOMER CUSTOMER');
    expect(await cancel('customer', { by: 'CUSTOMER' })).toBe('CUSTOMER CUSTOMER');
    expect(await cancel('customer', { by: 'STAFF' })).toBe(403);
    expect(await cancel('staff', {})).toBe('STAFF STAFF');
    expect(await cancel('staff', { by: 'CUSTOMER' })).toBe(403);
    expect(await cancel('admin', {})).toBe('CUSTOMER CUSTOMER');
    expect(await cancel('admin', { by: 'STAFF' })).toBe('STAFF STAFF');
  });
});

describe('who did it', () => {
  it('is kept with every change, shown to staff, and to a customer only of themselves', async () => {
    const customer = await giveKey(api.database, 'customer', { customerId: 'cora' });
    const staff = await giveKey(api.database, 'staff', { restaurantIds: [sides.mine.restaurant] });
    const as = ({ text }: { text: string }) => bearer(text);
    const { restaurant, item } = sides.mine;
    const items = [{ menu_item_id: item, quantity: 1 }];
    const placed = await api.call('POST', '/orders', {
      json: { restaurant_id: restaurant, items, draft: true },
      headers: as(customer),
    });
    const path = `/orders/${placed.body.order_id}`;
    await api.call('PUT', `${path}/items`, { json: { items }, headers: as(customer) });
    await api.call('POST', `${path}/approve`, { headers: as(customer) });
    await api.call('PATCH', `${path}/status`, { json: { status: 'CANCELLED' }, headers: as(staff) });
    const told = async (key: { text: string }) =>
      (await api.call('GET', path, { headers: as(key) })).body.history.map(({ by }: { by: string }) => by);
    const [c, s] = [`key:${customer.id}`, `key:${staff.id}`];
    expect(await told(staff)).toEqual([c, c, c, s]);
    expect(await told(customer)).toEqual([c, c, c, null]);
    const events = await api.database.outboxEvent.findMany({ where: { subject: placed.body.order_id } });
    expect(JSON.stringify(events.map(({ body }) => body))).not.toContain('key:');

    const adjusted = await api.call('POST', `/inventory/${item}/adjustments`, {
      json: { delta: -1, reason: 'Dropped' },
      headers: as(staff),
    });
    expect(adjusted.body.requested_by).toBe(s);
    const outcome = await api.call('GET', String(adjusted.headers.location).replace('/api/v1', ''), {
      headers: as(staff),
    });
    expect(outcome.body.requested_by).toBe(s);
  });
});
