import { newId } from '../../shared/ids';
import { eventsAbout } from '../testing/order-events';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([50, 50, 50]);

const draftOf = (lines: object[], more: object = {}) =>
  shop.api.post('/orders', { restaurant_id: shop.restaurantId, items: lines, draft: true, ...more });
const row = (id: string) =>
  shop.api.database.order.findUniqueOrThrow({ where: { id }, include: { lines: true } });

describe('drafting an order', () => {
  it('keeps it with its lines and prices, and tells nobody', async () => {
    const reply = await draftOf(
      [
        { menu_item_id: shop.items[0], quantity: 2 },
        { sku: 'DISH-2', quantity: 1 },
        { sku: 'DISH-1', quantity: 1 },
      ],
      {
        customer_id: 'c-1',
        email: 'a@b.example',
        delivery_address: '1 MG Road',
        payment: { method: 'CASH' },
      },
    );
    const id = reply.body.order_id as string;
    expect(reply).toMatchObject({
      status: 201,
      headers: { location: `/api/v1/orders/${id}` },
      body: { order_id: id, status: 'DRAFT', total_amount: 400, message: expect.stringContaining('draft') },
    });
    const draft = await shop.read(id);
    expect(draft).toMatchObject({
      status: 'DRAFT',
      customer_id: 'c-1',
      email: 'a@b.example',
      delivery_address: '1 MG Road',
      total_amount: 400,
      payment_method: 'CASH',
      items: [
        { menu_item_id: shop.items[0], quantity: 3, price: '100.00' },
        { menu_item_id: shop.items[1], quantity: 1, price: '100.00' },
      ],
      history: [
        { from: null, to: 'DRAFT', actor: 'CUSTOMER', reason: null, note: null, at: draft.created_at },
      ],
    });
    expect(await row(id)).toMatchObject({
      placedAt: null,
      correlationId: reply.headers['x-correlation-id'],
    });
    expect(await eventsAbout(shop.api.database, id)).toEqual([]);
    expect((await shop.api.get('/orders?status=DRAFT&limit=1')).body.orders).toMatchObject([{ id }]);
  });

  it('with draft: false places it', async () => {
    const reply = await draftOf([{ sku: 'DISH-1', quantity: 1 }], { draft: false });
    expect(reply).toMatchObject({ status: 202, body: { status: 'PLACED' } });
    expect(await eventsAbout(shop.api.database, reply.body.order_id)).toHaveLength(1);
  });

  it('writes all of it or nothing, when a part cannot be written', async () => {
    for (const table of ['order_lines', 'order_status_history']) {
      await shop.api.database.$executeRawUnsafe(
        `ALTER TABLE ${table} ADD CONSTRAINT refused CHECK (false) NOT VALID`,
      );
      const before = await shop.api.snapshot();
      await expect(draftOf([{ sku: 'DISH-1', quantity: 1 }])).rejects.toThrow(': 500 ');
      expect(await shop.api.snapshot()).toEqual(before);
      await shop.api.database.$executeRawUnsafe(`ALTER TABLE ${table} DROP CONSTRAINT refused`);
    }
  });
});

