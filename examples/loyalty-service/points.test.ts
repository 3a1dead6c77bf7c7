import fc from 'fast-check';
import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { anEvent } from '../../shared/testing/events';
import { handle } from '../../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { handlers } from './handlers';
import { pointsFor } from './points-for';
import { readPoints } from './read-points';

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());

interface Payment {
  payment_id?: string;
  customer_id?: string | null;
  amount?: number;
  currency?: string;
}
const factsOf = ({ payment_id = newId(), customer_id, amount = 450, currency = 'INR' }: Payment) => ({
  payment_id,
  order_id: newId(),
  restaurant_id: newId(),
  customer_id,
  amount,
  currency,
  gateway: 'simulator',
});
const at = '2026-11-21T10:00:00Z';
const completed = (of: Payment) =>
  anEvent('payment.completed.v1', newId(), { ...factsOf(of), captured_at: at });
const refunded = (of: Payment) =>
  anEvent('payment.refunded.v1', newId(), { ...factsOf(of), refunded_at: at });

/** A batch is of one type. */
const given = (...events: Event[]) => handle(db.database, 'loyalty-service', handlers, ...events);
const pointsOf = async (customer: string) => (await readPoints(db.database, customer)).points;
const movementsOf = async (customer: string) =>
  (await readPoints(db.database, customer)).movements.map(({ kind, points }) => `${kind} ${points}`);

describe('the rule: a point for each whole 100 units of the currency', () => {
  it.each([
    [0, 0],
    [99.99, 0],
    [100, 1],
    [299.99, 2],
    [300, 3],
    [1e9 + 0.1, 10_000_000],
    [8_999_999_999_999.99, 89_999_999_999],
  ])('%d earns %d', (amount, points) => expect(pointsFor(amount)).toBe(points));

  it.each([1e15, 1e308])('%d was never paid', (amount) =>
    expect(() => pointsFor(amount)).toThrow('is no amount of money'),
  );
});

describe('points', () => {
  it('are earned by a completed payment', async () => {
    const customer = newId();
    await given(completed({ customer_id: customer, amount: 1250.5 }));
    await given(completed({ customer_id: customer, amount: 100, currency: 'JPY' }));
    expect(await pointsOf(customer)).toBe(13);
    expect(await movementsOf(customer)).toEqual(['EARNED 1', 'EARNED 12']);
  });

  it('are taken back when it is refunded: what it earned, whatever the refund says', async () => {
    const of = { payment_id: newId(), customer_id: newId() };
    await given(completed({ ...of, amount: 450 }));
    await given(refunded({ ...of, amount: 99_999 }));
    expect(await movementsOf(of.customer_id)).toEqual(['TAKEN_BACK -4', 'EARNED 4']);
    expect(await pointsOf(of.customer_id)).toBe(0);
  });

  it('are taken back from whoever earned them, also where the refund does not say who that is', async () => {
    const of = { payment_id: newId(), customer_id: newId() };
    await given(completed(of));
    await given(refunded({ ...of, customer_id: undefined }));
    expect(await pointsOf(of.customer_id)).toBe(0);
  });

  it('are not earned by a payment whose refund came first', async () => {
    const of = { payment_id: newId(), customer_id: newId() };
    await given(refunded(of));
    await given(completed(of));
    expect(await movementsOf(of.customer_id)).toEqual([]);
  });

  it('are nobody’s where the order had no customer', async () => {
    const payments = [null, undefined, ''].map((customer_id) => ({ payment_id: newId(), customer_id }));
    await given(...payments.map(completed));
    await given(...payments.map(refunded));
    const paymentId = { in: payments.map(({ payment_id }) => payment_id) };
    expect(await db.database.loyaltyMovement.count({ where: { paymentId } })).toBe(0);
  });

  it('of too little to earn one leave no movement', async () => {
    const of = { payment_id: newId(), customer_id: newId(), amount: 99.99 };
    await given(completed(of));
    await given(refunded(of));
    expect(await movementsOf(of.customer_id)).toEqual([]);
  });

  it('of a customer whose id is markup or a query are theirs alone', async () => {
    const customer = `'; DROP TABLE loyalty_movements; -- <b>\u202e %_ ${newId()}`;
    await given(completed({ customer_id: customer }));
    expect(await pointsOf(customer)).toBe(4);
    expect(await pointsOf('%')).toBe(0);
  });

  it('come out the same whatever comes twice, in whichever order, and in which batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ amount: fc.integer({ min: 0, max: 100_000 }), isRefunded: fc.boolean() }), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.infiniteStream(fc.nat()),
        async (payments, choices) => {
          const customer_id = newId();
          const take = (most: number) => Number(choices.next().value) % most;
          const events = payments.flatMap(({ amount, isRefunded }) => {
            const of = { payment_id: newId(), customer_id, amount: amount / 100 };
            // Twice with an id of its own, as after an archive's replay: processed_events does not know it.
            return [completed(of), completed(of), ...(isRefunded ? [refunded(of), refunded(of)] : [])];
          });
          const queue = events.map((event) => ({ event, turn: take(1_000) }));
          queue.sort((a, b) => a.turn - b.turn);
          while (queue.length > 0) {
            const batch = queue.splice(0, 1 + take(6)).map(({ event }) => event);
            for (const type of ['payment.refunded.v1', 'payment.completed.v1'])
              await given(...batch.filter((event) => event.type === type));
          }
          const kept = payments.filter(({ isRefunded }) => !isRefunded);
          const expected = kept.reduce((sum, { amount }) => sum + Math.floor(amount / 10_000), 0);
          expect(await pointsOf(customer_id)).toBe(expected);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are not earned for good when payment and refund are handled at the same moment', async () => {
    const of = Array.from({ length: 30 }, () => ({ payment_id: newId(), customer_id: newId() }));
    await Promise.all(of.flatMap((payment) => [given(completed(payment)), given(refunded(payment))]));
    expect(await Promise.all(of.map(({ customer_id }) => pointsOf(customer_id)))).toEqual(of.map(() => 0));
  });
});
