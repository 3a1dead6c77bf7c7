import { newId } from '../shared/ids';
import { anEvent, eventFrom } from '../shared/testing/events';
import { drainOutbox, handle, outbox } from '../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import type { Event } from '../shared/events/envelope';
import type { OrderStatus } from '../shared/lifecycle/order-lifecycle';
import { moveOrders } from '../shared/lifecycle/move-orders';
import { handlers } from './handlers';

let db: TestDatabase;
let restaurantId: string;
beforeAll(async () => {
  db = await createTestDatabase();
  restaurantId = newId();
  await db.database.restaurant.create({ data: { id: restaurantId, name: 'Tandoor' } });
});
afterAll(() => db.drop());
beforeEach(() => drainOutbox(db.database));

async function anOrder(status: OrderStatus = 'PLACED', paymentMethod = 'CASH'): Promise<string> {
  const id = newId();
  await db.database.order.create({
    data: {
      id,
      restaurantId,
      status,
      paymentMethod,
      currency: 'INR',
      totalAmount: '900.00',
      cancelReason: status === 'CANCELLED' ? 'CUSTOMER' : null,
      correlationId: 'c',
      lines: { create: { menuItemId: newId(), position: 0, name: 'Dal', price: '450.00', quantity: 2 } },
    },
  });
  return id;
}

const deducted = (order_id: string) =>
  anEvent('inventory.deducted.success.v1', order_id, {
    order_id,
    restaurant_id: restaurantId,
    items: [{ menu_item_id: newId(), quantity: 2, available_qty: 8 }],
  });
const short = (order_id: string) =>
  anEvent('order.cancellation.required.v1', order_id, {
    order_id,
    restaurant_id: restaurantId,
    reason: 'OUT_OF_STOCK',
    shortages: [{ menu_item_id: newId(), requested: 2, available: 0 }],
  });
const payment = (order_id: string) => ({
  payment_id: newId(),
  order_id,
  restaurant_id: restaurantId,
  amount: 900,
  currency: 'INR',
  gateway: 'simulator',
});
const authorized = (order_id: string) =>
  anEvent('payment.authorized.v1', order_id, {
    ...payment(order_id),
    authorized_at: new Date().toISOString(),
  });
const declined = (order_id: string) =>
  anEvent('payment.failed.v1', order_id, {
    ...payment(order_id),
    decline_code: 'insufficient_funds',
    failed_at: new Date().toISOString(),
  });
const status = (...events: Event[]) => handle(db.database, 'status-service', handlers, ...events);
const read = (id: string) =>
  db.database.order.findUniqueOrThrow({ where: { id }, include: { history: { orderBy: { id: 'asc' } } } });

describe('status-service', () => {
  it('moves an order to PREPARING when its stock is deducted, keeps the move and announces it', async () => {
    const id = await anOrder();
    const event = deducted(id);
    await status(event);
    const order = await read(id);
    expect(order).toMatchObject({
      status: 'PREPARING',
      history: [{ fromStatus: 'PLACED', toStatus: 'PREPARING', actor: 'MESH', causedBy: event.id }],
    });
    expect(await outbox(db.database)).toMatchObject([
      {
        type: 'order.status.preparing.v1',
        source: '/status-service',
        causationid: event.id,
        correlationid: event.correlationid,
        data: { order_id: id, previous_status: 'PLACED', status: 'PREPARING', actor: 'MESH' },
      },
    ]);
  });

  it('cancels an order whose stock is short, and announces its lines and the reason', async () => {
    const id = await anOrder();
    await status(short(id));
    expect(await read(id)).toMatchObject({
      status: 'CANCELLED',
      cancelReason: 'OUT_OF_STOCK',
      history: [{ reason: 'OUT_OF_STOCK' }],
    });
    expect(await outbox(db.database)).toMatchObject([
      {
        type: 'order.cancelled.v1',
        data: {
          reason: 'OUT_OF_STOCK',
          actor: 'MESH',
          total_amount: 900,
          items: [{ name: 'Dal', quantity: 2, price: '450.00' }],
        },
      },
    ]);
  });

  it.each([
    ['CANCELLED', deducted],
    ['DELIVERED', deducted],
    ['PREPARING', deducted],
    ['PREPARING', short],
    ['DELIVERED', short],
    ['CANCELLED', short],
  ] as const)('leaves an order that is %s where it is', async (from, event) => {
    const id = await anOrder(from);
    await status(event(id));
    expect(await read(id)).toMatchObject({ status: from, history: [] });
    expect(await outbox(db.database)).toEqual([]);
  });

  it('moves a whole batch at once', async () => {
    const ids = [await anOrder(), await anOrder('CANCELLED'), await anOrder()];
    await status(...ids.map(deducted));
    expect(await Promise.all(ids.map(async (id) => (await read(id)).status))).toEqual([
      'PREPARING',
      'CANCELLED',
      'PREPARING',
    ]);
    expect((await outbox(db.database)).map((event) => event.subject)).toEqual([ids[0], ids[2]]);
  });

  it('moves an order once, whichever of twenty workers comes first', async () => {
    const id = await anOrder();
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => status(index % 2 === 0 ? deducted(id) : short(id))),
    );
    const order = await read(id);
    expect(order.history).toHaveLength(1);
    expect(order.history[0]?.toStatus).toBe(order.status);
    expect(await outbox(db.database)).toHaveLength(1);
  });

  it('refuses for good an event about an order that does not exist', async () => {
    await expect(status(deducted(newId()))).rejects.toMatchObject({
      name: 'PermanentError',
      reason: 'unknown_order',
    });
  });
});

