import { Decimal } from './money';

/**
 * Decimals of a currency by ISO 4217 (list one, https://www.six-group.com/en/products-services/financial-information/data-standards.html).
 * Not by `Intl`, which follows usage: it says none for the Iraqi dinar, which has three.
 */
const NO_DECIMALS = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF';
const THREE_DECIMALS = 'BHD IQD JOD KWD LYD OMR TND';
const FOUR_DECIMALS = 'CLF UYW';
// ISO 4217 gives the ariary two, but its subunit is a fifth of it, and no gateway takes one.
const IN_FIFTHS = 'MGA';
/** Active currencies in which something can be sold; no metals, funds or test codes. */
const TWO_DECIMALS =
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE ' +
  'CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR ' +
  'KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN ' +
  'PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD ' +
  'TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG';

const DECIMALS = new Map<string, number>(
  [
    [NO_DECIMALS, 0],
    [IN_FIFTHS, 0],
    [TWO_DECIMALS, 2],
    [THREE_DECIMALS, 3],
    [FOUR_DECIMALS, 4],
  ].flatMap(([codes, decimals]) =>
    String(codes)
      .split(' ')
      .map((code) => [code, Number(decimals)] as const),
  ),
);

/** How many decimals an amount in the currency has; undefined where it is no currency that is in use. */
export const decimalsOf = (currency: string): number | undefined => DECIMALS.get(currency);

/** Amounts are kept with two decimals: a currency with more would lose money. */
export const MOST_DECIMALS = 2;

/** Whether the amount is one in the currency: `10.50` is none in JPY. An unknown currency is not judged. */
export const isAmountIn = (currency: string, amount: Decimal.Value): boolean =>
  new Decimal(amount).decimalPlaces() <= (decimalsOf(currency) ?? MOST_DECIMALS);

/** Why an amount is none in the currency, for whoever sent it. */
export const notAnAmountIn = (currency: string): string => {
  const decimals = decimalsOf(currency) ?? MOST_DECIMALS;
  return `must be an amount in ${currency}, which has ${decimals === 0 ? 'no' : decimals} decimals`;
};
