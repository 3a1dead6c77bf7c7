import { newId } from '../../shared/ids';
import { startService, type ServiceProcess } from '../../shared/testing/service-process';
import { GatewaySetupError, NoAnswerError, type Gateway } from './gateway';
import { simulatorGateway } from './simulator-gateway';
import { scriptedServer, type ScriptedServer } from './testing/scripted-server';

const money = { amount: '900.00', currency: 'INR' };
const opening = () => ({ ...money, orderId: newId(), paymentId: newId() });

describe('with the simulator', () => {
  let simulator: ServiceProcess;
  let gateway: Gateway;
  beforeAll(async () => {
    simulator = await startService('payment-simulator', { SIMULATOR_SLOW: '10s', LOG_LEVEL: 'info' });
    gateway = simulatorGateway({ url: `${simulator.url}/`, timeoutMs: 2_500 });
  });
  afterAll(async () => {
    await simulator.stop();
  });

  const opened = async () => {
    const answer = await gateway.open(opening(), newId());
    if (answer.kind !== 'done') throw new Error(answer.code);
    return answer.reference;
  };

  it('opens, authorises, captures and refunds', async () => {
    const request = opening();
    const first = await gateway.open(request, 'open');
    expect(await gateway.open(request, 'open')).toEqual(first);
    const reference = first.kind === 'done' ? first.reference : '';
    const none = { authorized: '0.00', captured: '0.00', refunded: '0.00' };
    const open = { reference, currency: 'INR', status: 'open', declineCode: undefined, ...none };
    expect(await gateway.read(reference)).toEqual(open);
    const authorized = { ...open, status: 'authorized', authorized: '900.00' };
    expect(await gateway.authorize(reference, 'tok_approved', 'a')).toEqual({
      kind: 'done',
      payment: authorized,
    });
    const captured = { ...authorized, status: 'captured', captured: '900.00' };
    expect(await gateway.capture(reference, money, 'c')).toEqual({ kind: 'done', payment: captured });
    const refunded = { ...captured, status: 'refunded', refunded: '900.00' };
    expect(await gateway.refund(reference, money, 'r')).toEqual({ kind: 'done', payment: refunded });
    expect(await gateway.read(reference)).toEqual(refunded);
  });

  it('tells a declined card, and a refusal, with their codes', async () => {
    const reference = await opened();
    expect(await gateway.authorize(reference, 'tok_insufficient_funds', newId())).toMatchObject({
      kind: 'declined',
      code: 'insufficient_funds',
    });
    expect(await gateway.read(reference)).toMatchObject({
      status: 'declined',
      declineCode: 'insufficient_funds',
    });
    expect(await gateway.capture(reference, money, newId())).toMatchObject({
      kind: 'refused',
      code: 'not_authorized',
    });
    expect(await gateway.void(reference, newId())).toMatchObject({ payment: { status: 'voided' } });
    expect(await gateway.authorize('pay_unknown', 'tok_approved', newId())).toMatchObject({
      kind: 'refused',
      code: 'payment_not_found',
    });
    expect(await gateway.open({ ...opening(), amount: '0.00' }, newId())).toMatchObject({
      kind: 'refused',
      code: 'invalid_body',
    });
    await expect(gateway.read('pay_unknown')).rejects.toThrow(GatewaySetupError);
  });

  it('does not know the outcome of what is lost, slow or in progress', async () => {
    const dropped = await opened();
    await expect(gateway.authorize(dropped, 'tok_drops', 'd')).rejects.toThrow(NoAnswerError);
    expect(await gateway.authorize(dropped, 'tok_drops', 'd')).toMatchObject({ kind: 'done' });
    const flaky = await opened();
    await expect(gateway.authorize(flaky, 'tok_flaky', 'f')).rejects.toThrow(/answered 500/);
    const slow = await opened();
    await expect(gateway.authorize(slow, 'tok_slow', 's')).rejects.toThrow(NoAnswerError);
    await expect(gateway.authorize(slow, 'tok_slow', 's')).rejects.toThrow('in progress');
  });
});

describe('with anything else', () => {
  let server: ScriptedServer;
  let gateway: Gateway;
  beforeAll(async () => {
    server = await scriptedServer();
    gateway = simulatorGateway({ url: server.url, timeoutMs: 1_500 });
  });
  afterAll(() => server.stop());

  const error = (code: string) => ({ error: { code, message: 'so it is' } });

  it.each([
    ['a broken connection', 'drop'],
    ['no answer', 'hang'],
    ['half an answer', 'half'],
    ['500', { status: 500, body: error('internal_error') }],
    ['503 of a proxy', { status: 503, body: '<html>' }],
    ['429', { status: 429, body: error('slow_down') }],
    ['a key in use', { status: 409, body: error('idempotency_key_in_use') }],
    ['no JSON', { status: 200, body: 'OK' }],
    ['another JSON', { status: 200, body: { id: 'pay_1', status: 'lost' } }],
    ['a 404 of somebody else', { status: 404, body: { message: 'no such page' } }],
    ['a 402 without an error', { status: 402, body: {} }],
  ] as const)('%s is no answer', async (_, reply) => {
    server.script(reply);
    const failure = await gateway.authorize('pay_1', 'tok_secret', 'k').catch((thrown: Error) => thrown);
    expect(failure).toBeInstanceOf(NoAnswerError);
    expect((failure as Error).message).not.toContain('tok_secret');
    await expect(gateway.open(opening(), 'k')).rejects.toThrow(NoAnswerError);
  });

  it.each([401, 403])('%i is a matter of set-up', async (status) => {
    server.script({ status, body: '' });
    await expect(gateway.void('pay_1', 'k')).rejects.toThrow(GatewaySetupError);
    await expect(gateway.read('pay_1')).rejects.toThrow(GatewaySetupError);
  });

  it('a server that is not there is no answer', async () => {
    const away = await scriptedServer();
    await away.stop();
    await expect(simulatorGateway({ url: away.url, timeoutMs: 1_500 }).read('pay_1')).rejects.toThrow(
      'ECONNREFUSED',
    );
  });

  it('sends the key, and nothing but what is asked for', async () => {
    server.script({ status: 409, body: error('already_voided') });
    await gateway.capture('pay/1', { ...money, ...opening() }, 'the key');
    expect(server.received).toMatchObject([
      { method: 'POST', path: '/v1/payments/pay%2F1/capture', headers: { 'idempotency-key': 'the key' } },
    ]);
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual(money);
  });
});