describe('moveOrders', () => {
  it('takes wishes for the same order in turn', async () => {
    const id = await anOrder('PREPARING');
    const origin = { correlationid: 'c' };
    const outcomes = await db.database.$transaction((tx) =>
      moveOrders(tx, [
        { orderId: id, to: 'OUT_FOR_DELIVERY', actor: 'STAFF', origin },
        { orderId: id, to: 'DELIVERED', actor: 'STAFF', origin },
        { orderId: id, to: 'CANCELLED', actor: 'STAFF', reason: 'STAFF', origin },
      ]),
    );
    expect(outcomes.map((outcome) => outcome.kind)).toEqual(['moved', 'moved', 'illegal']);
    expect(await read(id)).toMatchObject({
      status: 'DELIVERED',
      history: [
        { fromStatus: 'PREPARING', toStatus: 'OUT_FOR_DELIVERY' },
        { fromStatus: 'OUT_FOR_DELIVERY', toStatus: 'DELIVERED' },
      ],
    });
  });

  it('says nothing about the end of a draft', async () => {
    const id = await anOrder('DRAFT');
    const [outcome] = await db.database.$transaction((tx) =>
      moveOrders(tx, [
        {
          orderId: id,
          to: 'CANCELLED',
          actor: 'CUSTOMER',
          reason: 'CUSTOMER',
          origin: { correlationid: 'c' },
        },
      ]),
    );
    expect(outcome).toEqual({ kind: 'moved', announcements: [], version: 2 });
  });
});

describe('an order that a newer version has taken or wants cancelled', () => {
  // As that version's migration does.
  beforeAll(() => db.database.$executeRaw`ALTER TABLE orders DROP CONSTRAINT orders_payment_method_check`);

  it('is left to that version where it depends on how it is paid whether it can be prepared', async () => {
    const id = await anOrder('PLACED', 'WALLET');
    await status(authorized(id)); // so far it does not
    const tracking = await db.database.orderStateTracking.findUnique({ where: { orderId: id } });
    const unknown = 'payment_method is "WALLET", which this version does not know';
    await expect(status(deducted(id))).rejects.toThrow(unknown);
    expect(await read(id)).toMatchObject({ status: 'PLACED', history: [] });
    expect(await db.database.orderStateTracking.findUnique({ where: { orderId: id } })).toEqual(tracking);
    expect(tracking).toMatchObject({ stockDeductedAt: null, paymentAuthorizedAt: expect.any(Date) });
  });

  it('is cancelled, and the reason and the method are handed on as they are', async () => {
    const id = await anOrder('PLACED', 'WALLET');
    const event = eventFrom(short(id), { reason: 'WITHDRAWN' });
    await status(event);
    expect(await read(id)).toMatchObject({
      status: 'CANCELLED',
      cancelReason: 'WITHDRAWN',
      history: [{ reason: 'WITHDRAWN', causedBy: event.id }],
    });
    expect(await outbox(db.database)).toMatchObject([
      { type: 'order.cancelled.v1', data: { reason: 'WITHDRAWN', payment_method: 'WALLET' } },
    ]);
  });
});

describe('an order paid by card', () => {
  const halves = { 'the stock': deducted, 'the authorisation': authorized };
  const names = Object.keys(halves) as (keyof typeof halves)[];

  it.each([
    [names[0]!, names[1]!],
    [names[1]!, names[0]!],
  ])('waits for both: %s, then %s', async (first, second) => {
    const id = await anOrder('PLACED', 'CARD');
    await status(halves[first](id));
    expect((await read(id)).status).toBe('PLACED');
    await status(halves[first](id)); // the same news under another id
    expect((await read(id)).status).toBe('PLACED');
    const last = halves[second](id);
    await status(last, last);
    await status(halves[second](id));
    expect(await read(id)).toMatchObject({ status: 'PREPARING', history: [{ causedBy: last.id }] });
    expect(await outbox(db.database)).toMatchObject([
      { type: 'order.status.preparing.v1', causationid: last.id, data: { payment_method: 'CARD' } },
    ]);
  });

  it('prepares once however many instances bring the two halves at the same moment', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => anOrder('PLACED', 'CARD')));
    const backwards = [...ids].reverse();
    await Promise.all([
      status(...ids.map(deducted)),
      status(...backwards.map(authorized)),
      status(...backwards.map(deducted)),
      status(...ids.map(authorized)),
    ]);
    for (const id of ids) expect((await read(id)).history).toHaveLength(1);
    expect((await outbox(db.database)).map((event) => event.subject).sort()).toEqual([...ids].sort());
  });

  it('is cancelled when the card is declined, before the stock or after it', async () => {
    const [early, late] = [await anOrder('PLACED', 'CARD'), await anOrder('PLACED', 'CARD')];
    await status(declined(early));
    await status(deducted(early));
    await status(deducted(late));
    await status(declined(late));
    for (const id of [early, late])
      expect(await read(id)).toMatchObject({
        status: 'CANCELLED',
        cancelReason: 'PAYMENT_FAILED',
        history: [{ note: 'insufficient_funds' }],
      });
    expect((await outbox(db.database)).map((event) => event.type)).toEqual([
      'order.cancelled.v1',
      'order.cancelled.v1',
    ]);
  });

  it('stays cancelled when the second half comes too late', async () => {
    const id = await anOrder('PLACED', 'CARD');
    await status(authorized(id));
    await status(short(id));
    await status(deducted(id));
    expect(await read(id)).toMatchObject({ status: 'CANCELLED', cancelReason: 'OUT_OF_STOCK' });
  });

  it('must exist', async () => {
    const id = newId();
    await expect(status(authorized(id))).rejects.toMatchObject({ reason: 'unknown_order' });
    expect(await db.database.orderStateTracking.count({ where: { orderId: id } })).toBe(0);
  });
});
