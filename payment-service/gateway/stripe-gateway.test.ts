import { GatewayBusyError, GatewaySetupError, NoAnswerError, type Gateway } from './gateway';
import { stripeGateway } from './stripe-gateway';
import { scriptedServer, type Reply, type ScriptedServer } from './testing/scripted-server';

let server: ScriptedServer;
let gateway: Gateway;
beforeAll(async () => {
  server = await scriptedServer();
  gateway = stripeGateway({ secretKey: 'sk_test_hush', apiUrl: server.url, timeoutMs: 1_500 });
});
afterAll(() => server.stop());

const money = { amount: '900.00', currency: 'INR' };
const charge = { id: 'ch_1', amount: 90_000, amount_refunded: 0, captured: false, status: 'succeeded' };
const intent = (more: object = {}) => ({
  id: 'pi_1',
  object: 'payment_intent',
  status: 'requires_payment_method',
  amount: 90_000,
  amount_capturable: 0,
  amount_received: 0,
  currency: 'inr',
  last_payment_error: null,
  latest_charge: null,
  ...more,
});
const authorized = intent({ status: 'requires_capture', amount_capturable: 90_000, latest_charge: charge });
const capturedCharge = { ...charge, captured: true };
const captured = intent({ status: 'succeeded', amount_received: 90_000, latest_charge: capturedCharge });
const refunded = { ...captured, latest_charge: { ...capturedCharge, amount_refunded: 90_000 } };

const ok = (body: unknown): Reply => ({ status: 200, body });
const error = (status: number, type: string, more: object = {}): Reply => ({
  status,
  body: { error: { type, message: 'so it is', ...more } },
});
/** The one request that came in, its form decoded. */
const sent = () => {
  expect(server.received).toHaveLength(1);
  const [{ method, path, headers, body }] = server.received as [(typeof server.received)[0]];
  return { method, path, headers, form: Object.fromEntries(new URLSearchParams(body)) };
};

describe('what is sent', () => {
  it('open', async () => {
    server.script(ok(intent()));
    const request = { ...money, orderId: 'order-1', paymentId: 'payment-1' };
    expect(await gateway.open(request, 'payment-1:open')).toEqual({ kind: 'done', reference: 'pi_1' });
    expect(sent()).toMatchObject({
      method: 'POST',
      path: '/v1/payment_intents',
      headers: {
        authorization: 'Bearer sk_test_hush',
        'idempotency-key': 'payment-1:open',
        'stripe-version': expect.stringMatching(/^\d{4}-\d\d-\d\d\./) as string,
        'content-type': 'application/x-www-form-urlencoded',
      },
      form: {
        amount: '90000',
        currency: 'inr',
        capture_method: 'manual',
        'automatic_payment_methods[enabled]': 'true',
        'automatic_payment_methods[allow_redirects]': 'never',
        'metadata[order_id]': 'order-1',
        'metadata[payment_id]': 'payment-1',
      },
    });
    expect(server.received[0]?.headers).not.toHaveProperty('x-stripe-client-telemetry');
  });

  it.each([
    ['tok_visa', { 'payment_method_data[type]': 'card', 'payment_method_data[card][token]': 'tok_visa' }],
    ['pm_card_visa', { payment_method: 'pm_card_visa' }],
  ])('authorize with %s', async (token, method) => {
    server.script(ok(authorized));
    expect(await gateway.authorize('pi_1', token, 'key')).toEqual({
      kind: 'done',
      payment: {
        reference: 'pi_1',
        status: 'authorized',
        currency: 'INR',
        authorized: '900.00',
        captured: '0.00',
        refunded: '0.00',
        declineCode: undefined,
      },
    });
    expect(sent()).toMatchObject({
      path: '/v1/payment_intents/pi_1/confirm',
      headers: { 'idempotency-key': 'key' },
    });
    expect(sent().form).toEqual({
      ...method,
      error_on_requires_action: 'true',
      'expand[0]': 'latest_charge',
    });
  });

  it('capture', async () => {
    server.script(ok(captured));
    expect(await gateway.capture('pi_1', money, 'key')).toMatchObject({
      payment: { status: 'captured', authorized: '900.00', captured: '900.00', refunded: '0.00' },
    });
    expect(sent()).toMatchObject({
      path: '/v1/payment_intents/pi_1/capture',
      headers: { 'idempotency-key': 'key' },
    });
    expect(sent().form).toEqual({ amount_to_capture: '90000', 'expand[0]': 'latest_charge' });
  });

  it('void', async () => {
    const released = { ...charge, amount_refunded: 90_000 };
    server.script(ok(intent({ status: 'canceled', latest_charge: released })));
    expect(await gateway.void('pi_1', 'key')).toMatchObject({
      payment: { status: 'voided', authorized: '900.00', captured: '0.00', refunded: '0.00' },
    });
    expect(sent()).toMatchObject({
      path: '/v1/payment_intents/pi_1/cancel',
      headers: { 'idempotency-key': 'key' },
    });
  });

  it('refund', async () => {
    server.script(ok({ object: 'refund', status: 'pending', payment_intent: refunded }));
    expect(await gateway.refund('pi_1', money, 'key')).toMatchObject({
      payment: { status: 'refunded', captured: '900.00', refunded: '900.00' },
    });
    expect(sent()).toMatchObject({ path: '/v1/refunds', headers: { 'idempotency-key': 'key' } });
    expect(sent().form).toEqual({
      payment_intent: 'pi_1',
      amount: '90000',
      'expand[0]': 'payment_intent.latest_charge',
    });
  });

  it('read', async () => {
    server.script(ok(captured));
    expect(await gateway.read('pi_1')).toMatchObject({ status: 'captured' });
    expect(sent()).toMatchObject({ method: 'GET', path: '/v1/payment_intents/pi_1?expand[0]=latest_charge' });
  });

  it('an amount that the currency does not have is not sent at all', async () => {
    server.script('drop');
    const yen = { amount: '10.50', currency: 'JPY' };
    const refused = { kind: 'refused', code: 'amount_not_representable' };
    expect(await gateway.open({ ...yen, orderId: 'o', paymentId: 'p' }, 'k')).toMatchObject(refused);
    expect(await gateway.capture('pi_1', yen, 'k')).toMatchObject(refused);
    expect(await gateway.refund('pi_1', yen, 'k')).toMatchObject(refused);
    expect(server.received).toEqual([]);
  });
});

