import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * An API key: `om_live_<id>_<secret><checksum>`. By its prefix, secret scanners find it where it should not be; by its checksum
 * they, and the API, know one from a look-alike without asking anybody
 * (https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/).
 */
export interface ApiKey {
  /** UUID of its row. */
  id: string;
  /** SHA-256 of the whole; of a secret of 256 random bits that is as good as a slow hash. */
  hash: Buffer;
}

export const KEY_PREFIX = 'om_live_';
const KEY = /^om_live_([0-9a-f]{32})_[0-9A-Za-z]{43}([0-9A-Za-z]{6})$/;

/** Makes a key for a row. @returns the text to hand over, once, and what is kept of it */
export function makeApiKey(id: string): { text: string; hash: Buffer; lastFour: string } {
  const secret = BigInt(`0x${randomBytes(32).toString('hex')}`);
  const unchecked = `${KEY_PREFIX}${id.replaceAll('-', '')}_${base62(secret, 43)}`;
  const text = unchecked + checksum(unchecked);
  return { text, hash: hashOf(text), lastFour: text.slice(-4) };
}

/** @returns undefined for what cannot be a key */
export function readApiKey(text: string): ApiKey | undefined {
  const [, hex, check] = KEY.exec(text) ?? [];
  if (!hex || check !== checksum(text.slice(0, -6))) return undefined;
  return { id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'), hash: hashOf(text) };
}

const hashOf = (text: string) => createHash('sha256').update(text).digest();

const checksum = (text: string) => base62(BigInt(crc32(text)), 6);

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = DIGITS[Number(rest % 62n)] + text;
  return text.padStart(length, '0');
}
