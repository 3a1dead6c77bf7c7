import { newId } from '../shared/ids';
import type { Prisma } from '../shared/service/database';
import { drainOutbox, outbox } from '../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { expireDrafts, expireSome } from './expire-orders';

let db: TestDatabase;
let restaurantId: string;
const MINUTE = 60_000;
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * MINUTE);

beforeAll(async () => {
  db = await createTestDatabase();
  restaurantId = newId();
  await db.database.restaurant.create({ data: { id: restaurantId, name: 'Tandoor' } });
  await db.database.subscription.createMany({
    data: [
      { consumer: 'inventory-service', eventType: 'order.placed.v1' },
      { consumer: 'notification-service', eventType: 'order.placed.v1' },
    ],
  });
});
afterAll(() => db.drop());
beforeEach(async () => {
  await drainOutbox(db.database);
  await db.database.consumerProgress.deleteMany();
  await db.database.order.updateMany({ data: { status: 'PREPARING', cancelReason: null } });
});

async function anOrder(placed: Date, status = 'PLACED', paymentMethod = 'CASH'): Promise<string> {
  const id = newId();
  await db.database.order.create({
    data: {
      id,
      restaurantId,
      status,
      paymentMethod,
      currency: 'INR',
      totalAmount: 1,
      correlationId: 'c',
      createdAt: placed,
      placedAt: placed,
      updatedAt: placed,
    },
  });
  return id;
}
/** Its order.placed event, published then. */
async function published(id: string, at: Date, createdAt = at): Promise<string> {
  const eventId = newId();
  await db.database.eventLog.create({
    data: {
      eventId,
      type: 'order.placed.v1',
      subject: id,
      correlationId: 'c',
      body: {},
      createdAt,
      publishedAt: at,
    },
  });
  return eventId;
}
const inventoryCaughtUp = (at: Date, heardOf = new Date()) =>
  db.database.consumerProgress.create({
    data: { consumer: 'inventory-service', instance: newId(), caughtUpAt: at, updatedAt: heardOf },
  });
/** It failed there, and waits in a retry queue until then. */
const retrying = (eventId: string, retryAt: Date) =>
  db.database.deliveryFailure.create({
    data: {
      consumer: 'inventory-service',
      eventId,
      attempt: 1,
      reason: 'handler_failed',
      error: 'x',
      outcome: 'RETRIED',
      retryAt,
    },
  });
/** What became of it there, or what a person decided. */
const decided = (eventId: string, outcome: string, retryAt?: Date) =>
  db.database.deliveryFailure.create({
    data: {
      consumer: 'inventory-service',
      eventId,
      attempt: 6,
      reason: 'handler_failed',
      error: 'x',
      outcome,
      retryAt,
    },
  });
const expired = async () => (await expireSome(db.database, 15 * MINUTE)).map((order) => order.order_id);

