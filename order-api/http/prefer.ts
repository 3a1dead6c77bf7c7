/** What a request prefers (RFC 7240), of what is known here. */
export interface Preferences {
  /** `wait`: for how long to hold the answer, in seconds; 30 at most. */
  waitSeconds?: number;
  /** `handling=strict`: rather refuse than take what may come to nothing. */
  isStrict: boolean;
}

export const LONGEST_WAIT_S = 30;

const TOKEN = "[!#$%&'*+.^_`|~0-9a-z-]+";
const PREFERENCE = new RegExp(
  `^\\s*(${TOKEN})\\s*(?:=\\s*(${TOKEN}|"(?:[^"\\\\]|\\\\.)*"))?\\s*(?:;.*)?$`,
  'is',
);

/**
 * Reads `Prefer`. What is not understood is passed over, as the RFC has it; of a preference that comes twice, the first
 * counts.
 */
export function readPreferences(header: string | undefined): Preferences {
  const given = new Map<string, string>();
  for (const part of header?.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []) {
    const [, name, value = ''] = PREFERENCE.exec(part) ?? [];
    const key = name?.toLowerCase();
    if (key && !given.has(key)) given.set(key, value.replace(/^"(.*)"$/s, '$1').replace(/\\(.)/g, '$1'));
  }
  const wait = given.get('wait') ?? '';
  return {
    ...(/^\d+$/.test(wait) && Number(wait) > 0
      ? { waitSeconds: Math.min(Number(wait), LONGEST_WAIT_S) }
      : {}),
    isStrict: given.get('handling')?.toLowerCase() === 'strict',
  };
}

/** The header that says which preferences were heeded. */
export const preferenceApplied = (...applied: (string | undefined)[]): Record<string, string> => {
  const heeded = applied.filter((one) => one !== undefined);
  return heeded.length > 0 ? { 'Preference-Applied': heeded.join(', ') } : {};
};
