import type { Timeline } from '../../shared/timeline/timeline';
import { LEASE_SECONDS } from '../../shared/messaging/progress';
import { startMesh, type Mesh } from '../../shared/testing/mesh';
import { until } from '../../shared/testing/until';
import { askWhy } from './testing/ask-why';

// Orders that stand still because of their money, with a gateway that really fails, and what they say of it.

let mesh: Mesh;
let restaurantId: string;
let itemId: string;
const { read, waitsFor, waitsForNothing } = askWhy(() => mesh);

beforeAll(async () => {
  mesh = await startMesh({
    environment: {
      PAYMENT_TIMEOUT: '2s',
      PAYMENT_TAKEOVER: '9s', // about the shortest that goes with it
      PAYMENT_CONCURRENCY: '1',
      SIMULATOR_HANG: '60s',
    },
  });
  ({ restaurantId, itemId } = await mesh.addItem(10_000));
}, 60_000);
afterAll(() => mesh?.stop());

const card = (token = 'tok_approved') => mesh.place(restaurantId, itemId, 1, token);
const faults = async (rates: object) => {
  const response = await fetch(`${mesh.service('payment-simulator').url}/v1/faults`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(rates),
  });
  expect(response.status).toBe(200);
};
const becomes = (orderId: string, state: string) =>
  until(
    `the payment of ${orderId} to be ${state}`,
    async () => (await mesh.db.database.payment.findUnique({ where: { orderId } }))?.state === state,
    60_000,
  );
/** Nobody need wait out how long the gateway is left alone after a failure. */
const askAgain = () =>
  mesh.db.database.$executeRaw`UPDATE payments SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL`;
const movesOf = ({ payment }: Timeline) =>
  payment?.moves.map(({ to, cause, attempts, last_error }) => [to, cause, attempts, last_error !== null]);

