import { newId } from '../../shared/ids';
import { decideMove, orderStatuses, type OrderStatus } from '../../shared/lifecycle/order-lifecycle';
import { seedMenu } from '../../shared/testing/seed';
import { eventsAbout } from '../testing/order-events';
import { startTestApi, type TestApi } from '../testing/test-api';

let api: TestApi;
let restaurantId: string;
let items: string[];

beforeAll(async () => {
  api = await startTestApi();
  ({ restaurantId, items } = await seedMenu(api.database, [50]));
});
afterAll(() => api.stop());

/** An order as the mesh may have left it. */
async function anOrder(status: OrderStatus): Promise<string> {
  const id = newId();
  await api.database.order.create({
    data: {
      id,
      restaurantId,
      customerId: 'c-1',
      status,
      currency: 'INR',
      totalAmount: '900.00',
      cancelReason: status === 'CANCELLED' ? 'OUT_OF_STOCK' : null,
      correlationId: 'the placing',
      lines: {
        create: {
          menuItemId: items[0] ?? '',
          position: 0,
          sku: 'DISH-1',
          name: 'Dal',
          price: '450.00',
          quantity: 2,
        },
      },
    },
  });
  return id;
}

const eventsOf = (orderId: string) => eventsAbout(api.database, orderId);

const read = async (id: string) => (await api.get(`/orders/${id}`)).body;

/** Every request that can move an order, with who then moves it, and where to. */
const requests = [
  ...orderStatuses.map((to) => ({
    name: `PATCH ${to}`,
    to,
    actor: 'STAFF' as const,
    send: (id: string) => api.patch(`/orders/${id}/status`, { status: to }),
  })),
  {
    name: 'cancel',
    to: 'CANCELLED' as const,
    actor: 'CUSTOMER' as const,
    send: (id: string) => api.post(`/orders/${id}/cancel`),
  },
  {
    name: 'cancel by STAFF',
    to: 'CANCELLED' as const,
    actor: 'STAFF' as const,
    send: (id: string) => api.post(`/orders/${id}/cancel`, { by: 'STAFF', note: 'closed' }),
  },
];
const cells = orderStatuses.flatMap((from) => requests.map((request) => ({ from, ...request })));

describe('each status × request', () => {
  it.each(cells)('$from, $name', async ({ from, to, actor, name, send }) => {
    const id = await anOrder(from);
    const before = await api.snapshot();
    const reply = await send(id);
    // The one move of the table that these requests may not make: approving a draft is more than a move.
    const decision =
      from === 'DRAFT' && to === 'PLACED'
        ? { kind: 'illegal' as const, allowed: ['CANCELLED'] }
        : decideMove(from, to, actor);

    if (decision.kind === 'move') {
      expect(reply).toMatchObject({
        status: 200,
        body: { order_id: id, status: to, message: expect.stringContaining('is now') },
      });
      const order = await read(id);
      const reason = to === 'CANCELLED' ? actor : null;
      const note = name === 'cancel by STAFF' ? 'closed' : null;
      expect(order).toMatchObject({
        status: to,
        cancel_reason: reason,
        history: [{ from, to, actor, reason, note }],
      });
      const events = await eventsOf(id);
      if (from === 'DRAFT') return expect(events).toEqual([]);
      const facts = {
        order_id: id,
        restaurant_id: restaurantId,
        customer_id: 'c-1',
        previous_status: from,
        actor,
      };
      const cancelled = {
        reason: actor,
        total_amount: 900,
        currency: 'INR',
        items: [{ menu_item_id: items[0], sku: 'DISH-1', name: 'Dal', price: '450.00', quantity: 2 }],
      };
      expect(events).toMatchObject([
        {
          type: to === 'CANCELLED' ? 'order.cancelled.v1' : `order.status.${to.toLowerCase()}.v1`,
          source: '/order-api',
          correlationid: reply.headers['x-correlation-id'],
          data: to === 'CANCELLED' ? { ...facts, ...cancelled } : { ...facts, status: to },
        },
      ]);
      const again = await api.snapshot();
      expect(await send(id)).toMatchObject({
        status: 200,
        body: { status: to, message: expect.stringContaining('already') },
      });
      expect(await api.snapshot()).toEqual(again);
      return;
    }
    expect(await api.snapshot()).toEqual(before);
    if (decision.kind === 'already') expect(reply).toMatchObject({ status: 200, body: { status: to } });
    else {
      // PLACED is the approval's to make.
      const possible = decision.allowed.filter((status) => status !== 'PLACED');
      expect(reply).toMatchObject({
        status: 409,
        body: {
          type: 'urn:ordermesh:problem:illegal-move',
          current_status: from,
          allowed_statuses: possible,
          detail: expect.stringContaining(`The order is ${from}`),
        },
      });
      for (const allowed of possible) expect(reply.body.detail).toContain(allowed);
    }
  });
});

describe('at the same time', () => {
  const race = (count: number, send: (index: number) => Promise<{ status: number }>) =>
    Promise.all(Array.from({ length: count }, (_, index) => send(index)));

  it('20 cancellations make one event and one move', async () => {
    const id = await anOrder('PREPARING');
    const replies = await race(20, (index) =>
      api.post(`/orders/${id}/cancel`, { by: index % 2 ? 'STAFF' : 'CUSTOMER' }),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['order.cancelled.v1']);
    const { history, cancel_reason } = await read(id);
    expect(history).toHaveLength(1);
    expect(history[0]).toMatchObject({ to: 'CANCELLED', reason: cancel_reason });
  });

  it('a cancellation, a departure and an arrival leave one history in which each follows the last, and the events say the same', async () => {
    for (let round = 0; round < 8; round += 1) {
      const id = await anOrder('PREPARING');
      await race(12, (index) => {
        if (index % 3 === 0) return api.post(`/orders/${id}/cancel`);
        return api.patch(`/orders/${id}/status`, {
          status: index % 3 === 1 ? 'OUT_FOR_DELIVERY' : 'DELIVERED',
        });
      });
      const { status, history } = await read(id);
      const path = ['PREPARING', ...history.map((move: { to: string }) => move.to)];
      expect(history.map((move: { from: string }) => move.from)).toEqual(path.slice(0, -1));
      expect(path.at(-1)).toBe(status);
      expect(['CANCELLED', 'DELIVERED']).toContain(status);
      const announced = (await eventsOf(id)).map(({ type }) =>
        type.replace(/^order\.(status\.)?|\.v1$/g, '').toUpperCase(),
      );
      expect(announced).toEqual(path.slice(1));
    }
  });
});
