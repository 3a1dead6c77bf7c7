import { Decimal } from '../../shared/money';

/**
 * Amounts as Stripe has them: whole numbers in a currency's smallest unit. What that is does not always
 * follow ISO 4217: https://docs.stripe.com/currencies#minor-units, #special-cases.
 */
const NO_DECIMALS = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const THREE_DECIMALS = new Set('BHD JOD KWD OMR TND'.split(' '));
/** Written with two decimals for the sake of old clients, which have to be 00. */
const WHOLE_WITH_TWO_DECIMALS = new Set(['ISK', 'UGX']);

const decimals = (currency: string) => (NO_DECIMALS.has(currency) ? 0 : THREE_DECIMALS.has(currency) ? 3 : 2);

/** @returns undefined where the currency has no coin as small as that: `10.50` JPY */
export function toMinorUnits(amount: string, currency: string): number | undefined {
  const minor = new Decimal(amount).times(new Decimal(10).pow(decimals(currency)));
  const smallest = WHOLE_WITH_TWO_DECIMALS.has(currency) ? 100 : 1;
  return minor.modulo(smallest).isZero() && minor.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER)
    ? minor.toNumber()
    : undefined;
}

/** @returns two decimals, `"900.00"` */
export const fromMinorUnits = (minor: number, currency: string): string =>
  new Decimal(minor).div(new Decimal(10).pow(decimals(currency))).toFixed(2);
