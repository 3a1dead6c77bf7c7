import { openCardToken } from '../../shared/payment/card-token';
import { eventsAbout } from '../testing/order-events';
import { TEST_CARD_TOKEN_KEYS, type Reply } from '../testing/test-api';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([50, 50, 50]);

const aDraft = (lines: object[] = [{ menu_item_id: shop.items[0], quantity: 2 }]) =>
  shop.draft(lines, { customer_id: 'c-1' });
const anItem = async (name: string) =>
  (await shop.api.post(`/inventory/add/${shop.restaurantId}/item`, { name, price: 10, available_qty: 5 }))
    .body.menu_item_id as string;
const approve = (id: string, payment?: object) =>
  shop.api.post(`/orders/${id}/approve`, payment && { payment });
const eventsOf = (id: string) => eventsAbout(shop.api.database, id);
const tokensOf = (orderId: string) => shop.api.database.cardToken.findMany({ where: { orderId } });
const card = (token = 'tok_approved') => ({ method: 'CARD', token });

const cash = {
  method: 'CASH',
  state: 'ON_DELIVERY',
  decline_code: null,
  captured_amount: 0,
  refunded_amount: 0,
};

describe('approving a draft', () => {
  it('places it at the names and prices of now, under the correlation id of the approval', async () => {
    const [dal, naan] = [await anItem('Dal'), await anItem('Naan')];
    const id = await aDraft([
      { menu_item_id: naan, quantity: 3 },
      { menu_item_id: dal, quantity: 2 },
    ]);
    const draft = await shop.read(id);
    await shop.api.patch(`/inventory/${dal}`, { name: 'Dal makhani', price: '20.05' });
    await shop.api.database.menuItem.update({ where: { id: dal }, data: { sku: 'DAL' } });
    await shop.api.database.restaurant.update({
      where: { id: shop.restaurantId },
      data: { currency: 'EUR' },
    });
    const reply = await shop.api.call('POST', `/orders/${id}/approve`, {
      headers: { 'x-correlation-id': 'the-approval' },
    });
    await shop.api.database.restaurant.update({
      where: { id: shop.restaurantId },
      data: { currency: 'INR' },
    });

    expect(reply).toMatchObject({
      status: 202,
      headers: { location: `/api/v1/orders/${id}` },
      body: {
        order_id: id,
        status: 'PLACED',
        total_amount: 70.1,
        message: expect.stringContaining('placed'),
      },
    });
    const order = await shop.read(id);
    const lines = [
      { menu_item_id: naan, sku: null, name: 'Naan', quantity: 3, price: '10.00', note: null },
      { menu_item_id: dal, sku: 'DAL', name: 'Dal makhani', quantity: 2, price: '20.05', note: null },
    ];
    expect(order).toEqual({
      ...draft,
      status: 'PLACED',
      version: draft.version + 1,
      total_amount: 70.1,
      currency: 'EUR',
      items: lines,
      payment: { ...cash, amount: 70.1 },
      placed_at: order.updated_at,
      updated_at: expect.any(String),
      history: [
        ...draft.history,
        {
          version: draft.version + 1,
          from: 'DRAFT',
          to: 'PLACED',
          actor: 'CUSTOMER',
          by: null,
          reason: null,
          note: null,
          at: order.updated_at,
        },
      ],
    });
    const row = await shop.api.database.order.findUniqueOrThrow({ where: { id } });
    expect(row).toMatchObject({ correlationId: 'the-approval', placedAt: new Date(order.updated_at) });
    const [event, ...more] = await eventsOf(id);
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      source: '/order-api',
      type: 'order.placed.v1',
      subject: id,
      correlationid: 'the-approval',
    });
    expect(event?.data).toEqual({
      order_id: id,
      order_version: draft.version + 1,
      restaurant_id: shop.restaurantId,
      customer_id: 'c-1',
      items: lines.map(({ note: _, ...line }) => line),
      total_amount: 70.1,
      currency: 'EUR',
      payment_method: 'CASH',
      placed_at: order.updated_at,
    });
  });

  it('by card keeps the token, sealed for this order', async () => {
    const id = await aDraft();
    expect(await approve(id, card('tok_größer'))).toMatchObject({ status: 202, body: { status: 'PLACED' } });
    expect(await shop.read(id)).toMatchObject({ payment_method: 'CARD' });
    expect(await eventsOf(id)).toMatchObject([{ data: { payment_method: 'CARD' } }]);
    const [kept, ...more] = await tokensOf(id);
    expect(more).toEqual([]);
    expect(
      openCardToken(TEST_CARD_TOKEN_KEYS, id, {
        keyId: kept?.keyId ?? null,
        bytes: kept?.ciphertext ?? Buffer.alloc(0),
      }),
    ).toBe('tok_größer');
  });

  it.each([
    ['nothing', {}],
    ['an empty body', { json: {} }],
    ['CASH', { json: { payment: { method: 'CASH' } } }],
  ])('with %s is paid in cash', async (_, sent) => {
    const id = await aDraft();
    expect(await shop.api.call('POST', `/orders/${id}/approve`, sent)).toMatchObject({ status: 202 });
    expect(await eventsOf(id)).toMatchObject([{ data: { payment_method: 'CASH' } }]);
    expect(await tokensOf(id)).toEqual([]);
  });

  it('writes all of it or nothing, when a part cannot be written', async () => {
    for (const table of ['order_lines', 'card_tokens', 'order_status_history', 'orders', 'outbox_events']) {
      const id = await aDraft();
      const only = table === 'orders' ? "status <> 'PLACED'" : 'false';
      await shop.api.database.$executeRawUnsafe(
        `ALTER TABLE ${table} ADD CONSTRAINT refused CHECK (${only}) NOT VALID`,
      );
      const before = await shop.api.snapshot();
      await expect(approve(id, card())).rejects.toThrow(': 500 ');
      expect(await shop.api.snapshot()).toEqual(before);
      await shop.api.database.$executeRawUnsafe(`ALTER TABLE ${table} DROP CONSTRAINT refused`);
      expect(await approve(id, card())).toMatchObject({ status: 202 });
    }
  });

  it('is refused while something of it cannot be ordered, naming all that cannot, and changes nothing', async () => {
    const [off, gone, dear] = [await anItem('Off'), await anItem('Gone'), await anItem('Dear')];
    const id = await aDraft(
      [off, shop.items[0], gone, dear].map((menu_item_id) => ({ menu_item_id, quantity: 1 })),
    );
    await shop.api.patch(`/inventory/${off}`, { on_sale: false, name: 'Off the menu' });
    await shop.api.patch(`/inventory/${dear}`, { price: 99 });
    const item = await shop.api.database.menuItem.delete({ where: { id: gone } });
    const before = await shop.api.snapshot();
    const reply = await approve(id, card());
    expect(reply).toMatchObject({ status: 409, body: { type: 'urn:ordermesh:problem:not-orderable' } });
    expect(reply.body.items).toEqual([
      { menu_item_id: off, name: 'Off the menu', problem: 'is not on sale at the moment' },
      { menu_item_id: gone, name: 'Gone', problem: 'is no longer on the menu' },
    ]);
    expect(reply.body.detail).toContain('Off the menu is not on sale at the moment; Gone is no longer');
    expect(await shop.api.snapshot()).toEqual(before);

    await shop.api.database.menuItem.create({ data: item });
    expect((await approve(id)).body.items).toMatchObject([{ menu_item_id: off }]);
    await shop.api.patch(`/inventory/${off}`, { on_sale: true });
    expect(await approve(id)).toMatchObject({ status: 202, body: { total_amount: 219 } });
  });
});

