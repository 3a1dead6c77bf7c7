import { ratios, spread } from './spread';

test('the median of an odd and of an even number of rounds, and how far they lie apart', () => {
  expect(spread([9, 1, 10])).toEqual({ median: 9, min: 1, max: 10, rounds: [9, 1, 10] });
  expect(spread([1, 2, 10, 3])).toMatchObject({ median: 2.5, min: 1, max: 10 });
  expect(spread([4])).toMatchObject({ median: 4, min: 4, max: 4 });
});

test('of no rounds there is no figure', () => {
  expect(() => spread([])).toThrow('nothing was measured');
});

test('rounds are compared in pairs: a machine that was slow for one of them changes no ratio', () => {
  expect(ratios(spread([200, 20, 220]), spread([100, 10, 100]))).toMatchObject({
    median: 2,
    min: 2,
    max: 2.2,
  });
});

test('what was measured a different number of times is compared with the median', () => {
  expect(ratios(spread([900, 1100]), spread([1000])).rounds).toEqual([0.9, 1.1]);
});
