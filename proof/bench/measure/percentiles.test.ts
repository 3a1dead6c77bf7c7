import { percentile, summarize } from './percentiles';

const to = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

test('the nearest rank: a value that was seen, never one in between', () => {
  expect(percentile(to(100), 0.5)).toBe(50);
  expect(percentile(to(100), 0.99)).toBe(99);
  expect(percentile(to(101), 0.99)).toBe(100);
  expect(percentile(to(3), 0.5)).toBe(2);
  expect(percentile([7], 0.99)).toBe(7);
});

test('of a small sample, p99 is the longest: it is not made to look better than it was', () => {
  expect(percentile(to(20), 0.99)).toBe(20);
});

test('of nothing there is none', () => {
  expect(percentile([], 0.5)).toBeNaN();
});

test('a sample is sorted as numbers, and left as it was', () => {
  const sample = [10, 9, 100, 1];
  expect(summarize(sample)).toEqual({ count: 4, p50: 9, p99: 100, max: 100 });
  expect(sample).toEqual([10, 9, 100, 1]);
});
