import { newId } from '../shared/ids';
import { drainOutbox, handle } from '../shared/testing/handle';
import { orderCancelled } from '../shared/testing/events';
import { seedMenu } from '../shared/testing/seed';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { handlers } from './handlers';
import {
  paymentCauses,
  repeatable,
  reviewedOperations,
  settlements,
  type ReviewedOperation,
} from '../shared/payment/payment-lifecycle';
import { findInReview, findStuck, readPayment, ReviewError, retryPayment, settleReview } from './review';

let db: TestDatabase;
let restaurantId: string;
beforeAll(async () => {
  db = await createTestDatabase();
  ({ restaurantId } = await seedMenu(db.database, []));
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.database
    .$executeRaw`TRUNCATE orders, payments, payment_moves, payment_ledger, outbox_events CASCADE`;
});

const asha = { name: 'asha', note: 'the dashboard says so' };
const operations = reviewedOperations;
const again = Object.keys(repeatable) as ReviewedOperation[];

/** What the ledger has when an operation comes into review: all that went well before it. */
const BEFORE: Record<ReviewedOperation, string[]> = {
  AUTHORIZE: [],
  CAPTURE: ['AUTHORIZED'],
  VOID: ['AUTHORIZED'],
  REFUND: ['AUTHORIZED', 'CAPTURED'],
};

interface Given {
  operation: ReviewedOperation;
  cancelled?: boolean;
  ledger?: string[];
}

/** An order of 300.00 whose payment is in review. @returns its id */
async function inReview({
  operation,
  cancelled = false,
  ledger = BEFORE[operation],
}: Given): Promise<string> {
  const [orderId, id] = [newId(), newId()];
  const status = cancelled ? { status: 'CANCELLED', cancelReason: 'CUSTOMER' } : { status: 'PREPARING' };
  await db.database.order.create({
    data: {
      id: orderId,
      restaurantId,
      ...status,
      currency: 'INR',
      totalAmount: 300,
      paymentMethod: 'CARD',
      correlationId: 'c',
    },
  });
  await db.database.payment.create({
    data: {
      id,
      orderId,
      restaurantId,
      amount: 300,
      currency: 'INR',
      state: 'REVIEW',
      orderCancelled: cancelled,
      gateway: 'simulator',
      gatewayReference: `pay_${id}`,
      reviewOperation: operation,
      reviewReason: 'refused_by_gateway: no more',
      round: 0,
      correlationId: 'chain',
    },
  });
  await db.database.paymentLedger.createMany({
    data: ledger.map((kind) => ({ paymentId: id, orderId, kind, amount: 300, currency: 'INR' })),
  });
  return orderId;
}

async function after(orderId: string) {
  const { payment, moves, ledger } = await readPayment(db.database, orderId);
  const events = await drainOutbox(db.database);
  return {
    state: payment.state,
    working: payment.nextAttemptAt !== null,
    ledger: ledger.map(({ kind, amount }) => `${kind} ${amount.toFixed(2)}`),
    events: events.map(({ type }) => type),
    correlations: new Set(events.map(({ correlationid }) => correlationid)),
    move: moves.at(-1),
  };
}

/** operation, settlement, cancelled: then state, what is new in the ledger, what is announced */
const settledSo: [ReviewedOperation, string, boolean, string, string[], string[]][] = [
  ['AUTHORIZE', 'authorized', false, 'AUTHORIZED', ['AUTHORIZED'], ['payment.authorized.v1']],
  ['AUTHORIZE', 'authorized', true, 'VOIDING', ['AUTHORIZED'], ['payment.authorized.v1']],
  ['AUTHORIZE', 'declined', false, 'RESOLVING', [], ['payment.failed.v1']],
  ['AUTHORIZE', 'declined', true, 'RESOLVING', [], ['payment.failed.v1']],
  ['CAPTURE', 'captured', false, 'CAPTURED', ['CAPTURED'], ['payment.completed.v1']],
  ['CAPTURE', 'captured', true, 'REFUNDING', ['CAPTURED'], ['payment.completed.v1']],
  ['CAPTURE', 'voided', false, 'VOIDED', ['VOIDED'], ['payment.voided.v1']],
  ['CAPTURE', 'voided', true, 'VOIDED', ['VOIDED'], ['payment.voided.v1']],
  ['VOID', 'voided', false, 'VOIDED', ['VOIDED'], ['payment.voided.v1']],
  ['VOID', 'voided', true, 'VOIDED', ['VOIDED'], ['payment.voided.v1']],
  ['VOID', 'captured', false, 'CAPTURED', ['CAPTURED'], ['payment.completed.v1']],
  ['VOID', 'captured', true, 'REFUNDING', ['CAPTURED'], ['payment.completed.v1']],
  ['REFUND', 'refunded', false, 'REFUNDED', ['REFUNDED'], ['payment.refunded.v1']],
  ['REFUND', 'refunded', true, 'REFUNDED', ['REFUNDED'], ['payment.refunded.v1']],
  ['REFUND', 'voided', false, 'VOIDED', ['VOIDED'], ['payment.voided.v1']],
  ['REFUND', 'voided', true, 'VOIDED', ['VOIDED'], ['payment.voided.v1']],
];

