import { decimalsOf } from '../../shared/currency';
import { Decimal } from '../../shared/money';
import type { MailData } from './mail-data';

/** The languages that there are templates in; what is in no other is in the first. */
export const languages = ['en', 'de'] as const;
export type Language = (typeof languages)[number];

/** The restaurant's language where there are templates in it, else English. */
export function languageOf(locale: string): Language {
  const { language } = readLocale(locale);
  return languages.find((one) => one === language) ?? languages[0];
}

const readLocale = (tag: string): Intl.Locale => {
  try {
    return new Intl.Locale(tag);
  } catch {
    return new Intl.Locale('en');
  }
};

/** How amounts and times are written: in the text's language, as it is done in the restaurant's region. */
export function inWords({ locale, timeZone, currency: usual }: MailData['restaurant']) {
  const language = languageOf(locale);
  const given = readLocale(locale);
  const written =
    given.language === language ? given.toString() : [language, given.region].filter(Boolean).join('-');
  const clock = clockOf(written, timeZone);
  return {
    money: (amount: Decimal.Value, currency = usual) => moneyIn(written, amount, currency),
    time: (at: string) => (Number.isNaN(Date.parse(at)) ? at : clock.format(new Date(at))),
    count: (value: number) => new Intl.NumberFormat(written).format(value),
  };
}

/** With as many decimals as ISO 4217 has for the currency: `Intl` follows usage, and has none for IQD. */
function moneyIn(locale: string, amount: Decimal.Value, currency: string): string {
  const decimals = decimalsOf(currency) ?? 2;
  const exact = new Decimal(amount).toFixed(Math.max(decimals, new Decimal(amount).decimalPlaces()));
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: 4 };
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency, ...digits }).format(
      exact as `${number}`,
    );
  } catch {
    return `${exact} ${currency}`; // no currency that anybody knows
  }
}

function clockOf(locale: string, timeZone: string): Intl.DateTimeFormat {
  const style = { dateStyle: 'medium', timeStyle: 'short' } as const;
  try {
    return new Intl.DateTimeFormat(locale, { ...style, timeZone });
  } catch {
    return new Intl.DateTimeFormat(locale, { ...style, timeZone: 'UTC' });
  }
}
