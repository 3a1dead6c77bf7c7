import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { isUuid, newId } from '../../shared/ids';
import { eventsAbout } from '../testing/order-events';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([50, 50]);

async function anItem(price: string | number, more: object = {}): Promise<string> {
  const reply = await shop.api.post(`/inventory/add/${shop.restaurantId}/item`, {
    name: 'Thali',
    price,
    available_qty: 5,
    ...more,
  });
  return reply.body.menu_item_id as string;
}

const place = (lines: object[], more: object = {}) =>
  shop.api.post('/orders', { restaurant_id: shop.restaurantId, items: lines, ...more });

const eventsOf = (orderId: string) => eventsAbout(shop.api.database, orderId);

describe('placing an order', () => {
  it('answers as the contract says, and writes order, lines, history and event', async () => {
    const reply = await place(
      [
        { menu_item_id: shop.items[0], quantity: 2 },
        { sku: 'DISH-2', quantity: 1 },
      ],
      { customer_id: 'c-1', email: 'a@b.example', delivery_address: { street: '1 MG Road', city: 'Pune' } },
    );
    const id = reply.body.order_id as string;
    expect(reply).toMatchObject({ status: 202, headers: { location: `/api/v1/orders/${id}` } });
    expect(reply.text).toContain('"status":"PLACED","total_amount":300,"message":');

    const order = await shop.api.get(String(reply.headers.location).replace('/api/v1', ''));
    expect(order.body).toEqual({
      id,
      restaurant_id: shop.restaurantId,
      customer_id: 'c-1',
      email: 'a@b.example',
      delivery_address: { street: '1 MG Road', city: 'Pune' },
      status: 'PLACED',
      version: 1,
      cancel_reason: null,
      cancel_message: null,
      reference: null,
      note: null,
      metadata: {},
      payment: {
        method: 'CASH',
        state: 'ON_DELIVERY',
        decline_code: null,
        amount: 300,
        captured_amount: 0,
        refunded_amount: 0,
      },
      total_amount: 300,
      currency: 'INR',
      payment_method: 'CASH',
      items: [
        {
          menu_item_id: shop.items[0],
          sku: 'DISH-1',
          name: 'Dish 1',
          quantity: 2,
          price: '100.00',
          note: null,
        },
        {
          menu_item_id: shop.items[1],
          sku: 'DISH-2',
          name: 'Dish 2',
          quantity: 1,
          price: '100.00',
          note: null,
        },
      ],
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      placed_at: order.body.created_at,
      updated_at: order.body.created_at,
      history: [
        {
          version: 1,
          from: null,
          to: 'PLACED',
          actor: 'CUSTOMER',
          by: null,
          reason: null,
          note: null,
          at: order.body.created_at,
        },
      ],
    });

    const [event, ...more] = await eventsOf(id);
    expect(more).toEqual([]);
    expect(event).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      source: '/order-api',
      type: 'order.placed.v1',
      subject: id,
      time: expect.any(String),
      datacontenttype: 'application/json',
      correlationid: reply.headers['x-correlation-id'],
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/),
      data: {
        order_id: id,
        order_version: 1,
        restaurant_id: shop.restaurantId,
        customer_id: 'c-1',
        items: [
          { menu_item_id: shop.items[0], sku: 'DISH-1', name: 'Dish 1', quantity: 2, price: '100.00' },
          { menu_item_id: shop.items[1], sku: 'DISH-2', name: 'Dish 2', quantity: 1, price: '100.00' },
        ],
        total_amount: 300,
        currency: 'INR',
        payment_method: 'CASH',
        placed_at: order.body.created_at,
      },
    });
    // What identifies a person is read where it is needed, and is in no event.
    expect(JSON.stringify(event)).not.toContain('a@b.example');
  });

  it('keeps what is optional as null where it is not given, and an address in one string as it is', async () => {
    const bare = await place([{ sku: 'DISH-1', quantity: 1 }]);
    expect((await shop.api.get(`/orders/${bare.body.order_id}`)).body).toMatchObject({
      customer_id: null,
      email: null,
      delivery_address: null,
    });
    const address = '12, “Rose” Villa\nपुणे 🍛 \\ "x"';
    const placed = await place([{ sku: 'DISH-1', quantity: 1 }], {
      delivery_address: address,
      customer_id: "Rob'); DROP TABLE orders;--",
    });
    expect((await shop.api.get(`/orders/${placed.body.order_id}`)).body).toMatchObject({
      delivery_address: address,
      customer_id: "Rob'); DROP TABLE orders;--",
    });
  });

  it('writes all of it or nothing, when a part cannot be written', async () => {
    const { database } = shop.api;
    for (const table of ['order_lines', 'order_status_history', 'outbox_events']) {
      await database.$executeRawUnsafe(`ALTER TABLE ${table} ADD CONSTRAINT refused CHECK (false) NOT VALID`);
      const before = await shop.api.snapshot();
      const reply = await shop.api
        .call('POST', '/orders', {
          json: { restaurant_id: shop.restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] },
        })
        .catch(String);
      expect(JSON.stringify(reply)).toContain('500');
      expect(await shop.api.snapshot()).toEqual(before);
      await database.$executeRawUnsafe(`ALTER TABLE ${table} DROP CONSTRAINT refused`);
    }
  });

  it('merges lines of the same item, by id, by id in capitals and by sku, in the order of first mention', async () => {
    const reply = await place([
      { sku: 'DISH-2', quantity: 1 },
      { menu_item_id: shop.items[0], quantity: 2 },
      { menu_item_id: shop.items[1]?.toUpperCase(), quantity: 3 },
      { sku: 'DISH-1', quantity: 4 },
    ]);
    const { body } = await shop.api.get(`/orders/${reply.body.order_id}`);
    expect(body.items).toMatchObject([
      { menu_item_id: shop.items[1], quantity: 4 },
      { menu_item_id: shop.items[0], quantity: 6 },
    ]);
    expect(body.total_amount).toBe(1000);
  });

  it('takes 100 lines, and the greatest amount that they can come to', async () => {
    const dear = await anItem('1000000.00');
    const reply = await place(Array.from({ length: 100 }, () => ({ menu_item_id: dear, quantity: 100_000 })));
    expect(reply).toMatchObject({ status: 202, body: { total_amount: 10_000_000_000_000 } });
    expect((await shop.api.get(`/orders/${reply.body.order_id}`)).body.total_amount).toBe(10_000_000_000_000);
    expect(await eventsOf(reply.body.order_id)).toHaveLength(1);
  });

  it('takes an item that costs nothing', async () => {
    expect(await place([{ menu_item_id: await anItem(0), quantity: 1 }])).toMatchObject({
      status: 202,
      body: { total_amount: 0 },
    });
  });
});

