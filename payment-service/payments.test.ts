import type { EventType } from '../shared/events/contracts';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { sealCardToken, withId, type CardTokenKeys } from '../shared/payment/card-token';
import { anEvent, eventFrom, orderCancelled, orderPlaced } from '../shared/testing/events';
import { drainOutbox, handle, outbox } from '../shared/testing/handle';
import { createLogger } from '../shared/service/logger';
import { neverPaused } from '../shared/service/pauses';
import type { Stop } from '../shared/service/run-service';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';
import type { Finding } from './ask-gateway';
import { GatewayUnavailableError, NoAnswerError, type Gateway, type GatewayPayment } from './gateway/gateway';
import { handlers } from './handlers';
import type { PaymentState } from '../shared/payment/payment-lifecycle';
import { settlePayment } from './settle-payment';
import { checkTakeover } from './check-takeover';
import { claim, workOn, workPayments } from './work-payments';

const KEYS: CardTokenKeys = [withId(Buffer.alloc(32))];
let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());
beforeEach(async () => {
  await drainOutbox(db.database);
  await db.database.payment.updateMany({
    where: { nextAttemptAt: { not: null } },
    data: { nextAttemptAt: new Date(Date.now() + 3_600_000) },
  });
});

const card = (orderId = newId(), total = 240.5): Event<'order.placed.v1'> => {
  const { data } = orderPlaced([{ menu_item_id: newId(), quantity: 1 }], orderId);
  return anEvent('order.placed.v1', orderId, { ...data, payment_method: 'CARD', total_amount: total });
};
const cancelled = (orderId: string, method?: 'CASH' | 'CARD'): Event<'order.cancelled.v1'> => {
  const { data } = orderCancelled(orderId);
  return anEvent('order.cancelled.v1', orderId, { ...data, payment_method: method });
};
const preparing = (orderId: string, method?: 'CASH' | 'CARD') =>
  anEvent('order.status.preparing.v1', orderId, {
    order_id: orderId,
    restaurant_id: newId(),
    previous_status: 'PLACED',
    actor: 'MESH',
    changed_at: new Date().toISOString(),
    status: 'PREPARING',
    payment_method: method,
  });
const pay = (...events: Event[]) => handle(db.database, 'payment-service', handlers, ...events);
const read = (orderId: string) => db.database.payment.findUnique({ where: { orderId } });
const ledger = async (orderId: string) =>
  (await db.database.paymentLedger.findMany({ where: { orderId }, orderBy: { id: 'asc' } })).map(
    ({ kind, amount }) => `${kind} ${amount.toFixed(2)}`,
  );
const keepToken = (orderId: string) =>
  db.database.cardToken.create({
    data: { orderId, ciphertext: Uint8Array.from(sealCardToken(KEYS, orderId, 'tok').bytes) },
  });
const tokens = (orderId: string) => db.database.cardToken.count({ where: { orderId } });

const nothing = { authorized: '0.00', captured: '0.00', refunded: '0.00' };
const found = (status: GatewayPayment['status'], more: Partial<GatewayPayment> = {}): GatewayPayment => ({
  reference: 'pay_1',
  status,
  currency: 'INR',
  ...nothing,
  ...more,
});
const authorized: Finding = { cause: 'authorized', found: found('authorized', { authorized: '240.50' }) };
const captured: Finding = {
  cause: 'captured',
  found: found('captured', { authorized: '240.50', captured: '240.50' }),
};
const asIs = async (orderId: string) => {
  const { state, round } = await db.database.payment.findUniqueOrThrow({ where: { orderId } });
  return { order_id: orderId, state: state as PaymentState, round };
};
/** Of the payment as it is at that moment. */
const settle = async (orderId: string, finding: Finding) => {
  const asked = await asIs(orderId);
  return db.database.$transaction((tx) => settlePayment(tx, asked, finding));
};
const take = async (limit: number, { gateway = 'simulator', takeoverMs = 60_000 } = {}) =>
  (await claim(db.database, gateway, limit, takeoverMs)).claimed;
/** As the worker does before it asks about a card. */
const opened = (orderId: string) =>
  db.database.payment.update({
    where: { orderId },
    data: { gateway: 'simulator', gatewayReference: `pay_${orderId}`, attempts: 1 },
  });

