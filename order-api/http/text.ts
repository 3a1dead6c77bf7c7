import { domainToASCII } from 'node:url';
import { z } from 'zod';

// Text as people write it, and as it is kept: trimmed, in Unicode's composed form (NFC), so that what looks the same
// is the same. Lengths are in characters (code points), as PostgreSQL and JSON Schema count them.

/**
 * What nobody can see, or what no writer means: control and format characters (bidirectional ones among them), line
 * separators, half surrogate pairs, noncharacters and private ones, what shows as nothing, and the character that
 * stands for one that was lost. Joiners and variation selectors have a rule of their own.
 */
const INVISIBLE =
  // oxlint-disable-next-line no-misleading-character-class -- single characters are what is looked for
  /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufffc\ufffd]/u;
/** Joiners belong between letters of scripts that join, and between emoji; a style belongs to an emoji. */
const JOINED =
  '[\\u0600-\\u08ff\\u0900-\\u0dff\\u0f00-\\u109f\\u1780-\\u18af\\ua8e0-\\ua8ff\\uaa60-\\uaa7f\\ufe0f]|\\p{Extended_Pictographic}|\\p{Emoji_Modifier}';
const LOOSE = new RegExp(
  `(?<!${JOINED})[\\u200c\\u200d]|[\\u200c\\u200d](?:$|[\\s\\p{ASCII}\\u200c\\u200d])|(?<!\\p{Extended_Pictographic})[\\ufe0e\\ufe0f](?!\\u20e3)`,
  'u',
);
const LINE_BREAKS = /\r\n?/g;

export const normalText = (value: string): string => value.trim().normalize('NFC');

/** Of one line: every kind of space counts as one plain one, so that `A 1` is one sku however it was typed. */
const normalLine = (value: string): string => normalText(value).replace(/[\p{Zs}\t]+/gu, ' ');

/** Where in the text something is that nobody can see; undefined where there is nothing of the kind. */
function invisibleIn(value: string): string | undefined {
  const found = INVISIBLE.exec(value) ?? LOOSE.exec(value);
  if (!found) return undefined;
  const character =
    Array.from(found[0]).find((one) => INVISIBLE.test(one) || /\u200c|\u200d|\ufe0e|\ufe0f/.test(one)) ??
    found[0];
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  if (!found[0].isWellFormed()) return 'must not have broken Unicode (half a surrogate pair)';
  return `must not have control characters, line breaks or invisible characters, and has U+${code}`;
}

type Addition = (message: string) => void;

function checkText(value: string, longest: number, { isVisible, kept }: Required<Kind>, add: Addition) {
  if (value === '') return add('must not be empty');
  const trimmed = normalText(value);
  if (trimmed === '') return add('must not be blank');
  const invisible = isVisible(trimmed);
  if (invisible) add(invisible);
  const length = Array.from(kept(value)).length;
  if (length > longest) add(`must have ${longest} characters at most, and has ${length}`);
}

interface Kind {
  /** What is done to it before anything is asked of it. */
  clean?: (value: string) => string;
  isVisible?: typeof invisibleIn;
  /** What is kept of it. */
  kept?: (value: string) => string;
}

const textOf = (longest: number, given: Kind = {}) => {
  const kind = { clean: (value: string) => value, isVisible: invisibleIn, kept: normalLine, ...given };
  return z
    .string({ error: 'must be a string' })
    .superRefine((value, context) =>
      checkText(kind.clean(value), longest, kind, (message) => context.addIssue({ code: 'custom', message })),
    )
    .transform((value) => kind.kept(kind.clean(value)))
    .meta({ type: 'string', minLength: 1, maxLength: longest });
};

/** One line of text with something in it, such as a name. */
export const text = (longest: number) => textOf(longest);

/** Text that may have several lines, such as a note or an address; a line ends with `\n`. */
export const lines = (longest: number) =>
  textOf(longest, {
    clean: (value) => value.replace(LINE_BREAKS, '\n'),
    kept: normalText,
    isVisible: (value) => invisibleIn(value.replaceAll(/[\n\t]/g, ' ')),
  });

/** One line that somebody else has to recognise, such as a card's token: kept to the letter. */
export const opaqueText = (longest: number) => textOf(longest, { kept: (value) => value });

/** WHATWG's `input[type=email]`: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address */
const LOCAL = /^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$/;
const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/**
 * An e-mail address as it goes to a mail server: an international domain in its ASCII form (`müller.example` becomes
 * `xn--mller-kva.example`), 254 bytes at most.
 * @throws {Error} which says what is wrong
 */
export function mailAddress(given: string): string {
  const value = normalText(given);
  if (Buffer.byteLength(value) > 254) throw new Error('must have 254 characters at most');
  const at = value.lastIndexOf('@');
  const [local, name] = [value.slice(0, at), value.slice(at + 1)];
  // In a URL a host may be an address in brackets or have a percent sign; in an address it may not.
  // Only what is not ASCII: of the rest, a URL's rules would make numbers an address of the Internet Protocol.
  const domain = /[^\p{ASCII}]/u.test(name) && !/[\s%[\]\\/:?#@]/.test(name) ? domainToASCII(name) : name;
  if (at > 0 && /[^\p{ASCII}]/u.test(local) && DOMAIN.test(domain))
    throw new Error('must have ASCII characters only before the @; many mail servers accept no others');
  if (at < 1 || !LOCAL.test(local) || !DOMAIN.test(domain)) throw new Error('must be an e-mail address');
  const address = `${local}@${domain}`;
  if (address.length > 254) throw new Error('must have 254 characters at most, with its domain in ASCII');
  return address;
}

export const email = z
  .string({ error: 'must be a string' })
  .transform((value, context) => {
    try {
      return mailAddress(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  })
  .meta({ type: 'string', format: 'email', maxLength: 254 });
