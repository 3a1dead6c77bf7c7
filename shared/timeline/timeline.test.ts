import { announce } from '../events/announce';
import type { Event } from '../events/envelope';
import { newId } from '../ids';
import { insertIntoOutbox, makeEvents } from '../outbox/write-outbox';
import type { Database } from '../service/database';
import { seedMenu } from '../testing/seed';
import { createTestDatabase, type TestDatabase } from '../testing/test-database';
import { readTimeline } from './read-timeline';
import type { Timeline } from './timeline';

// What is judged from the tables alone; operator/mesh/stalls.slow.test.ts has each of them from a mesh that really stands still.

let db: TestDatabase;
let database: Database;
let restaurantId: string;
beforeAll(async () => {
  db = await createTestDatabase();
  database = db.database;
  ({ restaurantId } = await seedMenu(database, [10]));
  const since = new Date(Date.now() - 60 * DAY);
  await database.subscription.createMany({
    data: [
      { consumer: 'inventory-service', eventType: 'order.placed.v1', since },
      { consumer: 'notification-service', eventType: 'order.placed.v1', since },
      { consumer: 'status-service', eventType: 'inventory.deducted.success.v1', since },
    ],
  });
});
afterAll(() => db.drop());

const DAY = 86_400_000;
const read = (id: string) => readTimeline(database, id, { draftDeadlineMs: DAY });
const timelineOf = async (id: string): Promise<Timeline> => (await read(id))!;

async function anOrder(more: { status?: string; createdAt?: Date; paymentMethod?: string } = {}) {
  const id = newId();
  const status = more.status ?? 'PLACED';
  const at = more.createdAt ?? new Date();
  const data = { id, restaurantId, currency: 'INR', totalAmount: '100.00', correlationId: 'c' };
  await database.order.create({
    data: {
      ...data,
      ...more,
      status,
      createdAt: at,
      placedAt: status === 'DRAFT' ? null : at,
      updatedAt: at,
      cancelReason: status === 'CANCELLED' ? 'CUSTOMER' : null,
    },
  });
  await database.orderStatusHistory.create({
    data: { orderId: id, toStatus: 'PLACED', actor: 'CUSTOMER', movedAt: at },
  });
  return id;
}

const placed = (orderId: string): Event =>
  makeEvents('order-api', [
    announce({ correlationid: 'c' }, 'order.placed.v1', orderId, {
      order_id: orderId,
      restaurant_id: restaurantId,
      items: [{ menu_item_id: newId(), name: 'Dal', quantity: 1, price: '100.00' }],
      total_amount: 100,
      currency: 'INR',
      payment_method: 'CASH',
      placed_at: new Date().toISOString(),
    }),
  ])[0]!;

const deducted = (orderId: string, causationid?: string): Event =>
  makeEvents('inventory-service', [
    announce({ correlationid: 'c', causationid }, 'inventory.deducted.success.v1', orderId, {
      order_id: orderId,
      restaurant_id: restaurantId,
      items: [{ menu_item_id: newId(), quantity: 1, available_qty: 1 }],
    }),
  ])[0]!;

/** As the relay leaves them: written so long ago, and published 5 ms later. */
async function log(event: Event, writtenAgoMs = 1_000, id = event.id): Promise<string> {
  const createdAt = new Date(Date.now() - writtenAgoMs);
  await database.eventLog.create({
    data: {
      eventId: id,
      type: event.type,
      subject: event.subject,
      correlationId: 'c',
      causationId: event.causationid,
      body: event as object,
      createdAt,
      publishedAt: new Date(createdAt.getTime() + 5),
    },
  });
  return id;
}

const handled = (consumer: string, eventId: string, agoMs = 900) =>
  database.processedEvent.create({
    data: { consumer, eventId, type: 't', subject: 's', processedAt: new Date(Date.now() - agoMs) },
  });

