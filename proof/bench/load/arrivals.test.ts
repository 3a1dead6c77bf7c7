import { Arrivals } from './arrivals';

test('evenly spaced from the start, and none at the end itself', () => {
  const arrivals = new Arrivals(4, 1000, 2000);
  expect(arrivals.take(1_000_000)).toEqual([1000, 1250, 1500, 1750]);
  expect(arrivals.over).toBe(true);
});

test('each is taken once, when it is due', () => {
  const arrivals = new Arrivals(1000, 0, 10);
  expect(arrivals.take(-1)).toEqual([]);
  expect(arrivals.take(1.5)).toEqual([0, 1]);
  expect(arrivals.take(1.9)).toEqual([]);
  expect(arrivals.over).toBe(false);
  expect(arrivals.take(3)).toEqual([2, 3]);
});

test('a generator that was held up has all of them at once, each with the moment it was due', () => {
  const arrivals = new Arrivals(500, 0, 60_000);
  arrivals.take(0);
  const late = arrivals.take(10_000);
  expect(late).toHaveLength(5000);
  expect(late[0]).toBe(2);
  expect(late.at(-1)).toBe(10_000);
});

test('the rate is kept to the end, without an error that adds up', () => {
  const arrivals = new Arrivals(333, 0, 60_000);
  let count = 0;
  for (let now = 0; now < 61_000; now += 1.3) count += arrivals.take(now).length;
  expect(count).toBe(333 * 60);
});
