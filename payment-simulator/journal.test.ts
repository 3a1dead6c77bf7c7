import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '../shared/ids';
import { runSimulator, type Reply, type RunningSimulator } from './testing/running-simulator';

let folder: string;
let journal: string;
let simulator: RunningSimulator;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ordermesh-test-'));
  journal = join(folder, 'kept', 'journal.jsonl');
  simulator = await runSimulator({ journal });
});
afterEach(async () => {
  await simulator.stop();
  rmSync(folder, { recursive: true });
});

const restart = async () => {
  await simulator.stop();
  simulator = await runSimulator({ journal });
};
const money = { amount: '900.00', currency: 'INR' };

it('after a restart payments, requests and keys are as they were', async () => {
  const { id, order_id } = await simulator.open();
  const authorized = (await simulator.ask(id, 'authorize', { token: 'tok_approved' }, 'a')) as Reply;
  await simulator.ask(id, 'capture', money);
  const before = [await simulator.payment(id), await simulator.requests(id)];
  await restart();
  expect([await simulator.payment(id), await simulator.requests(id)]).toEqual(before);
  expect(await simulator.ask(id, 'authorize', { token: 'tok_approved' }, 'a')).toEqual({
    ...authorized,
    replayed: true,
  });
  expect(await simulator.send('GET', `/v1/payments?order_id=${order_id}`)).toMatchObject({
    body: { payments: [{ id, captures: 1 }] },
  });
});

it('a card goes on in its ways', async () => {
  const { id } = await simulator.open();
  const ask = async () =>
    ((await simulator.ask(id, 'authorize', { token: 'tok_flaky' }, 'f')) as Reply).status;
  expect(await ask()).toBe(500);
  await restart();
  expect(await ask()).toBe(500);
  await restart();
  expect(await ask()).toBe(200);
});

it.each(['{"request":{"at":"2026-', '{"request":{"order_id":"x"}', '{}\n', '\0\0\0\n', '\0\0\0'])(
  'a torn last line is cut off: %j',
  async (torn) => {
    const { id } = await simulator.open();
    await simulator.stop();
    const whole = readFileSync(journal, 'utf8');
    appendFileSync(journal, torn);
    simulator = await runSimulator({ journal });
    expect(readFileSync(journal, 'utf8')).toBe(whole);
    await simulator.ask(id, 'authorize', { token: 'tok_approved' });
    await restart();
    expect(await simulator.payment(id)).toMatchObject({ status: 'authorized' });
  },
);

it('a broken line before the last is no crash: it does not start', async () => {
  await simulator.open();
  await simulator.stop();
  const whole = readFileSync(journal, 'utf8');
  for (const after of [whole, 'half a li']) {
    writeFileSync(journal, `${whole}half a line\n${after}`);
    await expect(runSimulator({ journal })).rejects.toThrow(
      'is no step of a payment; it is not the last line',
    );
  }
  writeFileSync(journal, whole);
  simulator = await runSimulator({ journal });
});

it('what was answered is on disk already, also for many at once', async () => {
  const ids = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const { id } = await simulator.open();
      expect(readFileSync(journal, 'utf8')).toContain(id);
      return id;
    }),
  );
  expect(new Set(ids).size).toBe(50);
  expect(readFileSync(journal, 'utf8').trim().split('\n')).toHaveLength(50);
});

it('no token is kept but those for tests', async () => {
  const { id } = await simulator.open();
  for (const token of ['4242 4242 4242 4242', '4242424242424242', 'tok_of_a_stranger', 'tok_approved'])
    await simulator.ask(id, 'authorize', { token }, newId());
  const kept = readFileSync(journal, 'utf8');
  expect(kept).not.toMatch(/4242 ?4242|stranger/);
  expect((await simulator.requests(id)).map(({ token }) => token)).toEqual([
    undefined,
    '(masked)',
    '(masked)',
    '(masked)',
    'tok_approved',
  ]);
});
