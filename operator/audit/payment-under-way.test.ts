import { newId } from '../../shared/ids';
import type { TestDatabase } from '../../shared/testing/test-database';
import { formatReport } from './format-report';
import { UnreadableBooksError } from './gateway-books';
import { checkOf, createUnguarded, violations, warnings, writeAnew, type Audited } from './testing/audited';
import { bookedAsKept, bookedPayment } from './testing/booked';
import { cardStories, payments, stories } from './testing/stories';
import type { PaymentStory } from './testing/written-payment';

let db: TestDatabase;
let audited: Audited;
beforeAll(async () => (db = await createUnguarded()));
afterAll(() => db.drop());
beforeEach(async () => (audited = await writeAnew(db)));

const { cardRefunded, cardVoided, cardPrepared } = cardStories;
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
const refunding: PaymentStory = {
  ...payments.captured,
  moves: [...payments.captured.moves, ['REFUNDING', 'order_cancelled']],
};
const inReview: PaymentStory = { ...refunding, moves: [...refunding.moves, ['REVIEW', 'refused']] };

/** A cancelled order whose payment is as told. */
const cancelledWith = (payment: PaymentStory) => audited.history.order({ ...cardRefunded, payment });

it('waits for payment-service to hear of a cancellation, and names the dead letter that keeps it from that', async () => {
  const id = cancelledWith(payments.captured);
  await audited.sql(`DELETE FROM event_log WHERE subject = '${id}' AND type = 'order.cancelled.v1'`);
  const event = audited.history.published('order.cancelled.v1', id, {
    at: new Date(),
    butNotBy: ['payment-service'],
  });
  const report = await audited.run();
  expect([violations(report), checkOf(report, 'cancelled-captures').underWay]).toEqual([[], 1]);

  await audited.sql(`INSERT INTO delivery_failures (consumer, event_id, attempt, reason, error, outcome)
    VALUES ('payment-service', '${event}', 6, 'handler_failed', 'x', 'DEAD_LETTERED')`);
  await audited.sql(
    `UPDATE event_log SET published_at = now() - interval '1 hour' WHERE event_id = '${event}'`,
  );
  const later = await audited.run();
  expect([violations(later), warnings(later)]).toEqual([
    [],
    [`cancelled-captures: ${id}`, `events-handled: ${event}`],
  ]);
});

it('gives the gateway time, then warns for as long as it is asked and does not answer', async () => {
  const due = { nextAttemptAt: new Date(), attempts: 9, lastError: 'no answer within 10s' };
  cancelledWith({ ...refunding, ...due, updatedAt: minutesAgo(1) });
  const young = await audited.run();
  expect([violations(young), warnings(young)]).toEqual([[], []]);
  expect(checkOf(young, 'payments-settled').underWay).toBe(1);

  const id = cancelledWith({ ...refunding, ...due, updatedAt: minutesAgo(120) });
  const report = await audited.run();
  expect([violations(report), warnings(report)]).toEqual([
    [],
    [`cancelled-captures: ${id}`, `payments-settled: ${id}`],
  ]);
  expect(checkOf(report, 'cancelled-captures').findings[0]?.problem).toMatch(
    /captured 300.00 and refunded 0; its payment is REFUNDING since .*Z, asked 9 times, due .*Z: no answer within 10s$/,
  );

  await audited.sql(
    `UPDATE payments SET next_attempt_at = now() - interval '5 minutes' WHERE order_id = '${id}'`,
  );
  expect(violations(await audited.run())).toEqual([`cancelled-captures: ${id}`, `payments-settled: ${id}`]);
  expect((await audited.run({ graceMs: 7_300_000 })).ok).toBe(true);
  // Nobody asks, because somebody wants it so.
  await audited.sql(`INSERT INTO pauses (part, paused_by, why) VALUES ('gateway', 'asha', 'it is moved')`);
  expect(violations(await audited.run())).toEqual([]);
  await audited.sql('DELETE FROM pauses');
});

it('warns of a payment in review, and says who is asked for', async () => {
  const id = cancelledWith(inReview);
  const report = await audited.run();
  expect([report.ok, violations(report)]).toEqual([true, []]);
  expect(warnings(report)).toEqual([`cancelled-captures: ${id}`, `payments-settled: ${id}`]);
  expect(formatReport(report)).toContain(`needs an operator: npm run payments -- show ${id}`);
});

it('does not count an order as forgotten while the gateway is asked about its card', async () => {
  const asked = { nextAttemptAt: new Date(), attempts: 9, lastError: 'no answer' };
  const id = audited.history.order({ ...stories.placed, payment: { ...payments.begun, ...asked } });
  audited.history.cardToken(id);
  const review: PaymentStory = {
    moves: [...payments.begun.moves, ['REVIEW', 'mismatch']],
    ledger: ['AUTHORIZED'],
    amount: '299.00',
  };
  const other = audited.history.order({ ...stories.placed, payment: review });
  const report = await audited.run();
  expect(violations(report)).toEqual([]);
  expect(warnings(report).sort()).toEqual(
    [`payments-settled: ${id}`, `payments-settled: ${other}`, `payment-amounts: ${other}`].sort(),
  );
  expect(checkOf(report, 'placed-orders').underWay).toBe(2);
});

