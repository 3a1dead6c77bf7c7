import { PermanentError } from '../../shared/messaging/failure';
import { Decimal } from '../../shared/money';

const UNITS_A_POINT = 100;
/** Beyond, a JSON number is not exact to the cent. */
const MOST = new Decimal('90000000000000');

/**
 * The points that a payment earns: one for each whole 100 units of its currency. 299.99 earns 2, and JPY 100 earns 1.
 * @throws {PermanentError} for an amount that nobody can have paid
 */
export function pointsFor(amount: number): number {
  const exact = new Decimal(amount);
  if (exact.greaterThan(MOST))
    throw new PermanentError('amount_too_large', `${amount} is no amount of money`);
  return exact.dividedToIntegerBy(UNITS_A_POINT).toNumber();
}
