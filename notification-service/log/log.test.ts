import { anEvent, eventFrom, orderCancelled, orderPlaced } from '../../shared/testing/events';
import { handle } from '../../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { createLogger } from '../../shared/service/logger';
import type { Stop } from '../../shared/service/run-service';
import { newId } from '../../shared/ids';
import { deliverToLog } from './deliver-to-log';
import { handlers } from '../handlers';
import type { Teller } from './tell-log';

let db: TestDatabase;
let deliverers: Stop[] = [];
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());
beforeEach(() => db.database.$executeRaw`TRUNCATE notifications, notification_batches`);
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(deliverers.map((stop) => stop()));
  deliverers = [];
});

const notify = (...events: Parameters<typeof handle>[3][]) =>
  handle(db.database, 'notification-service', handlers, ...events);
const deliver = (teller: Teller, lookEveryMs = 50) =>
  deliverers.push(deliverToLog(db.database, teller, createLogger('test', 'silent'), undefined, lookEveryMs));
const stored = () => db.database.notification.findMany({ orderBy: { id: 'asc' } });
const ids = async () => (await stored()).map(({ id }) => id);
const batches = () => db.database.notificationBatch.findMany({ orderBy: { id: 'asc' } });
const allDelivered = () =>
  until('all to be delivered', async () => (await batches()).every(({ deliveredAt }) => deliveredAt));
const leasesRunOut = () =>
  db.database.$executeRaw`UPDATE notification_batches SET leased_until = now() - interval '1 second'`;

