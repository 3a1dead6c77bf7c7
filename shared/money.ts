import { Decimal } from 'decimal.js';

export { Decimal };

/** The highest price of an item, in units of its currency. */
export const MAX_PRICE = new Decimal('1000000');

/** A price as the contract writes it: a string with two decimals, `"450.00"`. */
export const formatPrice = (amount: Decimal.Value): string => new Decimal(amount).toFixed(2);

/** Price × quantity, summed exactly. */
export function totalOf(lines: readonly { price: Decimal.Value; quantity: number }[]): Decimal {
  return lines.reduce((sum, line) => sum.plus(new Decimal(line.price).times(line.quantity)), new Decimal(0));
}

/**
 * An amount as a JSON number with at most two decimals. Exact up to 90 trillion: the nearest double of
 * a two-decimal number below 2^53/100 prints as that number.
 */
export const amountAsNumber = (amount: Decimal.Value): number =>
  new Decimal(amount).toDecimalPlaces(2).toNumber();