it('an address of the API keeps its path', async () => {
  const behind = stripeGateway({
    secretKey: 'sk_test_hush',
    apiUrl: `${server.url}/proxy/stripe/`,
    timeoutMs: 1_500,
  });
  server.script(ok(authorized));
  await behind.read('pi_1');
  expect(sent().path).toMatch(/^\/proxy\/stripe\/v1\/payment_intents\/pi_1/);
});

describe('how a payment is read', () => {
  const failure = { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds' };
  it.each([
    ['open', intent(), { authorized: '0.00' }],
    ['open', intent({ status: 'requires_confirmation' }), { declineCode: undefined }],
    ['declined', intent({ last_payment_error: failure }), { declineCode: 'insufficient_funds' }],
    ['declined', intent({ last_payment_error: { code: 'expired_card' } }), { declineCode: 'expired_card' }],
    [
      'declined',
      intent({ last_payment_error: failure, latest_charge: { ...charge, status: 'failed' } }),
      { authorized: '0.00' },
    ],
    ['declined', intent({ status: 'requires_action' }), { declineCode: 'authentication_required' }],
    ['voided', intent({ status: 'canceled' }), { authorized: '0.00', declineCode: undefined }],
    [
      'voided',
      intent({
        status: 'canceled',
        last_payment_error: failure,
        latest_charge: { ...charge, status: 'failed' },
      }),
      { authorized: '0.00' },
    ],
    [
      'captured',
      { ...captured, latest_charge: { ...capturedCharge, amount_refunded: 1 } },
      { refunded: '0.01' },
    ],
    ['refunded', refunded, { captured: '900.00', refunded: '900.00' }],
  ] as const)('%s', async (status, answer, more) => {
    server.script(ok(answer));
    expect(await gateway.read('pi_1')).toMatchObject({ status, ...more });
  });

  it('one that is being processed has no outcome yet', async () => {
    server.script(ok(intent({ status: 'processing' })));
    await expect(gateway.read('pi_1')).rejects.toThrow(NoAnswerError);
  });

  it('a card that wants its holder is declined', async () => {
    server.script(ok(intent({ status: 'requires_action' })));
    const declined = { kind: 'declined', code: 'authentication_required' };
    expect(await gateway.authorize('pi_1', 'tok_visa', 'k')).toMatchObject(declined);
    server.script(error(402, 'card_error', { code: 'authentication_required' }));
    expect(await gateway.authorize('pi_1', 'tok_visa', 'k')).toMatchObject(declined);
  });

  it('a refund that failed is refused', async () => {
    const failed = { object: 'refund', status: 'failed', payment_intent: captured };
    server.script(ok({ ...failed, failure_reason: 'lost_or_stolen_card' }));
    expect(await gateway.refund('pi_1', money, 'k')).toMatchObject({
      kind: 'refused',
      code: 'lost_or_stolen_card',
    });
    server.script(ok(failed));
    expect(await gateway.refund('pi_1', money, 'k')).toMatchObject({
      kind: 'refused',
      code: 'refund_failed',
    });
  });
});

describe('what goes wrong', () => {
  it.each([
    [
      'declined',
      'insufficient_funds',
      error(402, 'card_error', { code: 'card_declined', decline_code: 'insufficient_funds' }),
    ],
    ['declined', 'expired_card', error(402, 'card_error', { code: 'expired_card' })],
    [
      'refused',
      'payment_intent_unexpected_state',
      error(400, 'invalid_request_error', { code: 'payment_intent_unexpected_state' }),
    ],
    ['refused', 'resource_missing', error(404, 'invalid_request_error', { code: 'resource_missing' })],
    ['refused', 'idempotency_error', error(400, 'idempotency_error')],
  ])('%s: %s', async (kind, code, reply) => {
    server.script(reply);
    expect(await gateway.authorize('pi_1', 'tok_visa', 'k')).toMatchObject({ kind, code });
    expect(server.received).toHaveLength(1);
  });

  it.each([
    ['500', error(500, 'api_error')],
    ['a key in use', error(409, 'idempotency_error', { code: 'idempotency_key_in_use' })],
    ['a lock', error(409, 'invalid_request_error', { code: 'lock_timeout' })],
    ['too many requests', error(429, 'invalid_request_error', { code: 'rate_limit' })],
    ['no JSON', { status: 200, body: '<html>' }],
    ['another JSON', ok({ object: 'list', data: [] })],
    ['a broken connection', 'drop'],
    ['half an answer', 'half'],
    ['nothing in time', 'hang'],
  ] as const)('%s is no answer', async (_, reply) => {
    server.script(reply);
    await expect(gateway.capture('pi_1', money, 'k')).rejects.toThrow(NoAnswerError);
    // One that was closed is asked once more by the library, with its key.
    expect(server.received.every(({ headers }) => headers['idempotency-key'] === 'k')).toBe(true);
    await expect(gateway.read('pi_1')).rejects.toThrow(NoAnswerError);
  });

  it('knows that Stripe keeps a 500 under its key, and nothing else', async () => {
    for (const [reply, keySpent] of [
      [error(500, 'api_error'), true],
      [error(409, 'idempotency_error', { code: 'idempotency_key_in_use' }), false],
      ['drop', false],
    ] as const) {
      server.script(reply);
      await expect(gateway.capture('pi_1', money, 'k')).rejects.toMatchObject({ keySpent });
    }
  });

  it.each([401, 403])('%i is a matter of set-up', async (status) => {
    server.script(error(status, 'invalid_request_error', { message: 'Invalid API Key: sk_test_hush' }));
    for (const call of [gateway.void('pi_1', 'k'), gateway.read('pi_1')]) {
      const failure = await call.catch((thrown: Error) => thrown);
      expect(failure).toBeInstanceOf(GatewaySetupError);
      expect((failure as Error).message).not.toContain('hush');
    }
  });

  it.each([
    ['too many requests', error(429, 'invalid_request_error', { code: 'rate_limit' })],
    ['a lock on the payment', error(429, 'invalid_request_error', { code: 'lock_timeout' })],
    ['the same key in use', error(409, 'idempotency_error', { code: 'idempotency_key_in_use' })],
    ['a conflict', error(409, 'invalid_request_error')],
  ])('%s: it is busy, and nothing is refused', async (_, reply) => {
    server.script(reply);
    await expect(gateway.capture('pi_1', money, 'key')).rejects.toThrow(GatewayBusyError);
  });

  it('a payment of another account is a matter of set-up, when it is read', async () => {
    server.script(error(404, 'invalid_request_error', { code: 'resource_missing' }));
    await expect(gateway.read('pi_1')).rejects.toThrow(GatewaySetupError);
  });

  it('an amount that Stripe does not take is refused', async () => {
    server.script(error(400, 'invalid_request_error', { code: 'amount_too_small' }));
    expect(await gateway.open({ ...money, orderId: 'o', paymentId: 'p' }, 'k')).toMatchObject({
      kind: 'refused',
      code: 'amount_too_small',
    });
  });

  it('never repeats the token', async () => {
    const message = "No such token: 'tok_hush'";
    server.script(error(400, 'invalid_request_error', { code: 'resource_missing', message }));
    const answer = await gateway.authorize('pi_1', 'tok_hush', 'k');
    expect(answer).toEqual({
      kind: 'refused',
      code: 'resource_missing',
      message: "No such token: '(token)'",
    });
    server.script(error(500, 'api_error', { message, code: 'x' }));
    const failure = await gateway.authorize('pi_1', 'tok_hush', 'k').catch((thrown: Error) => thrown);
    expect(JSON.stringify([(failure as Error).message, failure])).not.toContain('tok_hush');
  });
});
