import { domainToASCII } from 'node:url';
import { z } from 'zod';

// Text as people write it, and as it is kept: trimmed, in Unicode's composed form (NFC), so that what looks the same
// is the same. Lengths are in characters (code points), as PostgreSQL and JSON Schema count them.

/**
 * Control characters, line and paragraph separators, bidirectional controls, half surrogate pairs and noncharacters,
 * and what shows as nothing. Joiners are apart: Indic scripts, Persian and emoji need them between two characters.
 */
const INVISIBLE =
  // oxlint-disable-next-line no-misleading-character-class -- single characters are what is looked for
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/u;
const LOOSE_JOINER = /(^|[\s\p{ASCII}\u200c\u200d])[\u200c\u200d]|[\u200c\u200d]($|[\s\p{ASCII}])/u;
const LINE_BREAKS = /\r\n?/g;

export const normalText = (value: string): string => value.trim().normalize('NFC');

/** Where in the text something is that nobody can see; undefined where there is nothing of the kind. */
function invisibleIn(value: string): string | undefined {
  const found = INVISIBLE.exec(value) ?? LOOSE_JOINER.exec(value);
  if (!found) return undefined;
  const character =
    Array.from(found[0]).find((one) => INVISIBLE.test(one) || /[\u200c\u200d]/.test(one)) ?? found[0];
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  if (!found[0].isWellFormed()) return 'must not have broken Unicode (half a surrogate pair)';
  return `must not have control characters, line breaks or invisible characters, and has U+${code}`;
}

type Addition = (message: string) => void;

function checkText(
  value: string,
  longest: number,
  isVisible: (value: string) => string | undefined,
  add: Addition,
) {
  if (value === '') return add('must not be empty');
  const trimmed = normalText(value);
  if (trimmed === '') return add('must not be blank');
  const invisible = isVisible(trimmed);
  if (invisible) add(invisible);
  const length = Array.from(trimmed).length;
  if (length > longest) add(`must have ${longest} characters at most, and has ${length}`);
}

interface Kind {
  /** What is done to it before anything is asked of it. */
  clean?: (value: string) => string;
  isVisible?: typeof invisibleIn;
  /** What is kept of it. */
  kept?: (value: string) => string;
}

const textOf = (
  longest: number,
  { clean = (value) => value, isVisible = invisibleIn, kept = normalText }: Kind = {},
) =>
  z
    .string({ error: 'must be a string' })
    .superRefine((value, context) =>
      checkText(clean(value), longest, isVisible, (message) => context.addIssue({ code: 'custom', message })),
    )
    .transform((value) => kept(clean(value)))
    .meta({ type: 'string', minLength: 1, maxLength: longest });

/** One line of text with something in it, such as a name. */
export const text = (longest: number) => textOf(longest);

/** Text that may have several lines, such as a note or an address; a line ends with `\n`. */
export const lines = (longest: number) =>
  textOf(longest, {
    clean: (value) => value.replace(LINE_BREAKS, '\n'),
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
  const domain = /[\s%[\]\\/:?#@]/.test(name) ? '' : domainToASCII(name);
  if (at > 0 && /[^\p{ASCII}]/u.test(local) && DOMAIN.test(domain))
    throw new Error('must have plain ASCII letters before the @; mail servers do not take others everywhere');
  if (at < 1 || !LOCAL.test(local) || !DOMAIN.test(domain)) throw new Error('must be an e-mail address');
  return `${local}@${domain}`;
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
