import { isEventType } from '../../shared/events/contracts';
import { parseMessage } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { checkLedger } from '../../shared/testing/seed';
import { startTestApi, type TestApi } from '../testing/test-api';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const aRestaurant = async (more: object = {}) =>
  (await api.post('/inventory/add/restaurant', { name: 'Tandoor', ...more })).body;
const addItem = (restaurantId: string, more: object = {}) =>
  api.post(`/inventory/add/${restaurantId}/item`, {
    name: 'Dal',
    price: '120.00',
    available_qty: 40,
    ...more,
  });

describe('restaurants', () => {
  it('are in India unless they say otherwise', async () => {
    const reply = await api.post('/inventory/add/restaurant', { name: 'Tandoor' });
    expect(reply).toMatchObject({
      status: 201,
      headers: { location: `/api/v1/restaurants/${reply.body.restaurant_id}/menu` },
      body: { name: 'Tandoor', currency: 'INR', locale: 'en-IN', time_zone: 'Asia/Kolkata', email: null },
    });
    const given = {
      name: 'Chez Zoë 🍷',
      currency: 'EUR',
      locale: 'fr-FR',
      time_zone: 'Europe/Paris',
      email: 'zoe@chez.example',
    };
    const added = await api.post('/inventory/add/restaurant', given);
    expect(added).toMatchObject({ status: 201, body: given });
    const listed = (await api.get('/restaurants?limit=200')).body.restaurants as object[];
    expect(listed.slice(-2)).toEqual([reply.body, added.body]);
  });

  it('give their currency to their orders', async () => {
    const { restaurant_id } = await aRestaurant({ currency: 'JPY' });
    await addItem(restaurant_id, { sku: 'A' });
    const { body } = await api.post('/orders', { restaurant_id, items: [{ sku: 'A', quantity: 1 }] });
    expect((await api.get(`/orders/${body.order_id}`)).body).toMatchObject({
      currency: 'JPY',
      total_amount: 120,
    });
  });

  it('are listed oldest first, each once', async () => {
    for (let count = 0; count < 7; count += 1) await aRestaurant({ name: `R${count}` });
    const all = await api.database.restaurant.findMany({ orderBy: { id: 'asc' } });
    const listed: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await api.get(`/restaurants?limit=3${cursor && `&cursor=${cursor}`}`);
      listed.push(...body.restaurants.map((one: { restaurant_id: string }) => one.restaurant_id));
      cursor = body.next_cursor as string | null;
    }
    expect(listed).toEqual(all.map(({ id }) => id));
  });
});