describe('the deadline of an order', () => {
  it('cancels what has been PLACED for too long and announces it', async () => {
    const late = await anOrder(minutesAgo(16));
    const early = await anOrder(minutesAgo(14));
    await anOrder(minutesAgo(60), 'PREPARING');
    expect(await expired()).toEqual([late]);
    expect(
      await db.database.order.findUnique({ where: { id: late }, include: { history: true } }),
    ).toMatchObject({
      status: 'CANCELLED',
      cancelReason: 'TIMEOUT',
      history: [{ fromStatus: 'PLACED', toStatus: 'CANCELLED', actor: 'MESH', reason: 'TIMEOUT' }],
    });
    expect(await outbox(db.database)).toMatchObject([
      {
        type: 'order.cancelled.v1',
        source: '/status-service',
        subject: late,
        data: { reason: 'TIMEOUT', actor: 'MESH' },
      },
    ]);
    expect(await db.database.order.findUnique({ where: { id: early } })).toMatchObject({ status: 'PLACED' });
    expect(await expired()).toEqual([]);
  });

  it('is kept also for an order whose payment method only a newer version knows, and for those beside it', async () => {
    await db.database.$executeRaw`ALTER TABLE orders DROP CONSTRAINT orders_payment_method_check`;
    const orders = [await anOrder(minutesAgo(18), 'PLACED', 'WALLET'), await anOrder(minutesAgo(17))];
    expect(await expired()).toEqual(orders);
    expect((await outbox(db.database)).map(({ data }) => data)).toMatchObject([
      { reason: 'TIMEOUT', payment_method: 'WALLET' },
      { reason: 'TIMEOUT', payment_method: 'CASH' },
    ]);
  });

  it('does not hold the delay of the mesh against an order', async () => {
    const unpublished = await anOrder(minutesAgo(20));
    await db.database.outboxEvent.create({
      data: { eventId: newId(), type: 'order.placed.v1', subject: unpublished, correlationId: 'c', body: {} },
    });
    const unhandled = await anOrder(minutesAgo(20));
    const eventId = await published(unhandled, minutesAgo(19));
    expect(await expired()).toEqual([]); // the consumer has never been heard of
    await inventoryCaughtUp(minutesAgo(19));
    expect(await expired()).toEqual([]); // it is behind
    await db.database.processedEvent.create({
      data: { consumer: 'inventory-service', eventId, type: 'order.placed.v1', subject: unhandled },
    });
    expect(await expired()).toEqual([unhandled]); // it has handled it, and notification-service matters not
  });

  it('no longer waits for an event that its consumer passed over, or that is a dead letter', async () => {
    const lost = await anOrder(minutesAgo(20));
    await published(lost, minutesAgo(19));
    const dead = await anOrder(minutesAgo(20));
    const eventId = await published(dead, new Date(), minutesAgo(20));
    await inventoryCaughtUp(minutesAgo(1));
    expect(await expired()).toEqual([lost]);
    await db.database.deliveryFailure.create({
      data: {
        consumer: 'inventory-service',
        eventId,
        attempt: 6,
        reason: 'handler_failed',
        error: 'x',
        outcome: 'DEAD_LETTERED',
      },
    });
    expect(await expired()).toEqual([dead]);
  });

  it('waits for an event that its consumer has missed and is going to fetch', async () => {
    const order = await anOrder(minutesAgo(20));
    await published(order, minutesAgo(19));
    await inventoryCaughtUp(new Date());
    const { consumerWatermark } = db.database;
    const where = { consumer: 'inventory-service' };
    await consumerWatermark.create({
      data: { ...where, completeTo: minutesAgo(19.5), checkedAt: new Date() },
    });
    expect(await expired()).toEqual([]);
    await consumerWatermark.update({ where, data: { completeTo: minutesAgo(18) } });
    expect(await expired()).toEqual([order]);
    await consumerWatermark.delete({ where });
  });

  it('gives the gateway its own time: after an outage payments begin late', async () => {
    const order = await anOrder(minutesAgo(60));
    const payment = (more: Partial<Prisma.PaymentUncheckedCreateInput>) =>
      db.database.payment.updateMany({ where: { orderId: order }, data: more });
    const soon = new Date(Date.now() + MINUTE);
    await db.database.payment.create({
      data: {
        id: newId(),
        orderId: order,
        restaurantId,
        state: 'AUTHORIZING',
        amount: 1,
        currency: 'INR',
        correlationId: 'c',
        nextAttemptAt: soon,
        lastError: 'no answer',
      },
    });
    expect(await expired()).toEqual([]); // it has just begun
    await payment({ createdAt: minutesAgo(16), lastError: null });
    expect(await expired()).toEqual([]); // the gateway is being asked for the first time
    await payment({ nextAttemptAt: minutesAgo(1), lastError: 'no answer' });
    expect(await expired()).toEqual([]); // it is to be asked, and nobody has: payment-service was away
    await payment({ nextAttemptAt: soon });
    expect(await expired()).toEqual([order]);
  });

  it("begins by the database's clock: that of order-api may have been slow", async () => {
    const order = await anOrder(minutesAgo(20));
    const eventId = await published(order, minutesAgo(2));
    await inventoryCaughtUp(new Date());
    expect(await expired()).toEqual([]);
    await db.database.eventLog.updateMany({ where: { eventId }, data: { createdAt: minutesAgo(16) } });
    expect(await expired()).toEqual([order]);
  });

  it('waits for the instance that is furthest behind, and for one that was heard of lately', async () => {
    const order = await anOrder(minutesAgo(20));
    await published(order, minutesAgo(19));
    await inventoryCaughtUp(minutesAgo(19)); // stuck
    await inventoryCaughtUp(new Date()); // idle beside it
    expect(await expired()).toEqual([]);
    await db.database.consumerProgress.updateMany({
      where: { caughtUpAt: { lt: minutesAgo(10) } },
      data: { updatedAt: minutesAgo(1) },
    });
    expect(await expired()).toEqual([order]); // the stuck one is gone for a minute: what it held is with the other
  });

  it('concludes nothing from silence: a consumer without a live instance holds the deadline up', async () => {
    const order = await anOrder(minutesAgo(20));
    await published(order, minutesAgo(19));
    await inventoryCaughtUp(new Date(), minutesAgo(5));
    expect(await expired()).toEqual([]);
  });

  it('waits for what is in a retry queue, or has come back from it to the end of a long queue', async () => {
    const order = await anOrder(minutesAgo(20));
    const eventId = await published(order, minutesAgo(19));
    await inventoryCaughtUp(minutesAgo(2)); // past its publication, and behind
    await retrying(eventId, new Date(Date.now() + MINUTE));
    expect(await expired()).toEqual([]);
    await db.database.deliveryFailure.updateMany({ where: { eventId }, data: { retryAt: minutesAgo(4) } });
    expect(await expired()).toEqual([]);
    await decided(eventId, 'DEAD_LETTERED');
    expect(await expired()).toEqual([order]);
  });

  it('waits for a dead letter that was replayed, and for none that was discarded', async () => {
    const [again, gone] = [await anOrder(minutesAgo(20)), await anOrder(minutesAgo(20))];
    const events = [await published(again, minutesAgo(19)), await published(gone, minutesAgo(19))] as const;
    await inventoryCaughtUp(new Date());
    for (const eventId of events) await decided(eventId, 'DEAD_LETTERED');
    await decided(events[0], 'REPLAYED', minutesAgo(3));
    await decided(events[1], 'DISCARDED');
    expect(await expired()).toEqual([gone]);
  });

  it('leaves an order that somebody has locked for later, and cancels the others', async () => {
    const [held, other] = [await anOrder(minutesAgo(20)), await anOrder(minutesAgo(20))];
    await db.database.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT id FROM orders WHERE id = ${held}::uuid FOR UPDATE`;
      expect(await expired()).toEqual([other]);
    });
    expect(await expired()).toEqual([held]);
  });

  it('never touches an order that another worker moves at the same moment', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => anOrder(minutesAgo(20))));
    const results = await Promise.all([
      ...ids.map(async (id) => {
        const { count } = await db.database.order.updateMany({
          where: { id, status: 'PLACED' },
          data: { status: 'PREPARING' },
        });
        return count === 1 ? [] : [id];
      }),
      expired(),
      expired(),
    ]);
    const cancelled = await db.database.order.findMany({ where: { id: { in: ids }, status: 'CANCELLED' } });
    const claimed = [...results.at(-1)!, ...results.at(-2)!];
    expect(claimed.toSorted()).toEqual(cancelled.map((order) => order.id).toSorted());
    expect(await outbox(db.database)).toHaveLength(cancelled.length);
  });
});

describe('drafts', () => {
  const expiredDrafts = async () =>
    (await expireDrafts(db.database, 15 * MINUTE)).map((order) => order.order_id);

  it('are kept while somebody changes them', async () => {
    const id = await anOrder(minutesAgo(60), 'DRAFT');
    await db.database.order.update({ where: { id }, data: { updatedAt: minutesAgo(1) } });
    expect(await expiredDrafts()).toEqual([]);
  });

  it('are cancelled when they are old: history only', async () => {
    const old = await anOrder(minutesAgo(16), 'DRAFT');
    await anOrder(minutesAgo(14), 'DRAFT');
    expect(await expiredDrafts()).toEqual([old]);
    expect(
      await db.database.order.findUniqueOrThrow({ where: { id: old }, include: { history: true } }),
    ).toMatchObject({
      status: 'CANCELLED',
      cancelReason: 'TIMEOUT',
      history: [{ fromStatus: 'DRAFT', toStatus: 'CANCELLED', actor: 'MESH', reason: 'TIMEOUT' }],
    });
    expect(await outbox(db.database)).toEqual([]);
  });

  it('are left alone when they have just been approved', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => anOrder(minutesAgo(16), 'DRAFT')));
    const approvals = ids.map((id) =>
      db.database.order.updateMany({ where: { id, status: 'DRAFT' }, data: { status: 'PLACED' } }),
    );
    const [cancelled, ...approved] = await Promise.all([expiredDrafts(), ...approvals]);
    const placed = ids.filter((_, index) => approved[index]?.count === 1);
    expect([...placed, ...cancelled].sort()).toEqual([...ids].sort());
  });
});

describe('what was paused', () => {
  const paused = (part: string, from: number, to?: number) =>
    db.database.pause.create({
      data: {
        part,
        why: 'stock take',
        pausedBy: 'asha',
        pausedAt: minutesAgo(from),
        resumedAt: to === undefined ? null : minutesAgo(to),
      },
    });
  afterEach(() => db.database.pause.deleteMany());

  it('does not count for orders that waited for it', async () => {
    const id = await anOrder(minutesAgo(20));
    await inventoryCaughtUp(new Date());
    await paused('inventory-service', 18, 10);
    await paused('gateway', 12, 8);
    expect(await expireSome(db.database, 15 * MINUTE)).toEqual([]);
    expect((await expireSome(db.database, 9 * MINUTE)).map(({ order_id }) => order_id)).toEqual([id]);
  });

  it('counts where no order waits for it', async () => {
    const id = await anOrder(minutesAgo(20));
    await paused('email', 18);
    await paused('notification-service', 18);
    expect((await expireSome(db.database, 15 * MINUTE)).map(({ order_id }) => order_id)).toEqual([id]);
  });

  it('leaves a payment its time', async () => {
    const id = await anOrder(minutesAgo(40), 'PLACED', 'CARD');
    await db.database.payment.create({
      data: {
        id: newId(),
        orderId: id,
        restaurantId,
        amount: 1,
        currency: 'INR',
        state: 'AUTHORIZING',
        correlationId: 'c',
        createdAt: minutesAgo(20),
        attempts: 2,
        lastError: '500',
        nextAttemptAt: new Date(Date.now() + MINUTE),
      },
    });
    await paused('gateway', 19, 9);
    expect(await expireSome(db.database, 15 * MINUTE)).toEqual([]);
    await db.database.pause.deleteMany();
    expect((await expireSome(db.database, 15 * MINUTE)).map(({ order_id }) => order_id)).toEqual([id]);
  });

  it('does not count for drafts, where nobody could approve them', async () => {
    const draft = await anOrder(minutesAgo(20), 'DRAFT');
    await paused('order-api', 10);
    expect(await expireDrafts(db.database, 15 * MINUTE)).toEqual([]);
    await db.database.pause.updateMany({ data: { part: 'inventory-service' } });
    expect((await expireDrafts(db.database, 15 * MINUTE)).map(({ order_id }) => order_id)).toEqual([draft]);
  });
});