describe('a payment in review', () => {
  it.each(settledSo)(
    '%s, settled as %s (cancelled: %s), becomes %s',
    async (operation, cause, cancelled, state, entries, events) => {
      const id = await inReview({ operation, cancelled });
      await settleReview(db.database, id, cause as (typeof paymentCauses)[number], asha);
      const now = await after(id);
      expect(now).toMatchObject({
        state,
        working: ['VOIDING', 'REFUNDING', 'RESOLVING'].includes(state),
        ledger: [...BEFORE[operation], ...entries].map((kind) => `${kind} 300.00`),
        events,
        correlations: new Set(['chain']),
        move: { fromState: 'REVIEW', toState: state, cause, operator: 'asha', note: asha.note },
      });
    },
  );

  it('can be settled in no other way than was tested here', async () => {
    for (const operation of operations) {
      const tested = settledSo.filter(([one]) => one === operation).map(([, cause]) => cause);
      expect([operation, new Set(tested)]).toEqual([operation, new Set(settlements[operation])]);
      const id = await inReview({ operation });
      for (const cause of paymentCauses.filter((one) => !settlements[operation].includes(one)))
        await expect(settleReview(db.database, id, cause, asha)).rejects.toThrow(
          `Its ${operation} can be settled as ${settlements[operation].join(' or ')}, not as ${cause}.`,
        );
      expect(await after(id)).toMatchObject({ state: 'REVIEW', events: [], move: undefined });
    }
  });

  it('on an authorisation of less than the order comes to is refused as authorized: it could not be charged', async () => {
    const id = await inReview({ operation: 'AUTHORIZE', ledger: ['AUTHORIZED'] });
    await db.database.paymentLedger.updateMany({ where: { orderId: id }, data: { amount: 299 } });
    await expect(settleReview(db.database, id, 'authorized', asha)).rejects.toThrow(
      'The gateway holds 299.00 INR of 300.00 INR, so the order could not be charged.',
    );
    expect(await after(id)).toMatchObject({ state: 'REVIEW', events: [] });
    await db.database.paymentLedger.updateMany({ where: { orderId: id }, data: { amount: 301 } });
    await settleReview(db.database, id, 'authorized', asha); // more than enough
    expect(await after(id)).toMatchObject({ state: 'AUTHORIZED' });
  });

  it('with a sum that is recorded already, is believed by the operator: the order hears of it', async () => {
    const id = await inReview({ operation: 'AUTHORIZE', ledger: ['AUTHORIZED'] });
    await settleReview(db.database, id, 'authorized', asha);
    expect(await after(id)).toMatchObject({
      ledger: ['AUTHORIZED 300.00'],
      events: ['payment.authorized.v1'],
    });
  });

  it('says of an operator’s no what every decline says', async () => {
    const id = await inReview({ operation: 'AUTHORIZE' });
    await settleReview(db.database, id, 'declined', asha);
    const [event] = await drainOutbox(db.database);
    expect(event?.data).toMatchObject({ order_id: id, amount: 300, decline_code: 'declined_by_operator' });
  });

  it.each(again)('%s can be tried again, under another key', async (operation) => {
    const id = await inReview({ operation });
    await retryPayment(db.database, id, asha);
    const { payment } = await readPayment(db.database, id);
    expect(payment).toMatchObject({
      state: repeatable[operation],
      round: 1,
      attempts: 0,
      reviewOperation: null,
    });
    expect(await after(id)).toMatchObject({
      working: true,
      events: [],
      move: { cause: 'tried_again', operator: 'asha', note: asha.note },
    });
    await expect(retryPayment(db.database, id, asha)).rejects.toThrow(
      `It is ${repeatable[operation]}, not in REVIEW: the gateway is being asked.`,
    );
  });

  it('AUTHORIZE cannot be tried again: its card token is gone', async () => {
    const id = await inReview({ operation: 'AUTHORIZE' });
    await expect(retryPayment(db.database, id, asha)).rejects.toThrow(
      'Its AUTHORIZE cannot be tried again; settle it as authorized or declined.',
    );
  });

  it('with another sum captured, is refunded that sum by the operator’s word', async () => {
    const id = await inReview({ operation: 'REFUND', cancelled: true });
    await db.database.paymentLedger.updateMany({
      where: { orderId: id, kind: 'CAPTURED' },
      data: { amount: 299 },
    });
    await settleReview(db.database, id, 'refunded', asha);
    expect((await after(id)).ledger).toContain('REFUNDED 299.00');
  });

  it('with another sum authorised, goes on with that sum, in the ledger and in the events', async () => {
    const id = await inReview({ operation: 'AUTHORIZE', ledger: ['AUTHORIZED'] });
    await db.database.paymentLedger.updateMany({ where: { orderId: id }, data: { amount: 301 } });
    await settleReview(db.database, id, 'authorized', asha);
    expect((await drainOutbox(db.database)).map(({ data }) => data)).toMatchObject([{ amount: 301 }]);
    await db.database.payment.update({
      where: { orderId: id },
      data: { state: 'REVIEW', reviewOperation: 'CAPTURE' },
    });
    await settleReview(db.database, id, 'captured', asha);
    expect((await drainOutbox(db.database)).map(({ data }) => data)).toMatchObject([{ amount: 301 }]);
    expect((await after(id)).ledger).toEqual(['AUTHORIZED 301.00', 'CAPTURED 301.00']);
  });

  it('with a charge that is recorded already, is believed by the operator: it is announced', async () => {
    const id = await inReview({ operation: 'CAPTURE', ledger: ['AUTHORIZED', 'CAPTURED'] });
    await settleReview(db.database, id, 'captured', asha);
    expect((await after(id)).events).toEqual(['payment.completed.v1']);
  });

  it('is given back when its order is cancelled and it turns out to be captured', async () => {
    const id = await inReview({ operation: 'VOID', cancelled: true });
    await handle(db.database, 'payment-service', handlers, orderCancelled(id));
    await settleReview(db.database, id, 'captured', asha);
    expect(await after(id)).toMatchObject({ state: 'REFUNDING', working: true });
  });

  it('is settled by one of many operators', async () => {
    const id = await inReview({ operation: 'CAPTURE' });
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        n % 2
          ? settleReview(db.database, id, n % 4 === 1 ? 'captured' : 'voided', {
              name: `${n}`,
              note: 'I say',
            })
          : retryPayment(db.database, id, { name: `${n}`, note: 'again' }),
      ),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of tries) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(ReviewError);
    const { moves } = await readPayment(db.database, id);
    expect(moves).toHaveLength(1);
  });
});

