import { decimalsOf, isAmountIn } from './currency';

it.each([
  ['JPY', 0],
  ['KRW', 0],
  ['ISK', 0],
  ['UGX', 0],
  ['INR', 2],
  ['HUF', 2],
  ['TWD', 2],
  ['IQD', 3], // Intl says 0
  ['KWD', 3],
  ['CLF', 4],
  ['DEM', undefined],
  ['XAU', undefined],
  ['inr', undefined],
])('%s has %s decimals', (currency, decimals) => {
  expect(decimalsOf(currency)).toBe(decimals);
});

it.each([
  ['JPY', '100.50', false],
  ['JPY', '100.00', true],
  ['MGA', '10.50', false],
  ['INR', '100.50', true],
  ['INR', '100.505', false],
])('%s %s: %s', (currency, amount, expected) => {
  expect(isAmountIn(currency, amount)).toBe(expected);
});
