import { testTokens } from '../../payment-simulator/cards';
import { isDeclined, randomPayment } from './card-tokens';
import { seededRandom } from '../testbed/random';

it('pays half of the orders by card, most of them good, all of them known to the simulator', () => {
  const random = seededRandom(1);
  const payments = Array.from({ length: 4_000 }, () => randomPayment(random));
  const tokens = payments.flatMap((payment) => (payment.method === 'CARD' ? [payment.token] : []));
  expect(tokens.length / payments.length).toBeCloseTo(0.5, 1);
  expect(payments.filter(isDeclined).length / tokens.length).toBeCloseTo(0.1, 1);
  const known = new Set(testTokens.map(({ token }) => token));
  expect([...new Set(tokens)].filter((token) => !known.has(token))).toEqual([]);
  expect(new Set(tokens).size).toBe(10);
});