describe('what an operator asks for', () => {
  it('is refused with the reason where there is nothing to settle', async () => {
    const [nobodys, cash, young] = [newId(), newId(), newId()];
    const order = { restaurantId, status: 'PLACED', currency: 'INR', totalAmount: 1, correlationId: 'c' };
    await db.database.order.createMany({
      data: [
        { ...order, id: cash },
        { ...order, id: young, paymentMethod: 'CARD' },
      ],
    });
    const refusals: [string, string][] = [
      [nobodys, `There is no order ${nobodys}.`],
      [cash, 'is paid by CASH'],
      [young, 'does not know of order'],
    ];
    for (const [id, message] of refusals) {
      await expect(settleReview(db.database, id, 'captured', asha)).rejects.toThrow(message);
      await expect(retryPayment(db.database, id, asha)).rejects.toThrow(message);
      await expect(readPayment(db.database, id)).rejects.toThrow(message);
    }
  });

  it('finds what is in review and what is asked about for long, the longest waiting first', async () => {
    const [younger, older, asked, fresh] = [
      await inReview({ operation: 'REFUND', cancelled: true }),
      await inReview({ operation: 'CAPTURE' }),
      await inReview({ operation: 'CAPTURE' }),
      await inReview({ operation: 'VOID' }),
    ];
    await db.database.$executeRaw`
      UPDATE payments SET updated_at = now() - interval '1 hour' WHERE order_id IN (${older}::uuid, ${asked}::uuid)`;
    for (const id of [asked, fresh]) await retryPayment(db.database, id, asha);
    await db.database.$executeRaw`
      UPDATE payments SET updated_at = now() - interval '1 hour', last_error = 'no answer' WHERE order_id = ${asked}::uuid`;
    expect(await findInReview(db.database, 10)).toMatchObject([
      {
        order_id: older,
        order_status: 'PREPARING',
        review_operation: 'CAPTURE',
        review_reason: 'refused_by_gateway: no more',
      },
      { order_id: younger, order_status: 'CANCELLED' },
    ]);
    expect(await findInReview(db.database, 1)).toHaveLength(1);
    expect(await findStuck(db.database, 600_000, 10)).toMatchObject([
      { order_id: asked, state: 'CAPTURING', last_error: 'no answer' },
    ]);
  });
});
