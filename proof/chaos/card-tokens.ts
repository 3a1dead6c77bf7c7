import type { Random } from '../testbed/random';

/** How a client pays, as `POST /orders` takes it. */
export type Payment = { method: 'CASH' } | { method: 'CARD'; token: string };

/** The simulator's test tokens (README, Paying by card), and how many of 100 cards are of each. */
const CARDS: readonly [token: string, share: number][] = [
  ['tok_approved', 56],
  ['tok_declined', 5],
  ['tok_insufficient_funds', 5],
  ['tok_slow', 6],
  ['tok_drops', 6],
  ['tok_flaky', 5],
  ['tok_timeout', 2],
  ['tok_capture_drops', 5],
  ['tok_refund_drops', 5],
  ['tok_void_drops', 5],
];
const DECLINED: ReadonlySet<string> = new Set(['tok_declined', 'tok_insufficient_funds']);

/** Every second one by card. None that ends before an operator: nobody would be there. */
export function randomPayment(random: Random): Payment {
  if (random.chance(0.5)) return { method: 'CASH' };
  let left = random.int(0, CARDS.reduce((sum, [, share]) => sum + share, 0) - 1);
  const [token] = CARDS.find(([, share]) => (left -= share) < 0)!;
  return { method: 'CARD', token };
}

/** Whether no gateway in order would take this card. */
export const isDeclined = (payment: Payment): boolean =>
  payment.method === 'CARD' && DECLINED.has(payment.token);
