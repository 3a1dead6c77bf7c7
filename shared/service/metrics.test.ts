import { metricsPage, NO_REST, readGauge } from './metrics';

/** A gauge over readings that a test ends; and what it says when it is asked. */
function aGauge(name: string, rest?: number) {
  let now = 0;
  const readings: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  readGauge(
    name,
    'of a test',
    [],
    () =>
      new Promise((resolve, reject) =>
        readings.push({ resolve: (value) => resolve([{ labels: {}, value }]), reject }),
      ),
    { now: () => now, rest },
  );
  return {
    readings,
    later: (ms: number) => (now += ms),
    ask: async () => new RegExp(`^${name} (.*)$`, 'm').exec((await metricsPage()).text)?.[1],
  };
}

it('is read once for all who ask within seconds', async () => {
  const { readings, later, ask } = aGauge('ordermesh_test_shared');
  const asking = [ask(), ask()];
  readings[0]?.resolve(7);
  expect(await Promise.all(asking)).toEqual(['7', '7']);
  later(4_000);
  expect(await ask()).toBe('7');
  expect(readings).toHaveLength(1);
});

it('holds up nothing where it cannot be read, and is read again soon, however long it took to fail', async () => {
  const { readings, later, ask } = aGauge('ordermesh_test_failing');
  expect(await ask()).toBeUndefined(); // it was not waited for
  later(9_000);
  readings[0]?.reject(new Error('the database is away'));
  expect(await ask()).toBeUndefined();
  later(5_000);
  const asking = ask();
  readings[1]?.resolve(3);
  expect(await asking).toBe('3');
});

it('is read less often where that takes long again and again, and has a value all the same', async () => {
  const { readings, later, ask } = aGauge('ordermesh_test_slow');
  const answered = async (value: number) => {
    const asking = ask();
    later(1_000);
    readings.at(-1)?.resolve(value);
    return asking;
  };
  expect(await answered(4)).toBe('4');
  later(4_000); // once may be the machine's fault
  expect(await answered(5)).toBe('5');
  later(99_000);
  expect(await ask()).toBe('5');
  expect(readings).toHaveLength(2);
  later(2_000);
  const again = ask();
  readings[2]?.resolve(6);
  expect(await again).toBe('6');
});

it('of no cost is read as often where it waits for others', async () => {
  const { readings, later, ask } = aGauge('ordermesh_test_waits', NO_REST);
  for (const value of [0, 0, 1]) {
    const asking = ask();
    later(2_000);
    readings.at(-1)?.resolve(value);
    expect(await asking).toBe(String(value));
    later(3_000);
  }
});
