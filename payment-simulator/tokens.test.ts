import { newId } from '../shared/ids';
import { until } from '../shared/testing/until';
import { runSimulator, type Reply, type RunningSimulator } from './testing/running-simulator';

let simulator: RunningSimulator;
beforeEach(async () => {
  simulator = await runSimulator();
});
afterEach(() => simulator.stop());

const money = { amount: '900.00', currency: 'INR' };

/** What several requests with the same key are answered with, one after the other. */
async function statuses(id: string, operation: string, body: unknown, times: number) {
  const key = newId();
  const got: (number | string)[] = [];
  for (let time = 0; time < times; time += 1) {
    const reply = await simulator.ask(id, operation, body, key);
    got.push(reply === 'lost' ? 'lost' : reply.replayed ? `${reply.status} replayed` : reply.status);
  }
  return got;
}
const authorized = async (token: string) => {
  const payment = await simulator.open();
  const reply = (await simulator.ask(payment.id, 'authorize', { token })) as Reply;
  expect(reply.body.status).toBe('authorized');
  return payment.id;
};

it('approves, captures and refunds, and knows each amount', async () => {
  const { id, status } = await simulator.open();
  expect(status).toBe('open');
  expect((await simulator.ask(id, 'authorize', { token: 'tok_approved' })) as Reply).toMatchObject({
    status: 200,
    body: { status: 'authorized', authorized_amount: '900.00', captured_amount: '0.00', authorizations: 1 },
  });
  expect((await simulator.ask(id, 'capture', money)) as Reply).toMatchObject({
    body: { status: 'captured', captured_amount: '900.00', captures: 1 },
  });
  expect((await simulator.ask(id, 'refund', { ...money, amount: '300.00' })) as Reply).toMatchObject({
    body: { status: 'captured', refunded_amount: '300.00' },
  });
  expect((await simulator.ask(id, 'refund', money)) as Reply).toMatchObject({
    status: 409,
    body: { error: { code: 'amount_too_large' } },
  });
  expect((await simulator.ask(id, 'refund', { ...money, amount: '600.00' })) as Reply).toMatchObject({
    body: { status: 'refunded', refunded_amount: '900.00', refunds: 2 },
  });
});

it.each([
  ['tok_declined', 'card_declined'],
  ['tok_insufficient_funds', 'insufficient_funds'],
  ['tok_expired', 'expired_card'],
  ['tok_nobody_knows', 'unknown_token'],
  ['constructor', 'unknown_token'],
])('%s is declined with %s, and another card may be tried', async (token, decline_code) => {
  const { id } = await simulator.open();
  const declined = (await simulator.ask(id, 'authorize', { token })) as Reply;
  expect(declined).toMatchObject({ status: 402, body: { error: { code: 'card_declined', decline_code } } });
  expect(await simulator.payment(id)).toMatchObject({ status: 'declined', decline_code, authorizations: 0 });
  const approved = (await simulator.ask(id, 'authorize', { token: 'tok_approved' })) as Reply;
  expect(approved.body).toMatchObject({ status: 'authorized', decline_code: null });
});

it('tok_slow is worked on for a while: its key is in use, and a void comes first', async () => {
  const slow = await runSimulator({ slowMs: 3_000 });
  try {
    const { id } = await slow.open();
    const key = newId();
    const first = slow.ask(id, 'authorize', { token: 'tok_slow' }, key);
    await until('the key to be in use', async () => {
      const second = (await slow.ask(id, 'authorize', { token: 'tok_slow' }, key)) as Reply;
      return second.body.error?.code === 'idempotency_key_in_use' && second.status === 409;
    });
    expect(((await slow.ask(id, 'void', {})) as Reply).body.status).toBe('voided');
    expect(await first).toMatchObject({ status: 409, body: { error: { code: 'already_voided' } } });
    expect(await slow.payment(id)).toMatchObject({ status: 'voided', authorizations: 0 });
  } finally {
    await slow.stop();
  }
});

it('tok_timeout authorises at once, and answers the third request only', async () => {
  const { id } = await simulator.open();
  const key = newId();
  const asked: Promise<Reply | 'lost'>[] = [];
  for (const count of [1, 2]) {
    asked.push(simulator.ask(id, 'authorize', { token: 'tok_timeout' }, key));
    await until('it to be held', () => simulator.held.count === count);
  }
  expect(await simulator.payment(id)).toMatchObject({ status: 'authorized', authorizations: 1 });
  const third = (await simulator.ask(id, 'authorize', { token: 'tok_timeout' }, key)) as Reply;
  expect(third).toMatchObject({ status: 200, replayed: true, body: { status: 'authorized' } });
  expect((await simulator.requests(id)).map(({ answer }) => answer)).toEqual([
    'answered',
    'hung',
    'hung',
    'answered',
  ]);
  await simulator.stop();
  expect(await Promise.all(asked)).toEqual(['lost', 'lost']);
  simulator = await runSimulator();
});