describe('an order', () => {
  it('by card is to be authorised, once, whatever is delivered again', async () => {
    const event = card();
    const id = event.subject;
    await pay(event, event);
    await pay(event);
    await db.database.processedEvent.deleteMany(); // past its retention
    await pay(event);
    expect(await read(id)).toMatchObject({
      state: 'AUTHORIZING',
      currency: 'INR',
      correlationId: event.correlationid,
      causedBy: event.id,
    });
    expect((await read(id))?.amount.toFixed(2)).toBe('240.50');
    expect(await db.database.paymentMove.count({ where: { orderId: id } })).toBe(1);
  });

  it('in cash has no payment, in none of its events', async () => {
    const event = orderPlaced([{ menu_item_id: newId(), quantity: 1 }]);
    await pay(event);
    await pay(preparing(event.subject, 'CASH'));
    await pay(cancelled(event.subject, 'CASH'));
    expect(await read(event.subject)).toBeNull();
  });

  it('from before there were payments is prepared without one', async () => {
    await pay(preparing(newId()));
  });

  it('by a method that this version does not know is left to one that knows it, and no tombstone is put up', async () => {
    const id = newId();
    for (const event of [card(id), preparing(id, 'CARD'), cancelled(id, 'CARD')])
      await expect(pay(eventFrom<EventType>(event, { payment_method: 'WALLET' }))).rejects.toThrow(
        'payment_method is "WALLET", which this version does not know',
      );
    expect(await read(id)).toBeNull();
  });

  it('is charged when it is prepared, and only when its authorisation is known', async () => {
    const { subject: id, ...event } = card();
    await pay({ ...event, subject: id });
    await expect(pay(preparing(id, 'CARD'))).rejects.toThrow('no authorisation is known');
    await opened(id);
    await settle(id, authorized);
    const news = preparing(id, 'CARD');
    await pay(news);
    expect(await read(id)).toMatchObject({ state: 'CAPTURING', causedBy: news.id });
    await settle(id, captured);
    expect((await outbox(db.database)).map(({ type, causationid }) => [type, causationid])).toEqual([
      ['payment.authorized.v1', event.id],
      ['payment.completed.v1', news.id],
    ]);
    expect(await ledger(id)).toEqual(['AUTHORIZED 240.50', 'CAPTURED 240.50']);
  });

  it('that is cancelled before it is seen is never paid: the cancellation leaves a tombstone', async () => {
    const event = card();
    await keepToken(event.subject);
    await pay(cancelled(event.subject, 'CARD'));
    await pay(event);
    expect(await read(event.subject)).toMatchObject({ state: 'CANCELLED', orderCancelled: true });
    expect(await tokens(event.subject)).toBe(0);
    expect(await take(10)).toEqual([]);
  });

  it('that is cancelled needs no gateway if it was not asked, and finds out first if it was', async () => {
    const [unasked, asked] = [card(), card()];
    await pay(unasked, asked);
    await Promise.all([keepToken(unasked.subject), keepToken(asked.subject)]);
    await opened(asked.subject);
    await pay(cancelled(unasked.subject, 'CARD'), cancelled(asked.subject, 'CARD'));
    expect((await read(unasked.subject))?.state).toBe('CANCELLED');
    expect((await read(asked.subject))?.state).toBe('RESOLVING');
    expect((await tokens(unasked.subject)) + (await tokens(asked.subject))).toBe(0);
  });
});