describe('a timeline', () => {
  it('is a causal tree, with the time between', async () => {
    const id = await anOrder();
    const first = await log(placed(id), 1_000);
    const second = await log(deducted(id, first), 800);
    await handled('inventory-service', first, 900);
    const { events, status, version, waiting_for } = await timelineOf(id);
    expect({ status, version }).toEqual({ status: 'PLACED', version: 1 });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      id: first,
      type: 'order.placed.v1',
      source: '/order-api',
      caused_by: null,
      after_cause_ms: null,
      publish_ms: 5,
      refused: null,
      consumers: [
        { service: 'inventory-service', state: 'handled', attempts: 1, failures: [] },
        { service: 'notification-service', state: 'service_away', attempts: 0, handled_at: null },
      ],
      caused: [{ id: second, caused_by: first, caused: [] }],
    });
    expect(events[0]?.consumers[0]?.handle_ms).toBeGreaterThan(90);
    expect(events[0]?.caused[0]?.after_cause_ms).toBeGreaterThan(190);
    // Handled by inventory-service, which has no reservation: somebody has changed something.
    expect(waiting_for).toMatchObject({ code: 'not_on_record', service: 'inventory-service' });
  });

  it('shows events that are in a circle, or whose cause is not here', async () => {
    const id = await anOrder();
    const [a, b] = [deducted(id), deducted(id)];
    await log({ ...a, causationid: b.id } as Event, 900);
    await log({ ...b, causationid: a.id } as Event, 800);
    await log(deducted(id, newId()), 700);
    const self = deducted(id);
    await log({ ...self, causationid: self.id } as Event, 600);
    const { events } = await timelineOf(id);
    expect(events.map(({ caused }) => caused.length)).toEqual([0, 0, 0, 0]);
    expect(events[3]?.id).toBe(self.id);
  });

  it('is bounded: of thousands of failures, events and changes the newest are kept, and the others counted', async () => {
    const id = await anOrder();
    const event = await log(placed(id), 2_000);
    await database.$executeRaw`
      INSERT INTO delivery_failures (consumer, event_id, type, attempt, reason, error, outcome, retry_at)
      SELECT 'inventory-service', ${event}::uuid, 'order.placed.v1', n, 'handler_failed', 'no. ' || n, 'RETRIED', now() + interval '1 minute'
      FROM generate_series(1, 5000) n`;
    await database.$executeRaw`
      INSERT INTO order_status_history (order_id, version, from_status, to_status, actor)
      SELECT ${id}::uuid, n, 'DRAFT', 'DRAFT', 'CUSTOMER' FROM generate_series(2, 3000) n`;
    for (let n = 0; n < 120; n++) await log(deducted(id, event), 1_000 - n);
    const startedAt = performance.now();
    const timeline = await timelineOf(id);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(timeline).toMatchObject({ events_left_out: 21, history_left_out: 2_900 });
    expect(timeline.history).toHaveLength(100);
    expect(timeline.history.at(-1)?.version).toBe(3_000);
    expect(timeline.events).toHaveLength(100); // their cause is among those left out
    expect(JSON.stringify(timeline).length).toBeLessThan(500_000);

    const other = await anOrder();
    const again = await log(placed(other), 2_000);
    await database.$executeRaw`UPDATE delivery_failures SET event_id = ${again}::uuid WHERE event_id = ${event}::uuid`;
    const [consumer] = (await timelineOf(other)).events[0]!.consumers;
    expect(consumer).toMatchObject({ state: 'retrying', attempts: 5_000, failures_left_out: 4_990 });
    expect(consumer?.failures.map(({ error }) => error)).toEqual(
      Array.from({ length: 10 }, (_, n) => `no. ${4_991 + n}`),
    );
  });

  it('of a retry that has not come back, when it should have', async () => {
    const id = await anOrder();
    const event = await log(placed(id), 20_000);
    await database.consumerProgress.create({
      data: { consumer: 'inventory-service', instance: newId(), caughtUpAt: new Date() },
    });
    await database.$executeRaw`
      INSERT INTO delivery_failures (consumer, event_id, type, attempt, reason, error, outcome, retry_at)
      VALUES ('inventory-service', ${event}::uuid, 'order.placed.v1', 1, 'handler_failed', 'no', 'RETRIED', now() - interval '9 seconds')`;
    const { waiting_for } = await timelineOf(id);
    expect(waiting_for).toMatchObject({
      code: 'queued',
      sentence: expect.stringMatching(
        /attempt 1 at order\.placed\.v1 failed .* to be tried again at \S+Z, and is in its queue/,
      ),
    });
    await database.consumerProgress.deleteMany();
  });

  it('of an order that is not there is undefined', async () => {
    expect(await read(newId())).toBeUndefined();
  });
});