describe('approving it again', () => {
  it.each(['PLACED', 'PREPARING', 'OUT_FOR_DELIVERY', 'DELIVERED', 'CANCELLED'] as const)(
    'answers that it is %s, and changes nothing, whatever it is to be paid by now',
    async (status) => {
      const id = await aDraft();
      await approve(id, card());
      const cancelReason = status === 'CANCELLED' ? 'PAYMENT_FAILED' : null;
      await shop.api.database.order.update({ where: { id }, data: { status, cancelReason } });
      await shop.api.patch(`/inventory/${shop.items[0]}`, { on_sale: false });
      const before = await shop.api.snapshot();
      for (const payment of [undefined, { method: 'CASH' }, card('tok_other')])
        expect(await approve(id, payment)).toMatchObject({
          status: 202,
          headers: { location: `/api/v1/orders/${id}` },
          body: { order_id: id, status, total_amount: 200, message: expect.stringContaining(status) },
        });
      expect(await approve(id, { method: 'CARD' })).toMatchObject({ status: 422 });
      expect(await shop.api.snapshot()).toEqual(before);
      await shop.api.patch(`/inventory/${shop.items[0]}`, { on_sale: true });
    },
  );

  it('is no way to approve what was never a draft, or was cancelled as one', async () => {
    const placed = await shop.api.post('/orders', {
      restaurant_id: shop.restaurantId,
      items: [{ sku: 'DISH-1', quantity: 1 }],
    });
    const cancelled = await aDraft();
    await shop.api.post(`/orders/${cancelled}/cancel`);
    const before = await shop.api.snapshot();
    for (const [id, current_status] of [
      [placed.body.order_id as string, 'PLACED'],
      [cancelled, 'CANCELLED'],
    ] as const)
      expect(await approve(id, card())).toMatchObject({
        status: 409,
        body: { type: 'urn:ordermesh:problem:not-a-draft', current_status },
      });
    expect(await shop.api.snapshot()).toEqual(before);
  });
});