describe('an order by card says that it waits', () => {
  it('for nothing, when it is charged, and shows what the gateway was asked and answered', async () => {
    const id = await card();
    await becomes(id, 'CAPTURED');
    await mesh.reaches(id, 'PREPARING');
    await waitsFor(id, 'staff', /^Nothing is missing/);
    const timeline = await read(id);
    expect(timeline).toMatchObject({
      also_waiting_for: [],
      payment: {
        state: 'CAPTURED',
        amount: 120.5,
        currency: 'INR',
        gateway: 'simulator',
        operation: null,
        attempts: 0,
        asked_at: null,
        last_error: null,
        review: null,
        ledger: [
          { kind: 'AUTHORIZED', amount: 120.5 },
          { kind: 'CAPTURED', amount: 120.5 },
        ],
      },
    });
    expect(movesOf(timeline)).toEqual([
      ['AUTHORIZING', 'order_placed', null, false],
      ['AUTHORIZED', 'authorized', 1, false],
      ['CAPTURING', 'order_preparing', null, false],
      ['CAPTURED', 'captured', 1, false],
    ]);
    for (const { cause, answer_ms } of timeline.payment!.moves)
      expect([cause, answer_ms]).toEqual([cause, cause.startsWith('order_') ? null : expect.any(Number)]);
    const [placed] = timeline.events;
    expect(placed?.caused.map(({ type }) => type).sort()).toEqual([
      'inventory.deducted.success.v1',
      'payment.authorized.v1',
    ]);
    expect(JSON.stringify(timeline)).not.toContain('tok_');
  });

  let refused: string;
  it('for a gateway that gives no answer: the authorisation', async () => {
    await faults({ error: 1 });
    refused = await card();
    expect(
      await waitsFor(
        refused,
        'gateway_no_answer',
        /^payment-service is to have its card authorised; the gateway does not answer \(asked (once|\d+ times) to authorise, last: .*\); it is asked again by \d{4}-.*Z\.$/,
      ),
    ).toMatchObject({ service: 'payment-service' });
    expect((await read(refused)).waiting_for?.code).toBe('gateway_no_answer');
  });

  it('for the gateway no more, when it has answered, and shows that it did not at first', async () => {
    await faults({});
    await until('it to be authorised', async () => {
      await askAgain();
      return (await read(refused)).payment?.state === 'CAPTURED';
    });
    const answered = (await read(refused)).payment?.moves.find(({ cause }) => cause === 'authorized');
    expect(answered).toMatchObject({ to: 'AUTHORIZED', last_error: expect.any(String) });
    expect(answered?.attempts).toBeGreaterThan(1);
  });

  it('for a gateway that is being asked, and for the others that it keeps waiting', async () => {
    await faults({ hang_after: 1 });
    const asked = await card();
    await waitsFor(
      asked,
      'gateway_asked',
      /^payment-service is to have its card authorised; the gateway is being asked to authorise since \d{4}-.*Z, and has not answered yet\.$/,
    );
    const next = await card();
    expect(
      await waitsFor(
        next,
        'gateway_not_asked',
        /the gateway (is to be|should have been) asked to authorise at/,
      ),
    ).toMatchObject({
      service: 'payment-service',
    });
    await waitsFor(
      next,
      'gateway_not_asked',
      /should have been asked to authorise at \d{4}-.*Z, and nobody has taken that up yet/,
    );
    await faults({});
    for (const id of [asked, next])
      await until('it to be charged', async () => {
        await askAgain();
        return (await read(id)).payment?.state === 'CAPTURED';
      });
  }, 60_000);

  it('for an operator: another sum was authorised', async () => {
    const id = await card('tok_wrong_amount');
    expect(
      await waitsFor(
        id,
        'payment_in_review',
        new RegExp(
          `the gateway refused to authorise for good, or has another sum \\(asked for 120\\.50 INR, .*\\)\\. An operator has to settle it: npm run payments -- show ${id}\\.$`,
        ),
      ),
    ).toMatchObject({ service: 'payment-service' });
    expect((await read(id)).waiting_for?.code).toBe('payment_in_review');
  });

  let inReview: string;
  it('for an operator: the charge was refused, though staff goes on', async () => {
    inReview = await card('tok_capture_refused');
    await becomes(inReview, 'REVIEW');
    await waitsFor(
      inReview,
      'payment_in_review',
      /^payment-service is to charge its card; the gateway refused to capture for good/,
    );
    const { status, waiting_for, also_waiting_for, payment } = await read(inReview);
    expect({ status, code: waiting_for?.code }).toEqual({ status: 'PREPARING', code: 'payment_in_review' });
    expect(also_waiting_for).toMatchObject([{ code: 'staff' }]);
    expect(payment).toMatchObject({
      review: { operation: 'CAPTURE', reason: expect.stringContaining('capture_refused') },
    });
    for (const to of ['OUT_FOR_DELIVERY', 'DELIVERED'])
      await mesh.ask('PATCH', `/orders/${inReview}/status`, { status: to });
    expect(await read(inReview)).toMatchObject({
      status: 'DELIVERED',
      waiting_for: { code: 'payment_in_review' },
    });
  });

  it('cancelled, for its refund, which was refused', async () => {
    const id = await card('tok_refund_refused');
    await becomes(id, 'CAPTURED');
    await mesh.ask('POST', `/orders/${id}/cancel`);
    await becomes(id, 'REVIEW');
    await waitsFor(
      id,
      'payment_in_review',
      /^payment-service is to refund it; the gateway refused to refund for good/,
    );
  });

  it('for a gateway that gives no answer: the charge, the release and the refund', async () => {
    const charged = await card();
    await becomes(charged, 'CAPTURED');
    const held = await card('tok_capture_refused');
    await becomes(held, 'REVIEW');
    await faults({ error: 1 });
    for (const id of [charged, held]) await mesh.ask('POST', `/orders/${id}/cancel`);
    await waitsFor(
      charged,
      'gateway_no_answer',
      /^payment-service is to refund it; the gateway does not answer \(asked .* to refund/,
    );
    await waitsFor(
      held,
      'gateway_no_answer',
      /^payment-service is to release its money; the gateway does not answer \(asked .* to (say what became of it|release)/,
    );
    await faults({});
    for (const [id, state] of [
      [charged, 'REFUNDED'],
      [held, 'VOIDED'],
    ] as const) {
      await until(`${id} to be ${state}`, async () => {
        await askAgain();
        return (await read(id)).payment?.state === state;
      });
      await waitsForNothing(id);
    }
  }, 60_000);

  it('for status-service, which is away: its card was declined, or is authorised', async () => {
    await mesh.service('status-service').stop();
    const declined = await card('tok_declined');
    await waitsFor(
      declined,
      'service_away',
      /^status-service is to cancel the order, as its card was declined; status-service is away: no instance of it runs, or none reaches its queue\.$/,
    );
    expect((await read(declined)).payment).toMatchObject({ state: 'FAILED', decline_code: 'card_declined' });
    const approved = await card();
    await waitsFor(
      approved,
      'service_away',
      /^status-service is to note that its card is authorised; status-service is away/,
    );
    await waitsFor(
      approved,
      'service_away',
      /^status-service is to note that its stock is taken; status-service is away/,
    );
    expect((await read(approved)).also_waiting_for).toHaveLength(1);
    await mesh.start('status-service');
    await mesh.reaches(declined, 'CANCELLED');
    await waitsForNothing(declined); // a declined card is no wait
    await mesh.reaches(approved, 'PREPARING');
  }, 60_000);

  it('for payment-service, which is away, and while it was asking', async () => {
    await faults({ error: 1 });
    const begun = await card();
    await waitsFor(begun, 'gateway_no_answer', /authorise/);
    await mesh.service('payment-service').stop();
    await askAgain();
    await waitsFor(
      begun,
      'service_away',
      /^payment-service is to have its card authorised; it is away: the gateway should have been asked to authorise at \d{4}-.*Z, and no instance runs, last: /,
    );
    await faults({});
    const unseen = await card();
    await waitsFor(
      unseen,
      'service_away',
      /^payment-service is to have its card authorised; payment-service is away: no instance of it runs, or none reaches its queue\.$/,
    );
    await mesh.ask('POST', `/orders/${unseen}/cancel`);
    await waitsFor(
      unseen,
      'service_away',
      /^payment-service is to note that it is cancelled, so that no card is charged; payment-service is away/,
    );
    await mesh.ask('POST', `/orders/${begun}/cancel`);
    await waitsFor(
      begun,
      'service_away',
      /^payment-service is to release its money; payment-service is away/,
    );
    await mesh.start('payment-service');
    for (const id of [unseen, begun]) await waitsForNothing(id);
  }, 60_000);

  it('for payment-service, which was killed, once its lease is over', async () => {
    await mesh.service('payment-service').kill();
    const id = await card();
    // What it had done and not acknowledged yet, it has left in its queue.
    await waitsFor(
      id,
      'queued',
      /^payment-service is to have its card authorised; order\.placed\.v1 is (next in its queue|in its queue behind \d+ others?)/,
    );
    await mesh.db.database.$executeRaw`
      UPDATE consumer_progress SET updated_at = updated_at - ${LEASE_SECONDS}::float8 * interval '1 second'
      WHERE consumer = 'payment-service'`;
    await waitsFor(
      id,
      'service_away',
      /payment-service is away: no instance of it has reported from its queue since/,
    );
    await mesh.start('payment-service');
    await becomes(id, 'CAPTURED');
  }, 60_000);
});