describe('an old order', () => {
  const createdAt = new Date(Date.now() - 40 * DAY);
  /** An id of that time. */
  const oldId = () => {
    const hex = createdAt.getTime().toString(16).padStart(12, '0');
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${newId().slice(-12)}`;
  };
  beforeAll(async () => {
    const today = new Date().setUTCHours(0, 0, 0, 0);
    const first = (time: number) => {
      const hex = time.toString(16).padStart(12, '0');
      return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
    };
    const name = `processed_events_${new Date(today).toISOString().slice(0, 10).replaceAll('-', '')}`;
    // What is there already is of today, and would be in the way.
    await database.processedEvent.deleteMany();
    await database.$executeRawUnsafe(
      `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF processed_events FOR VALUES FROM ('${first(today)}') TO ('${first(today + DAY)}')`,
    );
  });

  it('whose events are no longer kept, has its history, and what it still waits for', async () => {
    const delivered = await anOrder({ status: 'DELIVERED', createdAt });
    expect(await timelineOf(delivered)).toMatchObject({
      waiting_for: null,
      events: [],
      events_left_out: 0,
      history: [{ version: 1, to: 'PLACED' }],
    });
    const placed = await anOrder({ createdAt });
    expect((await timelineOf(placed)).waiting_for).toMatchObject({
      code: 'not_on_record',
      service: 'inventory-service',
      sentence: expect.stringMatching(/^inventory-service is to take its stock; nothing on record tells why/),
    });
    const cancelled = await anOrder({ createdAt, status: 'CANCELLED' });
    expect((await timelineOf(cancelled)).waiting_for).toBeNull(); // nothing on record is held
    await database.stockReservation.create({ data: { orderId: cancelled, state: 'DEDUCTED' } });
    expect((await timelineOf(cancelled)).waiting_for).toMatchObject({ code: 'not_on_record' });
  });

  it('whose deliveries are no longer kept, is not said to wait for them', async () => {
    const id = await anOrder({ status: 'DELIVERED', createdAt });
    await log(placed(id), 40 * DAY, oldId());
    const { events, waiting_for } = await timelineOf(id);
    expect(waiting_for).toBeNull();
    expect(events[0]?.consumers.map(({ state }) => state)).toEqual(['not_kept', 'not_kept']);
  });
});

describe('what an order waits for', () => {
  it('is the gravest of several, and the others are told too', async () => {
    const id = await anOrder({ paymentMethod: 'CARD' });
    await log(placed(id));
    await database.payment.create({
      data: {
        id: newId(),
        orderId: id,
        restaurantId,
        amount: '100.00',
        currency: 'INR',
        state: 'REVIEW',
        reviewOperation: 'AUTHORIZE',
        reviewReason: 'asked for 100.00 INR, the gateway has 99.00 INR.',
        correlationId: 'c',
      },
    });
    const timeline = await timelineOf(id);
    expect(timeline.waiting_for).toMatchObject({
      code: 'payment_in_review',
      service: 'payment-service',
      sentence: expect.stringContaining(`npm run payments -- show ${id}`),
    });
    expect(timeline.waiting_for?.sentence).toContain('the gateway has 99.00 INR). An operator');
    expect(timeline.also_waiting_for).toMatchObject([{ code: 'service_away', service: 'inventory-service' }]);
  });

  it('counts those before it in the queue, to a limit', async () => {
    const consumer = 'inventory-service';
    await database.$executeRaw`
      INSERT INTO consumer_progress (consumer, instance, caught_up_at) VALUES (${consumer}, gen_random_uuid(), 'epoch')`;
    const since = new Date(Date.now() - 5_000);
    await database.subscription.updateMany({ where: { consumer }, data: { since } });
    await database.eventLog.deleteMany();
    const ids = [];
    for (let n = 0; n < 4; n++) {
      const id = await anOrder();
      ids.push({ id, event: await log(placed(id), 3_000 - 100 * n) });
    }
    await handled(consumer, ids[1]!.event);
    expect((await timelineOf(ids[3]!.id)).waiting_for).toMatchObject({
      code: 'queued',
      sentence: 'inventory-service is to take its stock; order.placed.v1 is in its queue behind 2 others.',
    });
    expect((await timelineOf(ids[0]!.id)).waiting_for?.sentence).toMatch(
      /is next in its queue, or in its hands\.$/,
    );
    await database.$executeRaw`
      INSERT INTO event_log (event_id, type, subject, correlation_id, body, created_at, published_at, seq)
      SELECT gen_random_uuid(), 'order.placed.v1', 's', 'c', '{}', now() - interval '4 seconds', now() - interval '4 seconds', n
      FROM generate_series(1, 1500) n`;
    expect((await timelineOf(ids[3]!.id)).waiting_for?.sentence).toMatch(/behind at least 999 others\.$/);
    await database.consumerProgress.deleteMany();
  });

  it('is told of a status and a payment method that a newer version has added, without a guess', async () => {
    const id = await anOrder();
    await database.$executeRaw`ALTER TABLE orders DROP CONSTRAINT orders_payment_method_check`;
    await database.order.update({ where: { id }, data: { paymentMethod: 'VOUCHER' } });
    expect((await timelineOf(id)).waiting_for).toMatchObject({ service: 'inventory-service' });
  });

  it('is a relay, where what was refused is due and nobody is there to try it again', async () => {
    const id = await anOrder();
    const event = placed(id);
    await database.$executeRaw(insertIntoOutbox([event]));
    const refused = (nextAttemptAt: Date) =>
      database.outboxEvent.updateMany({
        where: { subject: id },
        data: { attempts: 1, lastError: 'no', nextAttemptAt },
      });
    await refused(new Date(Date.now() + 60_000));
    expect((await timelineOf(id)).waiting_for).toMatchObject({ code: 'publishing_refused' });
    await refused(new Date(Date.now() - 1_000));
    const { waiting_for, events } = await timelineOf(id);
    expect(waiting_for).toMatchObject({ code: 'relay_away', service: 'outbox-publisher' });
    expect(events[0]?.refused).toMatchObject({ attempts: 1, error: 'no' });
  });

  it('of an event that is in the outbox twice, goes by the one that is published', async () => {
    const id = await anOrder();
    const event = placed(id);
    await log(event);
    await database.$executeRaw(insertIntoOutbox([event]));
    const { events } = await timelineOf(id);
    expect(events).toHaveLength(1);
    expect(events[0]?.published_at).not.toBeNull();
  });
});