it('a request that hangs ends with its connection, after SIMULATOR_HANG', async () => {
  const short = await runSimulator({ hangMs: 20 });
  try {
    const { id } = await short.open();
    expect(await short.ask(id, 'authorize', { token: 'tok_timeout' })).toBe('lost');
  } finally {
    await short.stop();
  }
});

it('tok_flaky answers 500 twice and does nothing', async () => {
  const { id } = await simulator.open();
  expect(await statuses(id, 'authorize', { token: 'tok_flaky' }, 4)).toEqual([500, 500, 200, '200 replayed']);
  expect(await simulator.payment(id)).toMatchObject({ authorizations: 1 });
});

it('tok_drops authorises, and breaks the connection once', async () => {
  const { id } = await simulator.open();
  expect(await statuses(id, 'authorize', { token: 'tok_drops' }, 2)).toEqual(['lost', '200 replayed']);
  expect(await simulator.payment(id)).toMatchObject({ authorizations: 1 });
});

it.each([
  ['900.00', '899.00'],
  ['1.01', '0.01'],
  ['1.00', '2.00'],
  ['0.50', '1.50'],
])('tok_wrong_amount authorises for %s: %s', async (amount, authorized_amount) => {
  const { id } = await simulator.open(amount);
  await simulator.ask(id, 'authorize', { token: 'tok_wrong_amount' });
  expect(await simulator.payment(id)).toMatchObject({ status: 'authorized', amount, authorized_amount });
});

it('tok_capture_refused is refused for good, and can be voided', async () => {
  const id = await authorized('tok_capture_refused');
  expect(await statuses(id, 'capture', money, 2)).toEqual([409, '409 replayed']);
  expect((await simulator.ask(id, 'capture', money)) as Reply).toMatchObject({
    body: { error: { code: 'capture_refused' } },
  });
  expect(((await simulator.ask(id, 'void', {})) as Reply).body.status).toBe('voided');
});

it('tok_refund_refused is refused for good', async () => {
  const id = await authorized('tok_refund_refused');
  await simulator.ask(id, 'capture', money);
  expect((await simulator.ask(id, 'refund', money)) as Reply).toMatchObject({
    status: 409,
    body: { error: { code: 'refund_refused' } },
  });
});

it.each([
  ['tok_capture_drops', ['lost', '200 replayed'], { captures: 1 }],
  ['tok_capture_flaky', [500, 500, 200], { captures: 1 }],
])('%s: its capture', async (token, expected, counts) => {
  const id = await authorized(token);
  expect(await statuses(id, 'capture', money, expected.length)).toEqual(expected);
  expect(await simulator.payment(id)).toMatchObject({ status: 'captured', ...counts });
});

it('tok_refund_drops and tok_void_drops are done, and break the connection once', async () => {
  const refunded = await authorized('tok_refund_drops');
  await simulator.ask(refunded, 'capture', money);
  expect(await statuses(refunded, 'refund', money, 2)).toEqual(['lost', '200 replayed']);
  expect(await simulator.payment(refunded)).toMatchObject({ status: 'refunded', refunds: 1 });
  const voided = await authorized('tok_void_drops');
  expect(await statuses(voided, 'void', {}, 2)).toEqual(['lost', '200 replayed']);
  expect(await simulator.payment(voided)).toMatchObject({ status: 'voided', voids: 1 });
});

it('says what stands in the way', async () => {
  const code = async (id: string, operation: string) => {
    const body = { authorize: { token: 'tok_approved' }, void: {} }[operation] ?? money;
    return ((await simulator.ask(id, operation, body)) as Reply).body.error?.code;
  };
  const { id } = await simulator.open();
  expect([await code(id, 'capture'), await code(id, 'refund')]).toEqual(['not_authorized', 'not_captured']);
  await code(id, 'authorize');
  expect([await code(id, 'authorize'), await code(id, 'refund')]).toEqual([
    'already_authorized',
    'not_captured',
  ]);
  await code(id, 'capture');
  for (const operation of ['authorize', 'capture', 'void'])
    expect(await code(id, operation)).toBe('already_captured');
  await code(id, 'refund');
  for (const operation of ['authorize', 'capture', 'void', 'refund'])
    expect(await code(id, operation)).toBe('already_refunded');
  const voided = await simulator.open();
  await code(voided.id, 'void');
  for (const operation of ['authorize', 'capture', 'void', 'refund'])
    expect(await code(voided.id, operation)).toBe('already_voided');
});
