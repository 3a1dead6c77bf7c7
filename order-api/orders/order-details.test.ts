import { newId } from '../../shared/ids';
import type { Event } from '../../shared/events/envelope';
import { eventsAbout } from '../testing/order-events';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([1_000, 1_000]);

const line = (more: object = {}) => ({ sku: 'DISH-1', quantity: 2, ...more });
const order = (more: object = {}) => ({ restaurant_id: shop.restaurantId, items: [line()], ...more });
const place = (more: object = {}) => shop.api.post('/orders', order(more));

describe('what a caller says of an order', () => {
  const said = {
    reference: 'WEB-1107',
    note: 'Ring twice.\nNo onions!',
    metadata: {
      campaign: 'autumn',
      Ünïcode: '🍛',
      empty: '',
      constructor: 'own',
      'a.b': ' kept to the letter ',
    },
  };

  it('is kept with an order and with a draft, and shown, alone and in lists', async () => {
    for (const more of [{}, { draft: true }]) {
      const { body } = await place({ ...said, ...more });
      expect(await shop.read(body.order_id)).toMatchObject(said);
      const listed = (await shop.api.get('/orders?reference=WEB-1107')).body.orders;
      expect(listed[0]).toMatchObject({ id: body.order_id, ...said });
    }
  });

  it('is null, and metadata empty, where nothing is said', async () => {
    const { body } = await place();
    expect(await shop.read(body.order_id)).toMatchObject({ reference: null, note: null, metadata: {} });
  });

  it('has its reference in the events of its life', async () => {
    const { body } = await place(said);
    await shop.api.post(`/orders/${body.order_id}/cancel`);
    const draft = await shop.draft(undefined, said);
    await shop.api.post(`/orders/${draft}/approve`);
    for (const id of [body.order_id, draft]) {
      const events = await eventsAbout(shop.api.database, id);
      expect(events.map(({ data }: Event) => (data as { reference?: string }).reference)).toEqual(
        events.map(() => 'WEB-1107'),
      );
    }
  });

  it.each([
    ['reference', '', '#/reference'],
    ['reference', 'x'.repeat(101), '#/reference'],
    ['note', 'x'.repeat(501), '#/note'],
    ['metadata', [], '#/metadata'],
    ['metadata', 'text', '#/metadata'],
    ['metadata', Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v'])), '#/metadata'],
    ['metadata', { ['k'.repeat(41)]: 'v' }, `#/metadata/${'k'.repeat(41)}`],
    ['metadata', { k: 'v'.repeat(501) }, '#/metadata/k'],
    ['metadata', { k: 5 }, '#/metadata/k'],
    ['metadata', { k: null }, '#/metadata/k'],
    ['metadata', { k: 'a\u0000b' }, '#/metadata/k'],
    ['metadata', { k: '\ud800' }, '#/metadata/k'],
    ['metadata', { '': 'v' }, '#/metadata/'],
  ])('%s as %j is refused', async (field, value, pointer) => {
    const before = await shop.api.snapshot();
    const reply = await place({ [field]: value });
    expect(reply.status).toBe(422);
    expect(reply.body.errors.map((error: { pointer: string }) => error.pointer)).toEqual([pointer]);
    expect(await shop.api.snapshot()).toEqual(before);
  });

  it('has no name that JavaScript means something by', async () => {
    const raw = JSON.stringify(order()).replace(/}$/, ',"metadata":{"__proto__":"x"}}');
    const reply = await shop.api.call('POST', '/orders', {
      raw,
      headers: { 'content-type': 'application/json' },
    });
    expect(reply).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/metadata/__proto__' }] } });
  });

  it('may be as much as Stripe lets it be', async () => {
    const metadata = Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`${n}`.padEnd(40, 'ü'), '🍛'.repeat(500)]),
    );
    const { body } = await place({ metadata });
    expect((await shop.read(body.order_id)).metadata).toEqual(metadata);
  });
});

describe('a note on a line', () => {
  it('is kept, also through the approval of a draft', async () => {
    const id = await shop.draft([line({ note: 'no onions' }), { sku: 'DISH-2', quantity: 1 }]);
    await shop.api.post(`/orders/${id}/approve`);
    expect((await shop.read(id)).items).toMatchObject([{ note: 'no onions' }, { note: null }]);
  });

  it('stays with how many it is for, where lines of one item are merged', async () => {
    const items = [
      line({ note: 'no onions' }),
      line({ quantity: 3 }),
      line({ quantity: 1, note: 'extra hot' }),
      line({ quantity: 1, note: 'no onions' }),
    ];
    const { body } = await place({ items });
    expect((await shop.read(body.order_id)).items).toMatchObject([
      { quantity: 7, note: '3 × no onions\n1 × extra hot' },
    ]);
  });
});

