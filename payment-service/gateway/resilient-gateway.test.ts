import { createLogger } from '../../shared/service/logger';
import { until } from '../../shared/testing/until';
import {
  GatewayBusyError,
  GatewaySetupError,
  GatewayUnavailableError,
  NoAnswerError,
  type Answer,
  type Gateway,
  type GatewayPayment,
} from './gateway';
import { withResilience, type ResilienceOptions } from './resilient-gateway';

const payment = { reference: 'pay_1', status: 'open' } as GatewayPayment;
const declined: Answer = { kind: 'declined', code: 'card_declined', message: 'no' };

/** A gateway whose `authorize` and `read` do what they are told next; the last stays. */
function gatewayThat(...replies: (() => Promise<unknown>)[]) {
  const asked: unknown[][] = [];
  const next = (...given: unknown[]) => {
    asked.push(given);
    return ((replies.length > 1 ? replies.shift() : replies[0]) ?? answers(payment))() as Promise<never>;
  };
  const gateway: Gateway = {
    name: 'simulator',
    open: next,
    authorize: next,
    capture: next,
    void: next,
    refund: next,
    read: next,
  };
  return { gateway, asked };
}
const answers = (value: unknown) => () => Promise.resolve(value);
const fails = (error: Error) => () => Promise.reject(error);
const silence = fails(new NoAnswerError('nothing came'));
const hangs = () => new Promise<never>(() => undefined);

const said: string[] = [];
const log = Object.assign(createLogger('test', 'silent'), {
  child: () => ({
    warn: (_: unknown, text: string) => said.push(text),
    info: (text: string) => said.push(text),
  }),
}) as unknown as ResilienceOptions['log'];
beforeEach(() => void (said.length = 0));

const resilient = (gateway: Gateway, options: Partial<ResilienceOptions> = {}) =>
  withResilience(gateway, { log, backoffMs: 1, timeoutMs: 5_000, ...options });

it('asks again with the same key until there is an answer', async () => {
  const { gateway, asked } = gatewayThat(silence, silence, answers(declined));
  expect(await resilient(gateway).authorize('pay_1', 'tok_1', 'key')).toEqual(declined);
  expect(asked).toEqual(Array(3).fill(['pay_1', 'tok_1', 'key']));
});

it('gives up after as many attempts as it has, with what the last one said', async () => {
  const { gateway, asked } = gatewayThat(silence, silence, fails(new NoAnswerError('the last')));
  await expect(resilient(gateway).read('pay_1')).rejects.toThrow('the last');
  expect(asked).toHaveLength(3);
});

it.each([
  ['a decline', answers(declined)],
  ['a refusal', answers({ kind: 'refused', code: 'x', message: '' })],
])('%s is an answer: not asked again, and no failure', async (_, reply) => {
  const { gateway, asked } = gatewayThat(reply);
  const one = resilient(gateway, { breakAfter: 1 });
  for (let time = 0; time < 3; time += 1) await one.void('pay_1', 'key');
  expect(asked).toHaveLength(3);
});

it('what is wrong with the set-up, or with us, is not tried again', async () => {
  for (const error of [new GatewaySetupError('the key is wrong'), new TypeError('a bug')]) {
    const { gateway, asked } = gatewayThat(fails(error));
    await expect(resilient(gateway, { breakAfter: 1 }).read('pay_1')).rejects.toBe(error);
    expect(asked).toHaveLength(1);
  }
});

it('waits for each attempt only so long', async () => {
  const { gateway, asked } = gatewayThat(hangs, answers(payment));
  const one = resilient(gateway, { timeoutMs: 150 });
  expect(await one.read('pay_1')).toBe(payment);
  expect(asked).toHaveLength(2);
  const never = resilient(gatewayThat(hangs).gateway, { timeoutMs: 150 });
  const failure = await never.read('pay_1').catch((error: Error) => error);
  expect(failure).toBeInstanceOf(NoAnswerError);
  expect(failure).not.toBeInstanceOf(GatewayUnavailableError);
});

it('after enough silence nobody is asked, then one is, and all when that one was answered', async () => {
  let reply: () => Promise<unknown> = silence;
  const { gateway, asked } = gatewayThat(() => reply());
  const one = resilient(gateway, { halfOpenAfterMs: 1_000 });
  // Three attempts; two more open the circuit, and a call that was made has an unknown outcome.
  await expect(one.read('pay_1')).rejects.toThrow('nothing came');
  const second = await one.read('pay_1').catch((error: Error) => error);
  expect(second).not.toBeInstanceOf(GatewayUnavailableError);
  expect(second).toBeInstanceOf(NoAnswerError);
  expect(asked).toHaveLength(5);
  await expect(one.capture('pay_1', { amount: '1.00', currency: 'INR' }, 'k')).rejects.toThrow(
    GatewayUnavailableError,
  );
  expect(asked).toHaveLength(5);

  // One that tries; the others do not wait for it.
  let let_go: (() => void) | undefined;
  reply = () => new Promise((resolve) => (let_go = () => resolve(payment)));
  let trying: Promise<unknown> | undefined;
  await until('the circuit to be half open', () => {
    trying = one.read('pay_1').catch((error: Error) => error);
    return let_go;
  });
  await expect(one.read('pay_2')).rejects.toThrow(GatewayUnavailableError);
  let_go?.();
  expect(await trying).toBe(payment);
  reply = answers(payment);
  expect(await Promise.all([one.read('pay_1'), one.read('pay_2')])).toEqual([payment, payment]);
  expect(said).toEqual([
    'the payment gateway does not answer: circuit open',
    'trying whether the payment gateway answers: circuit half open',
    'the payment gateway answers: circuit closed',
  ]);
});

it('one that tries and fails opens it again', async () => {
  const { gateway, asked } = gatewayThat(silence);
  const one = resilient(gateway, { breakAfter: 1, halfOpenAfterMs: 1_000, attempts: 1 });
  await expect(one.read('pay_1')).rejects.toThrow('nothing came');
  await until('it to be tried', () => one.read('pay_1').catch(() => asked.length === 2));
  await expect(one.read('pay_1')).rejects.toThrow(GatewayUnavailableError);
});

it('one that is busy is asked again, and not taken for silent', async () => {
  const busy = fails(new GatewayBusyError('429'));
  const { gateway, asked } = gatewayThat(...Array.from({ length: 8 }, () => busy), answers(payment));
  const resilientOne = resilient(gateway, { breakAfter: 2, attempts: 9 });
  expect(await resilientOne.read('pay_1')).toEqual(payment);
  expect(asked).toHaveLength(9);
  expect(said).toEqual([]);
});