describe('an outcome', () => {
  it('is recorded and announced once, of twenty that bring it at the same moment', async () => {
    const event = card();
    await pay(event);
    await keepToken(event.subject);
    await opened(event.subject);
    const settled = await Promise.all(Array.from({ length: 20 }, () => settle(event.subject, authorized)));
    expect(settled.filter((one) => one?.moved)).toHaveLength(1);
    expect(await ledger(event.subject)).toEqual(['AUTHORIZED 240.50']);
    expect((await outbox(db.database)).map(({ type }) => type)).toEqual(['payment.authorized.v1']);
    expect(await tokens(event.subject)).toBe(0);
  });

  it('that is a decline is told with its code, and nothing is entered in the ledger', async () => {
    const event = card();
    await pay(event);
    await settle(event.subject, { cause: 'declined', declineCode: 'expired_card' });
    expect(await outbox(db.database)).toMatchObject([
      { type: 'payment.failed.v1', data: { decline_code: 'expired_card', amount: 240.5, currency: 'INR' } },
    ]);
    expect(await ledger(event.subject)).toEqual([]);
  });

  it('of another amount goes into review: entered as it is, and not announced', async () => {
    const event = card();
    await pay(event);
    await opened(event.subject);
    const review = { operation: 'AUTHORIZE', reason: 'asked for 240.50' } as const;
    const other = found('authorized', { authorized: '1.00' });
    await settle(event.subject, { cause: 'mismatch', found: other, review });
    expect(await read(event.subject)).toMatchObject({ state: 'REVIEW', reviewOperation: 'AUTHORIZE' });
    expect(await ledger(event.subject)).toEqual(['AUTHORIZED 1.00']);
    expect(await outbox(db.database)).toEqual([]);
    await pay(cancelled(event.subject, 'CARD'));
    expect((await read(event.subject))?.state).toBe('RESOLVING');
  });

  it('that was found before the payment moved on makes nothing of it, in review least of all', async () => {
    const event = card();
    await pay(event);
    await opened(event.subject);
    const then = await asIs(event.subject);
    await settle(event.subject, authorized);
    await pay(preparing(event.subject, 'CARD'));
    const review = { operation: 'CAPTURE', reason: 'capture_refused' } as const;
    await settle(event.subject, { cause: 'refused', review });
    const late = await db.database.$transaction((tx) => settlePayment(tx, then, authorized));
    expect(late).toMatchObject({ moved: false, payment: { state: 'REVIEW' } });
    expect((await read(event.subject))?.state).toBe('REVIEW');
  });

  it('that comes after the order was cancelled is undone', async () => {
    const event = card();
    await pay(event);
    await opened(event.subject);
    await pay(cancelled(event.subject, 'CARD'));
    await settle(event.subject, authorized);
    expect((await read(event.subject))?.state).toBe('VOIDING');
    await settle(event.subject, captured); // a capture had been on its way
    expect((await read(event.subject))?.state).toBe('REFUNDING');
  });
});

describe('a call without an answer', () => {
  const options = { CARD_TOKEN_KEY: KEYS, PAYMENT_TAKEOVER: 60_000 };
  /** A gateway of which only the failure matters. */
  const failing = (error: Error) =>
    ({ name: 'simulator', open: () => Promise.reject(error) }) as unknown as Gateway;
  const attempt = async (error: Error) => {
    const event = card();
    await pay(event);
    const [payment] = await take(1);
    await workOn(db.database, failing(error), options, payment!, createLogger('test', 'silent'));
    return read(event.subject);
  };

  it('is made again later, under the same key', async () => {
    const payment = await attempt(new NoAnswerError('connection reset'));
    expect(payment).toMatchObject({
      state: 'AUTHORIZING',
      attempts: 1,
      round: 0,
      lastError: 'connection reset',
    });
    expect(payment!.nextAttemptAt!.getTime()).toBeLessThan(Date.now() + 2_000);
  });

  it('is made under a new key where the gateway would repeat its error', async () => {
    expect(await attempt(new NoAnswerError('500', { keySpent: true }))).toMatchObject({ round: 1 });
  });

  it('was none where the circuit is open: a cancellation needs no gateway', async () => {
    const payment = await attempt(new GatewayUnavailableError('circuit open'));
    expect(payment).toMatchObject({ attempts: 0 });
    await pay(cancelled(payment!.orderId, 'CARD'));
    expect((await read(payment!.orderId))?.state).toBe('CANCELLED');
  });
});

describe('the worker', () => {
  const asked: string[] = [];
  const silent = {
    name: 'simulator',
    open: ({ orderId }: { orderId: string }) => {
      asked.push(orderId);
      return Promise.reject(new NoAnswerError('connection reset'));
    },
  } as unknown as Gateway;
  const stops: Stop[] = [];
  const work = (lookEveryMs: number) => {
    const options = { CARD_TOKEN_KEY: KEYS, PAYMENT_TAKEOVER: 60_000, PAYMENT_CONCURRENCY: 4, lookEveryMs };
    stops.push(
      workPayments(
        silent,
        options,
      )({
        database: db.database,
        log: createLogger('test', 'silent'),
        answer: () => undefined,
        pauses: neverPaused,
        during: (_name, piece) => piece(),
      }),
    );
  };
  const askedAbout = (orderId: string, times = 1) =>
    until('the gateway to be asked', () => asked.filter((id) => id === orderId).length >= times);
  afterEach(async () => void (await Promise.all(stops.splice(0).map((stop) => stop()))));

  it('begins once a handler has committed, and again when a payment is due, whenever it looks by itself', async () => {
    work(3_600_000);
    for (const event of [card(), card()]) {
      await pay(event);
      await askedAbout(event.subject);
    }
    const event = card();
    await pay(event);
    await askedAbout(event.subject, 2);
  });

  it('finds what nobody has told it of', async () => {
    const event = card();
    await pay(event);
    await db.database.$executeRaw`
      UPDATE payments SET next_attempt_at = now() + interval '1 hour' WHERE order_id = ${event.subject}::uuid`;
    work(20);
    await db.database.$executeRaw`
      UPDATE payments SET next_attempt_at = now() WHERE order_id = ${event.subject}::uuid`;
    await askedAbout(event.subject);
  });
});