describe('items', () => {
  it('are there as soon as they are added, with stock, ledger and defaults', async () => {
    const { restaurant_id } = await aRestaurant();
    const reply = await addItem(restaurant_id);
    const id = reply.body.menu_item_id as string;
    expect(reply).toMatchObject({ status: 201, headers: { location: `/api/v1/inventory/${id}` } });
    expect(reply.body).toEqual({
      menu_item_id: id,
      restaurant_id,
      sku: null,
      name: 'Dal',
      price: '120.00',
      available_qty: 40,
      category: null,
      unit: null,
      low_stock_threshold: 10,
      on_sale: true,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect((await api.get(`/inventory/${id}`)).body).toEqual(reply.body);
    expect((await api.get(`/inventory/${id.toUpperCase()}`)).body).toEqual(reply.body);
    expect(await api.database.stockMovement.findMany({ where: { menuItemId: id } })).toMatchObject([
      { kind: 'OPENING', delta: 40, balance: 40 },
    ]);
    await checkLedger(api.database);
    expect(
      await api.post('/orders', { restaurant_id, items: [{ menu_item_id: id, quantity: 1 }] }),
    ).toMatchObject({ status: 202 });
  });

  it('may begin with no stock, and be named by a sku that is unique in its restaurant alone', async () => {
    const [a, b] = [await aRestaurant(), await aRestaurant()];
    const given = { sku: 'DAL-1', category: 'Mains', unit: 'bowl', low_stock_threshold: 0, available_qty: 0 };
    expect(await addItem(a.restaurant_id, given)).toMatchObject({ status: 201, body: given });
    expect(await addItem(b.restaurant_id, given)).toMatchObject({ status: 201 });
    expect(await addItem(a.restaurant_id, given)).toMatchObject({
      status: 409,
      body: {
        type: 'urn:ordermesh:problem:sku-taken',
        detail: expect.stringContaining('DAL-1'),
        errors: [{ pointer: '#/sku' }],
      },
    });
    expect([await addItem(a.restaurant_id), await addItem(a.restaurant_id)]).toMatchObject([
      { status: 201 },
      { status: 201 },
    ]);
  });

  it('with the same sku at the same moment: one is added, the others are refused', async () => {
    const { restaurant_id } = await aRestaurant();
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => addItem(restaurant_id, { sku: 'ONE' })),
    );
    const count = (status: number) => replies.filter((reply) => reply.status === status).length;
    expect([count(201), count(409)]).toEqual([1, 9]);
    expect((await api.get(`/restaurants/${restaurant_id}/menu`)).body.items).toHaveLength(1);
    await checkLedger(api.database);
  });

  it.each([
    [450, '450.00'],
    ['450', '450.00'],
    [0.1, '0.10'],
    ['0.05', '0.05'],
    [1e6, '1000000.00'],
    [1.1, '1.10'],
    [999999.99, '999999.99'],
    [0, '0.00'],
  ])('show the price %p as %s', async (price, shown) => {
    const { restaurant_id } = await aRestaurant();
    const reply = await addItem(restaurant_id, { price });
    expect(reply.body.price).toBe(shown);
    expect((await api.get(`/inventory/${reply.body.menu_item_id}`)).body.price).toBe(shown);
  });

  it('change in what is named alone', async () => {
    const { body } = await addItem((await aRestaurant()).restaurant_id, { sku: 'S', category: 'Mains' });
    const change = (members: object) => api.patch(`/inventory/${body.menu_item_id}`, members);
    const renamed = await change({ name: 'Dal makhani' });
    expect(renamed).toMatchObject({
      status: 200,
      body: { ...body, name: 'Dal makhani', updated_at: expect.any(String) },
    });
    expect(renamed.body.updated_at > body.updated_at).toBe(true);
    await change({ price: 1, low_stock_threshold: 3, on_sale: false });
    expect((await api.get(`/inventory/${body.menu_item_id}`)).body).toMatchObject({
      name: 'Dal makhani',
      price: '1.00',
      low_stock_threshold: 3,
      on_sale: false,
      available_qty: 40,
    });
  });
});

describe('a menu', () => {
  it("is the restaurant's own items, by category and name, those off sale included", async () => {
    const { restaurant_id } = await aRestaurant();
    await addItem((await aRestaurant()).restaurant_id);
    expect((await api.get(`/restaurants/${restaurant_id}/menu`)).body.items).toEqual([]);
    for (const [name, category] of [['Z'], ['Naan', 'Bread'], ['Dal', 'Mains'], ['Aloo', 'Mains']])
      await addItem(restaurant_id, { name, category });
    const { body } = await api.get(`/restaurants/${restaurant_id}/menu`);
    expect(body).toMatchObject({ restaurant_id, name: 'Tandoor', currency: 'INR' });
    expect(body.items.map((item: { name: string }) => item.name)).toEqual(['Naan', 'Aloo', 'Dal', 'Z']);
    await api.patch(`/inventory/${body.items[0].menu_item_id}`, { on_sale: false });
    expect((await api.get(`/restaurants/${restaurant_id}/menu`)).body.items[0]).toMatchObject({
      name: 'Naan',
      on_sale: false,
    });
  });
});