describe("changing a draft's lines", () => {
  const change = (id: string, lines: object[]) => shop.api.put(`/orders/${id}/items`, { items: lines });

  it('replaces them all, merged and at the prices of now, and answers what GET shows', async () => {
    const id = await shop.draft();
    const before = await shop.read(id);
    const { body: dear } = await shop.api.post(`/inventory/add/${shop.restaurantId}/item`, {
      name: 'Thali',
      price: '0.10',
      available_qty: 5,
    });
    await shop.api.patch(`/inventory/${dear.menu_item_id}`, { price: '0.15' });
    const reply = await change(id, [
      { sku: 'DISH-3', quantity: 1 },
      { menu_item_id: dear.menu_item_id, quantity: 1 },
      { menu_item_id: shop.items[0], quantity: 5 },
      { menu_item_id: shop.items[2], quantity: 2 },
    ]);
    expect(reply).toMatchObject({
      status: 200,
      body: {
        id,
        status: 'DRAFT',
        total_amount: 800.15,
        items: [
          { sku: 'DISH-3', quantity: 3 },
          { name: 'Thali', quantity: 1, price: '0.15' },
          { sku: 'DISH-1', quantity: 5 },
        ],
        created_at: before.created_at,
        history: [
          ...before.history,
          {
            version: 2,
            from: 'DRAFT',
            to: 'DRAFT',
            actor: 'CUSTOMER',
            reason: null,
            note: null,
            at: reply.body.updated_at,
          },
        ],
      },
    });
    expect(reply.body.updated_at > before.updated_at).toBe(true);
    expect(await shop.read(id)).toEqual(reply.body);
    expect(await eventsAbout(shop.api.database, id)).toEqual([]);
    // Again the same, and then something else: what was there before is no part of it.
    expect((await change(id, [{ sku: 'DISH-3', quantity: 3 }])).body.items).toHaveLength(1);
    expect((await shop.read(id)).total_amount).toBe(300);
  });

  it.each(['PLACED', 'PREPARING', 'OUT_FOR_DELIVERY', 'DELIVERED', 'CANCELLED'] as const)(
    'is refused once it is %s',
    async (status) => {
      const id = await shop.draft();
      const cancelReason = status === 'CANCELLED' ? 'CUSTOMER' : null;
      await shop.api.database.order.update({ where: { id }, data: { status, cancelReason } });
      const before = await shop.api.snapshot();
      expect(await change(id, [{ sku: 'DISH-2', quantity: 7 }])).toMatchObject({
        status: 409,
        body: { type: 'urn:ordermesh:problem:not-a-draft', current_status: status },
      });
      expect(await shop.api.snapshot()).toEqual(before);
    },
  );

  it('by many at once leaves the lines of one of them, with their total', async () => {
    const id = await shop.draft();
    const lines = (index: number) =>
      shop.items.map((menu_item_id, of) => ({ menu_item_id, quantity: 1 + ((index + of) % 7) + index }));
    const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => change(id, lines(index))));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const { items: left, total_amount } = await shop.read(id);
    const quantities = left.map((line: { quantity: number }) => line.quantity) as number[];
    expect(
      Array.from({ length: 20 }, (_, index) => lines(index).map((line) => line.quantity)),
    ).toContainEqual(quantities);
    expect(total_amount).toBe(100 * quantities.reduce((sum, quantity) => sum + quantity, 0));
  });

  it('is never seen half done', async () => {
    const id = await shop.draft();
    let changing = true;
    const changes = (async () => {
      for (let round = 1; round <= 40; round += 1) {
        const { status } = await change(
          id,
          shop.items.map((menu_item_id) => ({ menu_item_id, quantity: round })),
        );
        expect(status).toBe(200);
      }
      changing = false;
    })();
    interface Seen {
      id: string;
      total_amount: number;
      items: { quantity: number }[];
    }
    const whole = (order: Seen) =>
      expect(order.total_amount).toBe(100 * order.items.reduce((sum, line) => sum + line.quantity, 0));
    const look = async () => {
      while (changing) {
        whole(await shop.read(id));
        for (const order of (await shop.api.get('/orders?status=DRAFT&limit=5')).body.orders as Seen[])
          if (order.id === id) whole(order);
      }
    };
    await Promise.all([changes, look(), look()]);
  });
});

describe('the end of a draft', () => {
  it.each([
    ['cancel', 'CUSTOMER', (id: string) => shop.api.post(`/orders/${id}/cancel`)],
    ['cancel by STAFF', 'STAFF', (id: string) => shop.api.post(`/orders/${id}/cancel`, { by: 'STAFF' })],
    ['PATCH', 'STAFF', (id: string) => shop.api.patch(`/orders/${id}/status`, { status: 'CANCELLED' })],
  ])('by %s is history, and no event', async (_, by, cancel) => {
    const id = await shop.draft();
    expect(await cancel(id)).toMatchObject({ status: 200, body: { status: 'CANCELLED' } });
    expect(await cancel(id)).toMatchObject({
      status: 200,
      body: { message: expect.stringContaining('already') },
    });
    expect(await shop.read(id)).toMatchObject({
      status: 'CANCELLED',
      cancel_reason: by,
      history: [{ to: 'DRAFT' }, { from: 'DRAFT', to: 'CANCELLED', actor: by, reason: by }],
    });
    expect(await eventsAbout(shop.api.database, id)).toEqual([]);
    expect(await row(id)).toMatchObject({ placedAt: null });
  });

  it.each(['PLACED', 'PREPARING', 'OUT_FOR_DELIVERY', 'DELIVERED'])('cannot be PATCH %s', async (status) => {
    const id = await shop.draft();
    const before = await shop.api.snapshot();
    expect(await shop.api.patch(`/orders/${id}/status`, { status })).toMatchObject({
      status: 409,
      body: { type: 'urn:ordermesh:problem:illegal-move', current_status: 'DRAFT' },
    });
    expect(await shop.api.snapshot()).toEqual(before);
  });
});

it('an unknown order has no lines to change, and none to approve', async () => {
  const id = newId();
  expect(
    await shop.api.put(`/orders/${id}/items`, { items: [{ sku: 'DISH-1', quantity: 1 }] }),
  ).toMatchObject({
    status: 404,
  });
  expect(await shop.api.post(`/orders/${id}/approve`)).toMatchObject({ status: 404 });
});
