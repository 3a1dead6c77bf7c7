import { newId } from '../shared/ids';
import { startService } from '../shared/testing/service-process';
import { until } from '../shared/testing/until';
import type { Payment } from './payment';
import { runSimulator, type Reply, type RunningSimulator } from './testing/running-simulator';

let simulator: RunningSimulator;
let random: number;
beforeEach(async () => {
  random = 0.5;
  simulator = await runSimulator({ slowMs: 60_000, random: () => random });
});
afterEach(() => simulator.stop());

const faults = (rates: Record<string, number>) => simulator.send('PUT', '/v1/faults', rates);

describe('faults', () => {
  it.each([
    ['drop_before', 'lost', 0, 'not_done', 'dropped'],
    ['error', 500, 0, 'not_done', 'failed'],
    ['drop_after', 'lost', 1, 'done', 'dropped'],
  ])('%s', async (kind, got, authorizations, outcome, answer) => {
    const { id } = await simulator.open();
    await faults({ [kind]: 1 });
    const reply = await simulator.ask(id, 'authorize', { token: 'tok_approved' }, 'key');
    expect(reply === 'lost' ? reply : reply.status).toBe(got);
    expect(await simulator.payment(id)).toMatchObject({ authorizations });
    await faults({});
    const again = (await simulator.ask(id, 'authorize', { token: 'tok_approved' }, 'key')) as Reply;
    expect(again).toMatchObject({ status: 200, replayed: authorizations === 1 });
    expect(await simulator.payment(id)).toMatchObject({ authorizations: 1 });
    expect((await simulator.requests(id))[1]).toMatchObject({ outcome, answer, replayed: false });
  });

  it('hang_after', async () => {
    const { id } = await simulator.open();
    await faults({ hang_after: 1 });
    const hung = simulator.ask(id, 'authorize', { token: 'tok_approved' });
    await until('it to be held', () => simulator.held.count);
    expect(await simulator.payment(id)).toMatchObject({ status: 'authorized' });
    await simulator.stop();
    expect(await hung).toBe('lost');
    simulator = await runSimulator();
  });

  it('come at their rates, one at most for a request', async () => {
    const { id } = await simulator.open();
    await faults({ drop_before: 0.2, error: 0.2 });
    const got = [];
    for (random of [0.1, 0.3, 0.5]) {
      const reply = await simulator.ask(id, 'capture', { amount: '1.00', currency: 'INR' });
      got.push(reply === 'lost' ? reply : reply.status);
    }
    expect(got).toEqual(['lost', 500, 409]);
    expect(await faults({ drop_before: 0.6, error: 0.6 })).toMatchObject({ status: 422 });
    expect(await faults({ drop: 1 })).toMatchObject({ status: 422 });
    expect(await simulator.send('GET', '/v1/faults')).toMatchObject({
      body: { drop_before: 0.2, error: 0.2, drop_after: 0, hang_after: 0, delay_ms: 0 },
    });
  });
});