describe('expected_total', () => {
  it.each([200, '200', '200.00', 200.0])('%j places an order that comes to it', async (expected_total) => {
    expect((await place({ expected_total })).status).toBe(202);
  });

  it('places nothing where the menu now makes it another sum, and says what it is', async () => {
    const before = await shop.api.snapshot();
    const reply = await place({ expected_total: '199.99' });
    expect(reply).toMatchObject({
      status: 409,
      body: {
        type: 'urn:ordermesh:problem:price-changed',
        total_amount: 200,
        currency: 'INR',
        items: [{ name: 'Dish 1', quantity: 2, price: '100.00' }],
      },
    });
    expect(await shop.api.snapshot()).toEqual(before);
  });

  it('is heeded by an approval, which leaves the draft as it is', async () => {
    const id = await shop.draft();
    const before = await shop.api.snapshot();
    expect((await shop.api.post(`/orders/${id}/approve`, { expected_total: 99 })).status).toBe(409);
    expect(await shop.api.snapshot()).toEqual(before);
    expect((await shop.api.post(`/orders/${id}/approve`, { expected_total: 100 })).status).toBe(202);
  });

  it.each([-1, '1.234', 'x', 1e30, null, true])('as %j is refused', async (expected_total) => {
    expect(await place({ expected_total })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '#/expected_total' }] },
    });
  });
});

describe('where an order stands', () => {
  it('says what its payment is', async () => {
    const cash = await place();
    expect((await shop.read(cash.body.order_id)).payment).toEqual({
      method: 'CASH',
      state: 'ON_DELIVERY',
      decline_code: null,
      amount: 200,
      captured_amount: 0,
      refunded_amount: 0,
    });
    expect((await shop.read(await shop.draft())).payment).toBeNull();
    const { body } = await place({ payment: { method: 'CARD', token: 'tok_visa' } });
    const orderId = body.order_id as string;
    expect((await shop.read(orderId)).payment).toMatchObject({
      method: 'CARD',
      state: 'PENDING',
      amount: 200,
    });
    const { database } = shop.api;
    const facts = { orderId, amount: '200.00', currency: 'INR' };
    const payment = { id: newId(), restaurantId: shop.restaurantId, correlationId: 'c', ...facts };
    await database.payment.create({ data: { ...payment, state: 'REFUNDED' } });
    for (const kind of ['AUTHORIZED', 'CAPTURED', 'REFUNDED'])
      await database.paymentLedger.create({ data: { paymentId: payment.id, kind, ...facts } });
    const paid = { state: 'REFUNDED', captured_amount: 200, refunded_amount: 200 };
    expect((await shop.read(orderId)).payment).toMatchObject(paid);
    expect((await shop.api.get('/orders?limit=1')).body.orders[0].payment).toMatchObject(paid);
  });

  it('is not said to be what it was (304), when only its payment has moved since', async () => {
    const { body } = await place({ payment: { method: 'CARD', token: 'tok_visa' } });
    const orderId = body.order_id as string;
    const again = () => shop.api.call('GET', `/orders/${orderId}`, { headers: { 'if-none-match': '"1"' } });
    expect((await again()).status).toBe(304);
    const facts = { restaurantId: shop.restaurantId, amount: '200.00', currency: 'INR', correlationId: 'c' };
    await shop.api.database.payment.create({ data: { id: newId(), orderId, state: 'AUTHORIZED', ...facts } });
    expect(await again()).toMatchObject({ status: 200, body: { payment: { state: 'AUTHORIZED' } } });
    await shop.api.database.payment.update({
      where: { orderId },
      data: { updatedAt: new Date(Date.now() - 3_600_000) },
    });
    expect((await again()).status).toBe(304);
  });

  it('says in words why it was cancelled', async () => {
    const { body } = await place();
    expect((await shop.read(body.order_id)).cancel_message).toBeNull();
    await shop.api.post(`/orders/${body.order_id}/cancel`, { by: 'STAFF', note: 'The oven broke.' });
    expect((await shop.read(body.order_id)).cancel_message).toBe(
      'Cancelled by the restaurant: The oven broke.',
    );
  });
});

describe('a restaurant that takes no orders', () => {
  afterEach(() => shop.api.patch(`/restaurants/${shop.restaurantId}`, { accepting_orders: true }));
  const close = () => shop.api.patch(`/restaurants/${shop.restaurantId}`, { accepting_orders: false });

  it('has none placed and no draft approved, but goes on with those that are', async () => {
    const { body: earlier } = await place();
    const draft = await shop.draft();
    expect(await close()).toMatchObject({ status: 200, body: { accepting_orders: false } });
    const before = await shop.api.snapshot();
    for (const reply of [await place(), await shop.api.post(`/orders/${draft}/approve`)])
      expect(reply).toMatchObject({
        status: 409,
        body: { type: 'urn:ordermesh:problem:restaurant-closed' },
      });
    expect(await shop.api.snapshot()).toEqual(before);
    expect((await place({ draft: true })).status).toBe(201);
    expect((await shop.api.post(`/orders/${earlier.order_id}/cancel`)).status).toBe(200);
  });
});
