import type { z } from 'zod';
import { lines, mailAddress, opaqueText, text } from './text';

const read = (schema: z.ZodType, value: unknown) => {
  const result = schema.safeParse(value);
  return result.success ? { kept: result.data } : { refused: result.error.issues[0]?.message };
};

describe('one line of text', () => {
  it.each([
    ['A1 ', 'A1'],
    ['  Masala\u00a0 Dosa\t', 'Masala Dosa'],
    ['\u2764\ufe0f table', '\u2764\ufe0f table'], // an emoji in its coloured style
    ['1\ufe0f\u20e3', '1\ufe0f\u20e3'],
    ['Cafe\u0301', 'Caf\u00e9'],
    ['क्‍ष', 'क्‍ष'], // a joiner within a word
    ['می‌خواهم', 'می‌خواهم'],
    ['👨‍👩‍👧 table', '👨‍👩‍👧 table'],
    ['漢'.repeat(20), '漢'.repeat(20)],
    ['🍕'.repeat(20), '🍕'.repeat(20)], // twenty characters, though forty UTF-16 units
  ])('%j is kept as %j', (given, kept) => {
    expect(read(text(20), given)).toEqual({ kept });
  });

  it.each([
    ['', 'must not be empty'],
    [' \u3000\t', 'must not be blank'],
    ['a\r\nBcc: b', 'U+000D'],
    ['a\nb', 'U+000A'],
    ['a\u2028b', 'U+2028'],
    ['a\u200bb', 'U+200B'],
    ['\u200dA1', 'U+200D'],
    ['A\u200c1', 'U+200C'],
    ['\u202eevil', 'U+202E'],
    ['a\u2066b', 'U+2066'],
    ['a\ufeffb', 'U+FEFF'],
    ['soft\u00adhyphen', 'U+00AD'],
    ['\u3164', 'U+3164'],
    ['a\ufdd0', 'U+FDD0'],
    ['tag\u{e0041}', 'U+E0041'],
    ['\ud83c', 'broken Unicode'],
    ['A1\ufe0f', 'U+FE0F'],
    ['\u00e9\u200d\u00e9', 'U+200D'],
    ['a\ue000', 'U+E000'],
    ['a\ufffd', 'U+FFFD'],
    ['a\u{1d173}', 'U+1D173'],
    ['a\0', 'U+0000'],
    ['x'.repeat(21), '20 characters at most, and has 21'],
    [5, 'must be a string'],
  ])('%j is refused', (given, says) => {
    expect(read(text(20), given)).toEqual({ refused: expect.stringContaining(says) });
  });
});

it('text of several lines keeps them, with one kind of line break', () => {
  expect(read(lines(50), ' 12 MG Road\r\nBengaluru\rIndia\n')).toEqual({
    kept: '12 MG Road\nBengaluru\nIndia',
  });
  expect(read(lines(50), 'a\u202eb')).toEqual({ refused: expect.stringContaining('U+202E') });
});

it('what somebody else has to recognise is kept to the letter', () => {
  expect(read(opaqueText(50), 'to\u212bken ')).toEqual({ kept: 'to\u212bken ' });
  expect(read(opaqueText(50), `${' '.repeat(50)}t`)).toEqual({ refused: expect.stringContaining('has 51') });
});

describe('an e-mail address', () => {
  it.each([
    ['a@example.com', 'a@example.com'],
    [' a@example.com ', 'a@example.com'],
    ['a@example.xn--p1ai', 'a@example.xn--p1ai'],
    ['a&b@example.com', 'a&b@example.com'],
    ["o'neil+tag@sub.example.co.uk", "o'neil+tag@sub.example.co.uk"],
    ['a..b@example.com', 'a..b@example.com'],
    ['a@localhost', 'a@localhost'],
    ['a@127.1', 'a@127.1'],
    ['a@EXAMPLE.com', 'a@EXAMPLE.com'],
    ['info@müller.example', 'info@xn--mller-kva.example'],
    ['info@例え.テスト', 'info@xn--r8jz45g.xn--zckzah'],
  ])('%s goes to %s', (given, address) => {
    expect(mailAddress(given)).toBe(address);
  });

  it.each([
    'a',
    '@example.com',
    'a@',
    'a@-example.com',
    'a@example..com',
    'a b@example.com',
    'a@exa mple.com',
    'a@example.com\nBcc: b@example.com',
    '"a b"@example.com',
    'a@b@example.com',
    'a@[127.0.0.1]',
    'a@example.com/path',
    'a@exa%6dple.com',
    'ä@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'a'.repeat(64)}.com`,
    `a@${'a.'.repeat(130)}com`,
    `a@${'\u00fc.'.repeat(80)}com`,
  ])('%j is none', (given) => {
    expect(() => mailAddress(given)).toThrow(/^must /);
  });
});