describe('what is there', () => {
  it('can be walked by order, in pages', async () => {
    const orders = Array.from({ length: 7 }, () => newId()).reverse();
    for (const order of orders) await simulator.open('5.00', order.toUpperCase());
    await simulator.open('6.00', orders[3]);
    const sorted = orders.toSorted();
    const page = async (query: string) =>
      (await simulator.send('GET', `/v1/payments?${query}`)).body as unknown as {
        payments: Payment[];
        next: string | null;
      };
    const ids = ({ payments }: { payments: Payment[] }) => payments.map(({ order_id }) => order_id);
    const first = await page('limit=4');
    expect(ids(first)).toEqual([...sorted.slice(0, 4), sorted[3]]);
    expect(first.next).toBe(sorted[3]);
    const second = await page(`limit=4&after=${first.next}`);
    expect([ids(second), second.next]).toEqual([sorted.slice(4), null]);
    const between = await page(`after=${sorted[0]}&up_to=${sorted[2]}`);
    expect([ids(between), between.next]).toEqual([sorted.slice(1, 3), null]);
    expect(ids(await page(`order_id=${sorted[3]}`))).toHaveLength(2);
    expect(await page(`order_id=${newId()}`)).toEqual({ payments: [], next: null });
  });

  it('is on the page, escaped; what happened more than once stands out', async () => {
    const page = async () => (await fetch(simulator.url)).text();
    expect(await page()).toContain('None yet.');
    const { id, order_id } = await simulator.open('12.34');
    await simulator.ask(id, 'authorize', { token: 'tok_approved' }, '<script>alert(1)</script>');
    expect(await page()).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(await page()).not.toMatch(/<script>|class="double"/);
    const second = await simulator.open('12.34', order_id);
    await simulator.ask(second.id, 'authorize', { token: 'tok_approved' });
    expect((await page()).match(/class="double"/g)).toHaveLength(2);
    for (const text of ['12.34 INR', order_id, 'tok_capture_refused', 'authorize tok_approved'])
      expect(await page()).toContain(text);
  });

  it('tells of every request of an order', async () => {
    const { id, order_id } = await simulator.open();
    await simulator.ask(id, 'authorize', { token: 'tok_insufficient_funds' }, 'k');
    await simulator.ask(id, 'authorize', { token: 'tok_insufficient_funds' }, 'k');
    const { body } = await simulator.send('GET', `/v1/requests?order_id=${order_id}`);
    const declined = {
      operation: 'authorize',
      idempotency_key: 'k',
      payment: id,
      outcome: 'declined',
      status: 402,
      code: 'insufficient_funds',
      answer: 'answered',
      token: 'tok_insufficient_funds',
    };
    expect((body as unknown as { requests: unknown[] }).requests).toMatchObject([
      { operation: 'open', outcome: 'done', status: 201, amount: '900.00', currency: 'INR' },
      { ...declined, replayed: false },
      { ...declined, replayed: true },
    ]);
  });

  it('is healthy', async () => {
    expect(await simulator.send('GET', '/healthz')).toMatchObject({ status: 200 });
    expect(await simulator.send('GET', '/readyz')).toMatchObject({ status: 200, body: { ready: true } });
  });
});

it('stops at once, though requests hang, are slow or are delayed', async () => {
  const [hung, slow, delayed] = await Promise.all([simulator.open(), simulator.open(), simulator.open()]);
  const waiting = [simulator.ask(hung.id, 'authorize', { token: 'tok_timeout' })];
  await until('it to be held', () => simulator.held.count);
  waiting.push(simulator.ask(slow.id, 'authorize', { token: 'tok_slow' }, 'slow'));
  await until('it to be worked on', async () => {
    const reply = (await simulator.ask(slow.id, 'authorize', { token: 'tok_slow' }, 'slow')) as Reply;
    return reply.body.error?.code === 'idempotency_key_in_use';
  });
  await faults({ delay_ms: 60_000 });
  waiting.push(simulator.ask(delayed.id, 'void', {}));
  const begun = Date.now();
  await simulator.stop();
  expect(await Promise.all(waiting)).toEqual(['lost', 'lost', 'lost']);
  expect(Date.now() - begun).toBeLessThan(10_000);
  simulator = await runSimulator();
});

it('as a process: ends with exit code 0 in time, whoever waits for an answer', async () => {
  const service = await startService('payment-simulator', {});
  const post = async (path: string, body: unknown) => {
    const response = await fetch(service.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': newId() },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Payment;
  };
  const money = { amount: '1.00', currency: 'INR' };
  const { id } = await post('/v1/payments', { order_id: newId(), payment_id: newId(), ...money });
  const hung = post(`/v1/payments/${id}/authorize`, { token: 'tok_timeout' }).catch(() => 'lost');
  await until('it to be asked', () => service.log.find((line) => line.answer === 'hung'));
  const begun = Date.now();
  expect(await service.stop()).toBe(0);
  expect(Date.now() - begun).toBeLessThan(5_000);
  expect(await hung).toBe('lost');
  expect(JSON.stringify(service.log)).toContain('SIMULATOR_JOURNAL is not set');
});