describe('notification-service', () => {
  it('stores one notification an event and audience, once, whatever comes again', async () => {
    const placed = orderPlaced([{ menu_item_id: newId(), quantity: 2 }]);
    await notify(placed);
    await notify(placed);
    await db.database.processedEvent.deleteMany();
    await notify(placed);
    expect(await stored()).toMatchObject([
      {
        audience: 'CUSTOMER',
        orderId: placed.subject,
        eventId: placed.id,
        correlationId: placed.correlationid,
      },
      { audience: 'RESTAURANT', text: '2 × Dal: 2.00 INR' },
    ]);
  });

  it('stores what is handled together as one batch, and none where all is known', async () => {
    const [one, two] = [orderCancelled(newId()), orderCancelled(newId())];
    await notify(one, two);
    await db.database.processedEvent.deleteMany();
    await notify(two);
    const [batch, ...others] = await batches();
    expect(others).toEqual([]);
    expect(batch).toMatchObject({ leasedUntil: null, deliveredAt: null });
    expect((await stored()).map(({ batchId }) => batchId)).toEqual(Array(4).fill(batch?.id));
  });

  it('tells the restaurant of its stock, and the customer why an order was cancelled', async () => {
    const item = newId();
    const data = {
      menu_item_id: item,
      restaurant_id: newId(),
      name: 'Dal',
      available_qty: 3,
      low_stock_threshold: 10,
    };
    await notify(anEvent('inventory.low_stock.v1', item, data));
    await notify(orderCancelled(newId()));
    expect((await stored()).map((one) => [one.audience, one.title])).toEqual([
      ['RESTAURANT', 'Dal is running low'],
      ['CUSTOMER', 'Your order is cancelled'],
      ['RESTAURANT', 'An order is cancelled'],
    ]);
  });

  it('says of a cancellation for a reason that it does not know what is true of any', async () => {
    for (const reason of ['FRAUD_SUSPECTED', 'constructor', 'toString']) {
      const { data, type, subject } = orderCancelled(newId());
      await notify(eventFrom(anEvent(type, subject, data), { reason }));
    }
    expect((await stored()).map((one) => one.text)).toEqual([
      'The order was cancelled.',
      ' (FRAUD_SUSPECTED)',
      'The order was cancelled.',
      ' (constructor)',
      'The order was cancelled.',
      ' (toString)',
    ]);
  });

  it('tells the customer what becomes of the money, and the restaurant what it does not get', async () => {
    const payment = {
      payment_id: newId(),
      order_id: newId(),
      restaurant_id: newId(),
      amount: 900.5,
      currency: 'INR',
      gateway: 'simulator',
      gateway_reference: 'pay_1',
    };
    const { order_id: order } = payment;
    const at = new Date().toISOString();
    const failed = (decline_code: string) =>
      anEvent('payment.failed.v1', order, { ...payment, decline_code, failed_at: at });
    await notify(anEvent('payment.authorized.v1', order, { ...payment, authorized_at: at }));
    await notify(failed('insufficient_funds'));
    await notify(failed('stolen_card'), failed('constructor'));
    await notify(anEvent('payment.completed.v1', order, { ...payment, captured_at: at }));
    await notify(anEvent('payment.refunded.v1', order, { ...payment, refunded_at: at }));
    const told = (await stored()).map(({ audience, title, text, orderId }) => {
      expect(orderId).toBe(order);
      return [audience, title, text];
    });
    const declined = ['CUSTOMER', 'Your payment did not go through'];
    const notCharged = 'You were not charged the 900.50 INR.';
    expect(told).toEqual([
      ['CUSTOMER', 'Your card is authorised', expect.stringContaining('900.50 INR are reserved on it')],
      [...declined, `There is not enough money on your card. ${notCharged}`],
      [...declined, `Your card was not accepted. ${notCharged}`],
      [...declined, `Your card was not accepted. ${notCharged}`],
      ['CUSTOMER', 'Your card is charged', `900.50 INR, paid by card. Receipt ${payment.payment_id}.`],
      ['CUSTOMER', 'Your money is on its way back', expect.stringContaining('900.50 INR are refunded')],
      ['RESTAURANT', 'A payment is refunded', '900.50 INR of a cancelled order.'],
    ]);
  });

  it('hands each to the channel once, in the order they were stored', async () => {
    for (let n = 0; n < 3; n++) await notify(orderCancelled(newId()), orderCancelled(newId()));
    const told: string[] = [];
    deliver(async ({ id }) => void told.push(id));
    await allDelivered();
    expect(told).toEqual(await ids());
  });

  it('hands on at once what a handler has committed, whenever it looks by itself', async () => {
    const told: string[] = [];
    deliver(async ({ eventId }) => void told.push(eventId), 3_600_000);
    for (let n = 0; n < 3; n++) {
      const event = orderCancelled(newId());
      await notify(event);
      await until('it to be told', () => told.includes(event.id));
    }
    await allDelivered();
  });

  it('hands each to the channel once, though two instances deliver', async () => {
    for (let n = 0; n < 60; n++) await notify(orderCancelled(newId()));
    const told: string[] = [];
    // Neither goes on before both have something.
    let waiting = 2;
    const instance = (): Teller => {
      let first = true;
      return async ({ id }) => {
        if (first) waiting--;
        first = false;
        await until('both to deliver', () => waiting === 0);
        told.push(id);
      };
    };
    deliver(instance());
    deliver(instance());
    await allDelivered();
    expect(told.toSorted()).toEqual(await ids());
  });

  it('tries again what the channel did not take, and tells the others of its batch once', async () => {
    await notify(orderCancelled(newId()), orderCancelled(newId()));
    const [whole] = await batches();
    const told: string[] = [];
    let full = true;
    deliver(async ({ id, audience }) => {
      if (audience === 'CUSTOMER' && full) throw new Error('mailbox full');
      told.push(id);
    });
    await until('the others', async () => (await batches()).some(({ deliveredAt }) => deliveredAt));
    const [old, rest] = await batches();
    expect(old?.id).toBe(whole?.id);
    expect(rest).toMatchObject({ leasedUntil: expect.any(Date), deliveredAt: null });
    expect(rest!.leasedUntil!.getTime()).toBeGreaterThan(Date.now() + 15_000);
    for (const { audience, batchId } of await stored())
      expect(batchId).toBe(audience === 'CUSTOMER' ? rest!.id : old!.id);

    full = false;
    await leasesRunOut();
    await allDelivered();
    expect(told.toSorted()).toEqual(await ids());
  });

  it('leaves a batch of which the channel took nothing as it is, for later', async () => {
    await notify(orderCancelled(newId()));
    const before = await stored();
    const told: string[] = [];
    let tries = 0;
    deliver(async ({ id }) => {
      if (++tries <= 2) throw new Error('no connection');
      told.push(id);
    });
    await until('both to be tried', () => tries === 2);
    // A later one is delivered: that round is over.
    await notify(orderCancelled(newId()));
    await until('the later one', async () => (await batches())[1]?.deliveredAt);
    expect(await batches()).toMatchObject([
      { leasedUntil: expect.any(Date), deliveredAt: null },
      { deliveredAt: expect.any(Date) },
    ]);
    expect((await stored()).slice(0, 2)).toEqual(before);

    await leasesRunOut();
    await allDelivered();
    expect(told.toSorted()).toEqual(await ids());
  });

  it('tells what a dead instance had leased, when its lease has run out', async () => {
    let wake!: () => void;
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    const [leased, later] = [orderCancelled(newId()), orderCancelled(newId())];
    await notify(leased);
    deliver(() => asleep);
    await until('the lease', async () => (await batches())[0]?.leasedUntil);
    try {
      await notify(later);
      const told: string[] = [];
      deliver(async ({ eventId }) => void told.push(eventId));
      await until('what nobody has leased', () => told.length === 2);
      expect(new Set(told)).toEqual(new Set([later.id]));
      await leasesRunOut();
      await until('the rest', () => told.length === 4);
      expect(told.slice(2)).toEqual([leased.id, leased.id]);
      await allDelivered();
    } finally {
      wake();
    }
  });

  it('tells a slow channel only what it can note within the lease', async () => {
    await notify(orderCancelled(newId()));
    await notify(orderCancelled(newId()));
    const now = performance.now.bind(performance);
    const told: string[] = [];
    deliver(async ({ id }) => {
      told.push(id);
      if (told.length === 1) jest.spyOn(performance, 'now').mockImplementation(() => now() + 20_000);
    });
    await until('the first', async () => (await batches()).some(({ deliveredAt }) => deliveredAt));
    expect(told).toEqual((await ids()).slice(0, 1));

    jest.restoreAllMocks();
    await leasesRunOut();
    await allDelivered();
    expect(told.toSorted()).toEqual(await ids());
  });
});