describe('a card token whose key is gone', () => {
  it('waits, and says which key is needed', async () => {
    const event = card();
    await pay(event);
    await keepToken(event.subject);
    const used = withId(Buffer.alloc(32, 9));
    await db.database.cardToken.update({ where: { orderId: event.subject }, data: { keyId: used.id } });
    await opened(event.subject);
    await db.database.payment.update({
      where: { orderId: event.subject },
      data: { nextAttemptAt: new Date(0) },
    });
    const [payment] = await take(1);
    const gateway = { name: 'simulator' } as Gateway;
    const options = { CARD_TOKEN_KEY: KEYS, PAYMENT_TAKEOVER: 60_000 };
    await workOn(db.database, gateway, options, payment!, createLogger('test', 'silent'));
    expect(await read(event.subject)).toMatchObject({
      state: 'AUTHORIZING',
      lastError: expect.stringContaining(`it does not have the key ${used.id}`),
    });
    expect(await db.database.cardToken.count({ where: { orderId: event.subject } })).toBe(1);
  });
});

describe('settings that make no sense beside each other', () => {
  it('a takeover while a call may still be under way is refused', () => {
    const timeouts = { PAYMENT_TIMEOUT: 5_000 };
    expect(() => checkTakeover(timeouts, { PAYMENT_TAKEOVER: 15_000 })).toThrow(
      'PAYMENT_TAKEOVER: must be 17s or longer',
    );
    expect(() => checkTakeover(timeouts, { PAYMENT_TAKEOVER: 17_000 })).not.toThrow();
  });
});

describe('a process that stood still', () => {
  it('leaves alone what another has authorised meanwhile, though the token is gone', async () => {
    const event = card();
    await pay(event);
    await keepToken(event.subject);
    await opened(event.subject);
    await db.database.payment.update({
      where: { orderId: event.subject },
      data: { nextAttemptAt: new Date(0) },
    });
    const [stale] = await take(1, { takeoverMs: 0 });
    await settle(event.subject, authorized);
    const asked: string[] = [];
    const gateway = new Proxy({} as Gateway, {
      get: (_, call: string) =>
        call === 'name' ? 'simulator' : () => asked.push(call) && Promise.reject(new Error(call)),
    });
    const options = { CARD_TOKEN_KEY: KEYS, PAYMENT_TAKEOVER: 0 };
    await workOn(db.database, gateway, options, stale!, createLogger('test', 'silent'));
    expect(asked).toEqual([]);
    expect((await read(event.subject))?.state).toBe('AUTHORIZED');
  });
});

describe('races', () => {
  it('between order and cancellation never leave one that would still be asked about', async () => {
    const events = Array.from({ length: 20 }, () => card());
    await Promise.all(events.flatMap((event) => [pay(event), pay(cancelled(event.subject, 'CARD'))]));
    for (const event of events) expect((await read(event.subject))?.state).toBe('CANCELLED');
  });

  it('between workers give each payment to one of them', async () => {
    const events = Array.from({ length: 15 }, () => card());
    await pay(...events);
    const claimed = await Promise.all(Array.from({ length: 20 }, () => take(4)));
    const ids = claimed.flat().map(({ order_id }) => order_id);
    expect(ids.sort()).toEqual(events.map(({ subject }) => subject).sort());
  });

  it('leave what was opened at another gateway to those who can ask there', async () => {
    const event = card();
    await pay(event);
    await opened(event.subject);
    expect(await take(10, { gateway: 'stripe' })).toEqual([]);
    expect(await take(10)).toHaveLength(1);
  });
});
