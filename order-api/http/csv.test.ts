import { toCsv } from './csv';

const cell = (value: string | number | null) =>
  toCsv({ name: 't', columns: ['c'], rows: [[value]] }).slice(3);

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1+1', '＋1', '－1', '＠A'])(
  'a spreadsheet takes %j for no formula',
  (text) => expect(cell(text).replace(/^"/, '')).toMatch(/^'/),
);

test('what is no formula is left as it is, quoted where it has to be', () => {
  expect(cell('Masala Dosa')).toBe('Masala Dosa\r\n');
  expect(cell('a,b "c"\nd')).toBe('"a,b ""c""\nd"\r\n');
  expect(cell('मसाला डोसा 🍕')).toBe('मसाला डोसा 🍕\r\n');
  expect(cell(-5)).toBe('-5\r\n');
  expect(cell(null)).toBe('\r\n');
});