describe('the total', () => {
  it('is 0.3 for 0.1 and 0.2', async () => {
    const [a, b] = [await anItem('0.10'), await anItem(0.2)];
    const reply = await place([
      { menu_item_id: a, quantity: 1 },
      { menu_item_id: b, quantity: 1 },
    ]);
    expect(reply.text).toContain('"total_amount":0.3,');
  });

  it('is exact where adding up binary fractions would be a paisa off, rounded or not', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => ({
      id: newId(),
      price: new Decimal('999999.99').minus(new Decimal('0.12').times(index)).toFixed(2),
      quantity: 99_999 - index,
    }));
    expect(lines.reduce((sum, line) => sum + Number(line.price) * line.quantity, 0).toFixed(2)).toBe(
      '9994890540046.51',
    );
    const menu = lines.map(({ id, price }) => ({
      id,
      restaurantId: shop.restaurantId,
      name: 'Thali',
      price,
    }));
    await shop.api.database.menuItem.createMany({ data: menu });
    const reply = await place(lines.map(({ id, quantity }) => ({ menu_item_id: id, quantity })));
    expect(reply.body.total_amount).toBe(9994890540046.5);
  });

  it('is the exact sum of price × quantity, in the answer, the row and the event', async () => {
    const line = fc.record({
      cents: fc.integer({ min: 0, max: 100_000_000 }),
      quantity: fc.integer({ min: 1, max: 100_000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), async (lines) => {
        const priced = lines.map(({ cents, quantity }) => ({
          id: newId(),
          price: new Decimal(cents).div(100).toFixed(2),
          quantity,
        }));
        await shop.api.database.menuItem.createMany({
          data: priced.map(({ id, price }) => ({
            id,
            restaurantId: shop.restaurantId,
            name: 'Thali',
            price,
          })),
        });
        const expected = priced.reduce(
          (sum, { price, quantity }) => sum.plus(new Decimal(price).times(quantity)),
          new Decimal(0),
        );
        const reply = await place(priced.map(({ id, quantity }) => ({ menu_item_id: id, quantity })));
        const id = reply.body.order_id as string;
        expect(reply.text).toContain(`"total_amount":${expected.toFixed()},`);
        const row = await shop.api.database.order.findUniqueOrThrow({
          where: { id },
          include: { lines: true },
        });
        expect(row.totalAmount.toFixed(2)).toBe(expected.toFixed(2));
        const fromRows = row.lines.reduce(
          (sum, each) => sum.plus(new Decimal(each.price.toFixed(2)).times(each.quantity)),
          new Decimal(0),
        );
        expect(fromRows.toFixed(2)).toBe(expected.toFixed(2));
        expect((await eventsOf(id))[0]?.data).toMatchObject({
          total_amount: Number(expected),
          items: priced.map(({ price }) => ({ price })),
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe('the menu of the moment', () => {
  it('gives an order its name and price, whatever the menu says later', async () => {
    const id = await anItem('120.00', { name: 'Lassi' });
    const first = await place([{ menu_item_id: id, quantity: 1 }]);
    expect(await shop.api.patch(`/inventory/${id}`, { price: 150.5, name: 'Mango lassi' })).toMatchObject({
      status: 200,
      body: { price: '150.50' },
    });
    const second = await place([{ menu_item_id: id, quantity: 2 }]);
    const shown = async (orderId: string) => (await shop.api.get(`/orders/${orderId}`)).body;
    expect(await shown(first.body.order_id)).toMatchObject({
      total_amount: 120,
      items: [{ name: 'Lassi', price: '120.00' }],
    });
    expect(await shown(second.body.order_id)).toMatchObject({
      total_amount: 301,
      items: [{ name: 'Mango lassi', price: '150.50' }],
    });
  });

  it('sells what is off sale no more, until it is on sale again', async () => {
    const id = await anItem(10);
    const line = { menu_item_id: id, quantity: 1 };
    await shop.api.patch(`/inventory/${id}`, { on_sale: false });
    expect(await place([line])).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '#/items/0/menu_item_id' }] },
    });
    await shop.api.patch(`/inventory/${id}`, { on_sale: true });
    expect(await place([line])).toMatchObject({ status: 202 });
  });
});

describe('the correlation id', () => {
  const placeAs = (headers: Record<string, string | string[]>) =>
    shop.api.call('POST', '/orders', {
      json: { restaurant_id: shop.restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] },
      headers,
    });

  it.each(['abc', 'x'.repeat(128), '!#$%&\'*+-.^_`|~/"{}'])(
    '%s is taken, returned, and in the event',
    async (given) => {
      const reply = await placeAs({ 'x-correlation-id': given });
      expect(reply.headers['x-correlation-id']).toBe(given);
      expect(await eventsOf(reply.body.order_id)).toMatchObject([{ correlationid: given }]);
      expect(await shop.api.database.order.findUnique({ where: { id: reply.body.order_id } })).toMatchObject({
        correlationId: given,
      });
    },
  );

  it.each([
    ['nothing', {}],
    ['', { 'x-correlation-id': '' }],
    ['129 characters', { 'x-correlation-id': 'x'.repeat(129) }],
    ['a space', { 'x-correlation-id': 'a b' }],
    ['two of them', { 'x-correlation-id': ['a', 'b'] }],
    ['beyond ASCII', { 'x-correlation-id': 'caf\u00e9' }],
  ])('%s gets a new one', async (_, headers) => {
    const reply = await placeAs(headers as Record<string, string | string[]>);
    expect(isUuid(reply.headers['x-correlation-id'])).toBe(true);
    expect(await eventsOf(reply.body.order_id)).toMatchObject([
      { correlationid: reply.headers['x-correlation-id'] },
    ]);
  });

  it('is in a problem too', async () => {
    const reply = await shop.api.call('POST', '/orders', {
      json: {},
      headers: { 'x-correlation-id': 'mine' },
    });
    expect(reply).toMatchObject({
      status: 422,
      headers: { 'x-correlation-id': 'mine' },
      body: { correlation_id: 'mine' },
    });
  });

  it('comes with the trace of the request, continued', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const reply = await placeAs({ traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    const [event] = await eventsOf(reply.body.order_id);
    expect(event?.traceparent).toMatch(new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  });
});
