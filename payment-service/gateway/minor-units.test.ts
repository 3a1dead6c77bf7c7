import { fromMinorUnits, toMinorUnits } from './minor-units';

it.each([
  ['900.00', 'INR', 90_000],
  ['0.07', 'EUR', 7],
  ['1.10', 'USD', 110], // 1.1 × 100 is 110.00000000000001 in binary
  ['500.00', 'JPY', 500],
  ['5.00', 'ISK', 500],
  ['5.00', 'UGX', 500],
  ['5.12', 'KWD', 5_120],
])('%s %s is %i', (amount, currency, minor) => {
  expect(toMinorUnits(amount, currency)).toBe(minor);
  expect(fromMinorUnits(minor, currency)).toBe(amount);
});

it.each([
  ['10.50', 'JPY'],
  ['10.50', 'ISK'],
  ['99999999999999999.00', 'INR'],
])('%s %s cannot be said', (amount, currency) => {
  expect(toMinorUnits(amount, currency)).toBeUndefined();
});