describe('an adjustment', () => {
  it('is asked for, changes no stock by itself, and can be read from the start', async () => {
    const item = (await addItem((await aRestaurant()).restaurant_id)).body.menu_item_id as string;
    const reply = await api.post(`/inventory/${item}/adjustments`, { delta: -5, reason: 'spoilt' });
    const id = reply.body.adjustment_id as string;
    const asked = { adjustment_id: id, menu_item_id: item, delta: -5, reason: 'spoilt' };
    expect(reply.status).toBe(202);
    expect(reply.body).toEqual({
      ...asked,
      requested_by: null,
      status: 'PENDING',
      rejection: null,
      available_qty: null,
      settled_at: null,
      requested_at: expect.any(String),
    });
    expect(reply.headers.location).toBe(`/api/v1/inventory/${item}/adjustments/${id}`);
    const read = async () => (await api.get(`/inventory/${item}/adjustments/${id}`)).body;
    expect(await read()).toEqual(reply.body);
    expect((await api.get(`/inventory/${item}`)).body.available_qty).toBe(40);

    const rows = await api.database.outboxEvent.findMany({ where: { subject: item } });
    expect(rows).toHaveLength(1);
    expect(parseMessage(Buffer.from(JSON.stringify(rows[0]?.body)), isEventType)).toMatchObject({
      ok: true,
      event: {
        type: 'inventory.adjustment.requested.v1',
        subject: item,
        correlationid: reply.headers['x-correlation-id'],
        data: asked,
      },
    });

    // What inventory-service writes when it has decided.
    await api.database.adjustmentOutcome.create({
      data: { adjustmentId: id, menuItemId: item, status: 'REJECTED', rejection: 'BELOW_ZERO', available: 3 },
    });
    expect(await read()).toEqual({
      ...reply.body,
      status: 'REJECTED',
      rejection: 'BELOW_ZERO',
      available_qty: 3,
      settled_at: expect.any(String),
    });

    // What a newer one writes.
    await api.database.adjustmentOutcome.update({
      where: { adjustmentId: id },
      data: { rejection: 'ITEM_WITHDRAWN' },
    });
    expect((await read()).rejection).toBe('ITEM_WITHDRAWN');
  });

  it('is not found under another item', async () => {
    const { restaurant_id } = await aRestaurant();
    const [a, b] = [
      (await addItem(restaurant_id)).body.menu_item_id,
      (await addItem(restaurant_id)).body.menu_item_id,
    ];
    const { body } = await api.post(`/inventory/${a}/adjustments`, {
      delta: 1_000_000_000,
      reason: 'restock',
    });
    expect((await api.get(`/inventory/${b}/adjustments/${body.adjustment_id}`)).status).toBe(404);
    expect((await api.get(`/inventory/${newId()}/adjustments/${body.adjustment_id}`)).status).toBe(404);
  });
});

describe('a price in a currency', () => {
  const restaurantIn = async (currency: string) =>
    (await api.post('/inventory/add/restaurant', { name: currency, currency })).body.restaurant_id as string;
  const item = { name: 'Onigiri', available_qty: 5 };

  it('has no more decimals than the currency', async () => {
    const tokyo = await restaurantIn('JPY');
    const refused = await api.post(`/inventory/add/${tokyo}/item`, { ...item, price: '100.50' });
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '#/price', detail: 'must be an amount in JPY, which has no decimals' }] },
    });
    const { body } = await api.post(`/inventory/add/${tokyo}/item`, { ...item, price: '100.00' });
    expect(await api.patch(`/inventory/${body.menu_item_id}`, { price: 99.5 })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '#/price' }] },
    });
    expect(await api.patch(`/inventory/${body.menu_item_id}`, { price: 99 })).toMatchObject({ status: 200 });
  });

  it('that was kept before that rule is not sold, and nobody is charged what there is no coin for', async () => {
    const tokyo = await restaurantIn('JPY');
    const { body } = await api.post(`/inventory/add/${tokyo}/item`, { ...item, price: 100 });
    await api.database.menuItem.update({ where: { id: body.menu_item_id }, data: { price: '100.50' } });
    const order = { restaurant_id: tokyo, items: [{ menu_item_id: body.menu_item_id, quantity: 2 }] };
    expect(await api.post('/orders', order)).toMatchObject({
      status: 422,
      body: { errors: [{ detail: expect.stringContaining('no amount in JPY') }] },
    });
  });

  it.each(['KWD', 'IQD', 'BHD', 'CLF', 'XAU', 'DEM', 'ABC', 'inr', ''])('%s is refused', async (currency) => {
    expect(await api.post('/inventory/add/restaurant', { name: 'x', currency })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '#/currency' }] },
    });
  });
});