it('leaves a card token be while its order is on its way to payment-service', async () => {
  const id = audited.history.order({ ...stories.placed, card: true });
  audited.history.cardToken(id);
  await audited.sql(
    `DELETE FROM event_log WHERE subject = '${id}'`,
    `UPDATE orders SET placed_at = now() WHERE id = '${id}'`,
  );
  audited.history.waiting('order.placed.v1', id, { at: new Date() });
  const report = await audited.run();
  expect([violations(report), checkOf(report, 'card-tokens').underWay]).toEqual([[], 1]);
});

it('does not ask for money that an operator has let go, or again about a sum that one has settled', async () => {
  const letGo = audited.history.order({
    ...cardPrepared,
    payment: {
      moves: [
        ...payments.authorized.moves,
        ['CAPTURING', 'order_preparing'],
        ['REVIEW', 'refused'],
        ['VOIDED', 'voided'],
      ],
      ledger: ['AUTHORIZED', 'VOIDED'],
    },
  });
  await audited.sql(
    `UPDATE payment_moves SET operator = 'asha', note = 'expired' WHERE order_id = '${letGo}' AND to_state = 'VOIDED'`,
  );
  expect([violations(await audited.run()), warnings(await audited.run())]).toEqual([[], []]);
});

describe('the books of the gateway', () => {
  const differing = (id: string, books: Awaited<ReturnType<typeof bookedAsKept>>) =>
    books.map((one) => (one.order_id === id ? { ...one, refunded_amount: '1.00' } : one));

  it('are ahead of ours while a payment is being worked on, and are an operator’s matter in review', async () => {
    const soon = { nextAttemptAt: new Date(), updatedAt: new Date() };
    const ids = [cancelledWith({ ...refunding, ...soon }), cancelledWith(inReview)];
    await audited.history.write();
    const books = await bookedAsKept(db.database);
    audited.books = ids.reduce((all, id) => differing(id, all), books);
    const report = await audited.run({ only: ['gateway-books'] });
    expect([report.ok, warnings(report)]).toEqual([true, [`gateway-books: ${ids[1]}`]]);
    expect(checkOf(report, 'gateway-books').underWay).toBe(1);
  });

  it('are not compared with what has changed here meanwhile', async () => {
    const { cardPrepared: id } = audited.orders;
    await audited.history.write();
    const books = differing(id, await bookedAsKept(db.database));
    const page = async () => {
      await db.database.$executeRaw`
        INSERT INTO payment_ledger (payment_id, order_id, kind, amount, currency)
        SELECT payment_id, order_id, 'REFUNDED', 1, 'INR' FROM payment_ledger WHERE order_id = ${id}::uuid LIMIT 1`;
      return {
        payments: books.map((one) => (one.order_id === id ? { ...one, refunded_amount: '2.00' } : one)),
      };
    };
    const report = await audited.run({ only: ['gateway-books'], books: { name: 'simulator', page } });
    expect([report.ok, checkOf(report, 'gateway-books').underWay]).toEqual([true, 1]);
  });

  it('that are another gateway’s are not looked for in these', async () => {
    await audited.sql("UPDATE payments SET gateway = 'stripe' WHERE gateway IS NOT NULL");
    audited.books = [];
    expect((await audited.run({ only: ['gateway-books'] })).ok).toBe(true);
    delete audited.books;
    const report = await audited.run();
    expect(report.ok).toBe(true);
    expect(checkOf(report, 'gateway-books').skipped).toBe('stripe has its own reports to compare with');
    expect(formatReport(report)).toMatch(
      /^skip +the gateway's books .* stripe has its own reports to compare with$/m,
    );
  });

  it('that cannot be read leave a question open, and the other checks are made', async () => {
    const page = () => Promise.reject(new UnreadableBooksError('nobody there'));
    const report = await audited.run({ books: { name: 'simulator', page } });
    expect([report.ok, violations(report)]).toEqual([false, []]);
    expect(checkOf(report, 'gateway-books').unknown).toBe('nobody there');
    expect(formatReport(report)).toMatch(/promises kept, 1 could not be found out/);
    expect(checkOf(await audited.run(), 'gateway-books').skipped).toContain('--simulator');
  });

  it('may have more orders than we do, and pages that end within ours', async () => {
    await audited.history.write();
    audited.books = await bookedAsKept(db.database);
    for (let n = 0; n < 7; n++) audited.books.push(bookedPayment(newId()));
    const report = await audited.run({ only: ['gateway-books'] });
    expect([report.ok, checkOf(report, 'gateway-books').judged]).toEqual([
      true,
      Object.keys(cardStories).length + 7,
    ]);
  });
});

it('begins with the orders that it is told to begin with', async () => {
  const id = audited.history.order({ ...cardVoided, payment: payments.authorized });
  const since = new Date(Date.now() + 60_000);
  expect(violations(await audited.run())).toEqual([`cancelled-authorizations: ${id}`]);
  expect((await audited.run({ since })).ok).toBe(true);
});