describe('at the same time', () => {
  const many = (count: number, send: (index: number) => Promise<Reply>) =>
    Promise.all(Array.from({ length: count }, (_, index) => send(index)));
  const statuses = (replies: Reply[]) => [...new Set(replies.map(({ status }) => status))];

  it('20 approvals make one event, one move and one card token', async () => {
    // More than once: in the first round most of them still wait for a connection to be opened.
    for (let round = 0; round < 5; round += 1) {
      const id = await aDraft();
      const replies = await many(20, (index) => approve(id, card(`tok_${index}`)));
      expect(statuses(replies)).toEqual([202]);
      expect(replies.filter(({ body }) => String(body.message).includes('before'))).toHaveLength(19);
      expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['order.placed.v1']);
      expect(await tokensOf(id)).toHaveLength(1);
      expect((await shop.read(id)).history).toMatchObject([{ to: 'DRAFT' }, { to: 'PLACED' }]);
    }
  });

  it('20 approvals and 20 cancellations: it was placed and then cancelled, or never placed', async () => {
    const seen = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const id = await aDraft();
      // Who asks first differs from round to round.
      const replies = await many(40, (index) =>
        (index + round) % 2 ? shop.api.post(`/orders/${id}/cancel`) : approve(id, card()),
      );
      const approvals = replies.filter((_, index) => (index + round) % 2 === 0);
      const cancellations = replies.filter((_, index) => (index + round) % 2 === 1);
      expect(statuses(cancellations)).toEqual([200]);
      const moves = (await shop.read(id)).history.map((move: { to: string }) => move.to).join();
      const events = (await eventsOf(id)).map(({ type }) => type);
      seen.add(moves);
      if (moves === 'DRAFT,PLACED,CANCELLED') {
        expect(statuses(approvals)).toEqual([202]);
        expect(events).toEqual(['order.placed.v1', 'order.cancelled.v1']);
        expect(await tokensOf(id)).toHaveLength(1);
      } else {
        expect(moves).toBe('DRAFT,CANCELLED');
        expect(statuses(approvals)).toEqual([409]);
        expect(events).toEqual([]);
        expect(await tokensOf(id)).toEqual([]);
      }
    }
    expect(seen.size).toBeGreaterThan(0);
  });

  it('an approval among changes of the lines: what is announced is what the order has, then and for good', async () => {
    let refused = 0;
    for (let round = 0; round < 12; round += 1) {
      const id = await aDraft();
      const change = (quantity: number) =>
        shop.api.put(`/orders/${id}/items`, {
          items: shop.items.map((menu_item_id, index) => ({ menu_item_id, quantity: quantity + index })),
        });
      const replies = await many(12, (index) => (index === round ? approve(id) : change(10 + index)));
      expect(replies[round]?.status).toBe(202);
      const changes = replies.filter((_, index) => index !== round);
      expect(changes.every(({ status }) => status === 200 || status === 409)).toBe(true);
      refused += changes.filter(({ status }) => status === 409).length;
      const order = await shop.read(id);
      expect(order.status).toBe('PLACED');
      const [event, ...more] = await eventsOf(id);
      expect(more).toEqual([]);
      expect(event?.data).toMatchObject({
        items: order.items.map(({ note: _, ...line }: { note: null }) => line),
        total_amount: order.total_amount,
      });
      expect(replies[round]?.body.total_amount).toBe(order.total_amount);
      const quantities = order.items.map((line: { quantity: number }) => line.quantity) as number[];
      expect(order.total_amount).toBe(100 * quantities.reduce((sum, quantity) => sum + quantity, 0));
      const answered = changes.filter(({ status }) => status === 200);
      expect([{ items: [{ quantity: 2 }] }, ...answered.map(({ body }) => body)]).toContainEqual(
        expect.objectContaining({
          items: quantities.map((quantity) => expect.objectContaining({ quantity })),
        }),
      );
    }
    expect(refused).toBeGreaterThan(0);
  });

  it('an approval that waits for another sees what that one has done', async () => {
    const id = await aDraft();
    let second: Promise<Reply> | undefined;
    // The first holds the lock until the second is known to wait for it.
    await shop.api.database.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT id FROM orders WHERE id = ${id}::uuid FOR UPDATE`;
      second = approve(id, card());
      for (let waiting = 0; waiting === 0;) {
        const [row] = await shop.api.database.$queryRaw<{ count: number }[]>`
          SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
        waiting = row?.count ?? 0;
      }
      await tx.$executeRaw`UPDATE orders SET status = 'PLACED' WHERE id = ${id}::uuid`;
      await tx.$executeRaw`
        INSERT INTO order_status_history (order_id, from_status, to_status, actor)
        VALUES (${id}::uuid, 'DRAFT', 'PLACED', 'CUSTOMER')`;
    });
    expect(await second).toMatchObject({ status: 202, body: { status: 'PLACED' } });
    expect(await tokensOf(id)).toEqual([]);
  });
});
