import { readdirSync } from 'node:fs';
import { inWords, languages, languageOf } from './in-words';
import { mailKinds, type MailKind } from './mail-kinds';
import type { MailData } from './mail-data';
import { plainText } from './plain-text';
import { renderMail, templatesFolder } from './render-mail';
import { sampleMails } from './sample-mails';

const kinds = Object.keys(mailKinds) as MailKind[];
const sample = (kind: MailKind, more: Partial<MailData> = {}): MailData => ({
  ...sampleMails('en')[kind].data,
  ...more,
});
const spaces = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

describe.each(languages)('in %s', (language) => {
  it('has the same files as every other language', () => {
    const files = (one: string) => readdirSync(`${templatesFolder}/${one}`).sort();
    expect(files(language)).toEqual(files('en'));
    for (const kind of kinds)
      expect(files(language)).toEqual(expect.arrayContaining([`${kind}.html.eta`, `${kind}.txt.eta`]));
  });

  it.each(kinds)('%s is complete', (kind) => {
    const { data, gathered } = sampleMails(language)[kind];
    const optOutUrl = 'https://shop.example/api/v1/unsubscribe/token';
    const mail = renderMail(data, { gathered, optOutUrl });
    expect(mail.language).toBe(language);
    for (const part of [mail.subject, mail.text, mail.html]) {
      expect(part.trim()).not.toBe('');
      expect(part).not.toMatch(/undefined|null|NaN|\[object|<%|%>/);
    }
    expect(mail.subject).not.toMatch(/[\n\r]/);
    expect(mail.html).toContain(`<html lang="${language}">`);
    for (const part of [mail.text, mail.html]) {
      expect(part).toContain(optOutUrl);
      expect(part).toContain(data.restaurant.name);
      if (data.order) expect(part).toContain('3F7A9C12');
    }
    expect(renderMail(data).html).not.toContain('href');
  });

  it.each(['CUSTOMER', 'STAFF', 'OUT_OF_STOCK', 'PAYMENT_FAILED', 'TIMEOUT'])('says why: %s', (reason) => {
    const said = (given: string) => {
      const { data } = sampleMails(language).cancelled;
      return renderMail({ ...data, reason: given, note: undefined }).text;
    };
    expect(said(reason).length).toBeGreaterThan(said('FRAUD_SUSPECTED').length);
  });

  it('says something else about the money in each case', () => {
    const { data } = sampleMails(language).cancelled;
    const cases = ['cash', 'not-charged', 'released', 'refunded', 'returned'] as const;
    const said = cases.map((moneyBack) => renderMail({ ...data, moneyBack }).text);
    const none = renderMail({ ...data, moneyBack: undefined }).text;
    expect(new Set(said).size).toBe(cases.length);
    for (const text of said) expect(text.length).toBeGreaterThan(none.length);
  });
});

it('escapes what others wrote, and lets it add neither a line nor a subject', () => {
  const name = plainText('<img src=x onerror=alert(1)>\r\nBcc: evil@example.com\u2028\u202eevil');
  const restaurant = { ...sample('cancelled').restaurant, name };
  const mail = renderMail(
    sample('cancelled', { restaurant, note: plainText('</td><b>bold</b> & "quoted"') }),
  );
  expect(mail.html).not.toMatch(/<img|<b>bold/);
  expect(mail.html).toContain('&lt;img src=x onerror=alert(1)&gt; Bcc: evil@example.com evil');
  expect(mail.html).toContain('&lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;');
  expect(mail.subject).toBe(`Your order was cancelled: ${name}`);
  expect(mail.text).toContain('“</td><b>bold</b> & "quoted"”');
});

it('writes money and time as the restaurant does', () => {
  const written = (locale: string, timeZone: string, currency: string, amount: number) => {
    const { money, time } = inWords({ name: '', email: null, locale, timeZone, currency });
    return [spaces(money(amount)), spaces(time('2026-11-29T11:42:00Z'))];
  };
  expect(written('en-IN', 'Asia/Kolkata', 'INR', 123456.5)).toEqual(['₹1,23,456.50', '29 Nov 2026, 5:12 pm']);
  expect(written('de-AT', 'Europe/Vienna', 'EUR', 1234.5)).toEqual(['€ 1.234,50', '29.11.2026, 12:42']);
  expect(written('ja-JP', 'Asia/Tokyo', 'JPY', 900)[0]).toBe('¥900');
  expect(written('ar-IQ', 'Asia/Baghdad', 'IQD', 900)[0]).toBe('IQD 900.000');
  expect(written('no locale at all', 'Mars/Olympus', 'XXX1', 9.5)).toEqual([
    '9.50 XXX1',
    'Nov 29, 2026, 11:42 AM',
  ]);
});

it('takes the language of the restaurant where there are templates in it, else English', () => {
  expect(['de-CH', 'de', 'en-IN', 'hi-IN', 'xx', '', 'constructor'].map(languageOf)).toEqual([
    'de',
    'de',
    'en',
    'en',
    'en',
    'en',
    'en',
  ]);
});

it('keeps a text short, on one line, and in its own direction', () => {
  expect(plainText('a'.repeat(10_000))).toHaveLength(120);
  expect(plainText(' a\r\n\tb\u0000\u0085c\u2029d ')).toBe('a b c d');
  expect(plainText('\u202eevil\u202c \u2066x\u2069\ufeff')).toBe('evil x');
  expect(plainText('👩‍🍳 नमस्ते')).toBe('👩‍🍳 नमस्ते');
  expect(plainText('\ud83d half')).toBe('\ufffd half');
  const { restaurant } = sample('preparing');
  const { subject } = renderMail(sample('preparing', { restaurant: { ...restaurant, name: 'مطعم 5' } }));
  expect(subject).toBe('Your order is being prepared: \u2068مطعم 5\u2069');
});

it('tells of each item once, sold out first, with what is left by the latest news', () => {
  const { restaurant } = sample('stock');
  const stock = (name: string, left: number) => sample('stock', { restaurant, stock: { name, left } });
  const { text, subject } = renderMail(stock('Dal', 3), { gathered: [stock('Rice', 2), stock('Dal', 0)] });
  expect(text).toMatch(/Dal: sold out\n+ *Rice: 2 left/);
  expect(text).not.toContain('3 left');
  expect(subject).toBe('Running low: 2 items');
});

it('tells of two items that have one name', () => {
  const stock = (id: string, left: number) => sample('stock', { stock: { id, name: 'Lassi', left } });
  const { text } = renderMail(stock('small', 3), { gathered: [stock('large', 0), stock('small', 2)] });
  expect(text.match(/Lassi: .*/g)).toEqual(['Lassi: sold out', 'Lassi: 2 left']);
});
