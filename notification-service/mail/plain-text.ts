// Line breaks of every kind, and other control characters.
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
// What turns the direction of the text around it, and what cannot be seen. Joiners stay: emoji and many scripts need them.
const INVISIBLE =
  /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * A stranger's text as it may stand in a sentence: on one line, without characters that cannot be seen or that turn the
 * text around them, and no longer than so many characters.
 */
export function plainText(text: string, longest = 120): string {
  const line = text
    .slice(0, 20_000)
    .toWellFormed()
    .replace(CONTROL, ' ')
    .replace(INVISIBLE, '')
    .replace(/ {2,}/g, ' ')
    .trim();
  const characters = Array.from(line);
  return characters.length <= longest
    ? line
    : `${characters
        .slice(0, longest - 1)
        .join('')
        .trimEnd()}…`;
}

const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** The text, set apart where it is written from right to left, so that the sentence around it stays in order. */
export const isolated = (text: string): string => (RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text);
