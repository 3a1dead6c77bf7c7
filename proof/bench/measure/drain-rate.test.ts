import { drainRate } from './drain-rate';

test('what was marked after the first batch, over the time since it', () => {
  const batches = [
    { at: 5_000, events: 400 },
    { at: 5_100, events: 500 },
    { at: 5_200, events: 500 },
  ];
  expect(drainRate(batches)).toBe(5_000);
});

test('one moment is no rate', () => {
  expect(drainRate([])).toBeNaN();
  expect(drainRate([{ at: 1, events: 500 }])).toBeNaN();
});