describe('a menu', () => {
  let restaurantId: string;
  const names = ['Aloo', 'aloo gobi', 'Biryani', 'Çay', 'Dal', 'Dal', 'naan', 'Ä', '100% juice', 'a_b'];
  beforeAll(async () => {
    restaurantId = (await aRestaurant()).restaurant_id as string;
    for (const [index, name] of names.entries())
      for (const category of ['Mains', undefined, 'Breads'])
        await addItem(restaurantId, { name, category, sku: `${category}-${index}` });
  });
  interface Item {
    menu_item_id: string;
    name: string;
    category: string | null;
  }
  const walk = async (query: string) => {
    const items: Item[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await api.get(
        `/restaurants/${restaurantId}/menu?${query}${cursor && `&cursor=${cursor}`}`,
      );
      items.push(...(body.items as Item[]));
      cursor = body.next_cursor as string | null;
    }
    return items;
  };

  it.each([1, 4, 30, 200])(
    'comes by category, those without one last, %d at a time, each item once',
    async (limit) => {
      const items = await walk(`limit=${limit}`);
      expect(items.map(({ category }) => category)).toEqual([
        ...names.map(() => 'Breads'),
        ...names.map(() => 'Mains'),
        ...names.map(() => null),
      ]);
      expect(new Set(items.map(({ menu_item_id }) => menu_item_id)).size).toBe(30);
      expect(items).toEqual(await walk('limit=200'));
    },
  );

  it('is searched by a part of the name, to the letter, and by sku', async () => {
    expect((await walk('name=ALOO&limit=2')).map(({ name }) => name)).toHaveLength(6);
    for (const [part, found] of [
      ['%', 3],
      ['_', 3],
      ['çA', 3],
      ['x', 0],
      ["'", 0],
    ] as const)
      expect(await walk(`name=${encodeURIComponent(part)}`)).toHaveLength(found);
    expect(await walk('sku=Mains-4')).toMatchObject([{ name: 'Dal', category: 'Mains' }]);
    expect(await walk('sku=mains-4&name=Dal')).toEqual([]);
  });

  it('stays whole while items are added and changed between its pages', async () => {
    const all = (await walk('limit=200')).map(({ menu_item_id }) => menu_item_id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body } = await api.get(
        `/restaurants/${restaurantId}/menu?limit=5${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...body.items.map((item: Item) => item.menu_item_id));
      cursor = body.next_cursor as string | null;
      await addItem(restaurantId, { name: 'Aardvark', category: 'Appetisers' });
    }
    expect(seen).toEqual(all);
  });
});

describe('changing', () => {
  it("an item's sku, category and unit, and taking them away", async () => {
    const { restaurant_id } = await aRestaurant();
    const { body } = await addItem(restaurant_id, { sku: 'A', category: 'Mains', unit: 'plate' });
    const change = (to: object) => api.patch(`/inventory/${body.menu_item_id}`, to);
    expect(await change({ sku: 'B', category: 'Curries', unit: 'bowl' })).toMatchObject({
      status: 200,
      body: { sku: 'B', category: 'Curries', unit: 'bowl' },
    });
    const order = (sku: string) => api.post('/orders', { restaurant_id, items: [{ sku, quantity: 1 }] });
    expect([(await order('A')).status, (await order('B')).status]).toEqual([422, 202]);
    expect(await change({ sku: null, category: null, unit: null })).toMatchObject({
      status: 200,
      body: { sku: null, category: null, unit: null, name: 'Dal' },
    });
    await addItem(restaurant_id, { sku: 'C' });
    expect(await change({ sku: 'C' })).toMatchObject({
      status: 409,
      body: { type: 'urn:ordermesh:problem:sku-taken', errors: [{ pointer: '#/sku' }] },
    });
  });

  it('a restaurant', async () => {
    const { restaurant_id, ...added } = await aRestaurant({ email: 'a@b.example' });
    const path = `/restaurants/${restaurant_id}`;
    expect(await api.get(path)).toMatchObject({ status: 200, body: { restaurant_id, ...added } });
    expect((await api.patch(path, { name: 'Tandoor 2', email: null, accepting_orders: false })).body).toEqual(
      {
        ...added,
        restaurant_id,
        name: 'Tandoor 2',
        email: null,
        accepting_orders: false,
      },
    );
    expect((await api.get(path)).body.name).toBe('Tandoor 2');
    for (const [body, pointer] of [
      [{}, '#'],
      [{ name: null }, '#/name'],
      [{ email: 'x' }, '#/email'],
      [{ accepting_orders: 'no' }, '#/accepting_orders'],
      [{ currency: 'EUR', name: 'x' }, '#/currency'],
    ] as const)
      expect(await api.patch(path, body)).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    expect((await api.patch(`/restaurants/${newId()}`, { name: 'x' })).status).toBe(404);
    expect((await api.get(`/restaurants/${newId()}`)).status).toBe(404);
  });
});
