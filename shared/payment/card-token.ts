import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/**
 * A card token on its way from order-api to payment-service, by the table `card_tokens`: encrypted with a
 * key that only these two have, and bound to its order, so that a row moved to another order opens for nobody.
 */

const CIPHER = 'aes-256-gcm'; // NIST SP 800-38D: a nonce of 96 bits, a tag of 128
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface CardTokenKey {
  /** The beginning of the key's SHA-256, which tells keys apart and nothing of them. */
  id: string;
  key: Buffer;
}

/** The keys that are in use: the first one encrypts, all of them decrypt. */
export type CardTokenKeys = [CardTokenKey, ...CardTokenKey[]];

const oneKey = z
  .base64({ error: 'must be base64' })
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length === 32, {
    error:
      'must be 32 bytes in base64, as `openssl rand -base64 32` prints them; several with commas between',
  })
  .transform(withId);

/** `CARD_TOKEN_KEY`: 32 bytes in base64. While a key is being replaced: the new one, a comma, the old one. */
export const cardTokenKeys = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .pipe(z.tuple([oneKey], oneKey));

export function withId(key: Buffer): CardTokenKey {
  return { id: createHash('sha256').update(key).digest('hex').slice(0, 8), key };
}

/** A token as it is stored. */
export interface SealedToken {
  /** Of the key that it was encrypted with; null in rows from before keys had ids. */
  keyId: string | null;
  /** Nonce, tag and ciphertext, in one piece. */
  bytes: Uint8Array;
}

/** What a {@link MissingKeyError} begins with: it is kept as a payment's last error, and looked for there. */
export const MISSING_KEY = 'CARD_TOKEN_KEY: ';

/** None of the keys here is the one that a token was encrypted with. */
export class MissingKeyError extends Error {
  override name = 'MissingKeyError';
}

/** Encrypts a token for its order, with the first of the keys. */
export function sealCardToken([{ id, key }]: CardTokenKeys, orderId: string, token: string): SealedToken {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(aboutOrder(orderId));
  const sealed = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
  return { keyId: id, bytes: Buffer.concat([nonce, cipher.getAuthTag(), sealed]) };
}

/**
 * Decrypts what {@link sealCardToken} made.
 * @throws {MissingKeyError} naming the key that is needed
 * @throws when the order is not the one that it was made for, or the bytes are not as they were
 */
export function openCardToken(keys: CardTokenKeys, orderId: string, { keyId, bytes }: SealedToken): string {
  const candidates = keys.filter(({ id }) => keyId === null || id === keyId);
  for (const { key } of candidates) {
    try {
      return open(key, orderId, Buffer.from(bytes));
    } catch (error) {
      if (keyId !== null) throw error;
    }
  }
  const which =
    keyId === null ? 'none of its keys opens the card token' : `it does not have the key ${keyId}`;
  throw new MissingKeyError(
    `${MISSING_KEY}${which}. Set it to the keys that order-api uses and has used, the newest first, with commas between.`,
  );
}

function open(key: Buffer, orderId: string, bytes: Buffer): string {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(aboutOrder(orderId))
    .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const token = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([token, decipher.final()]).toString('utf8');
}

const aboutOrder = (orderId: string) => Buffer.from(orderId.toLowerCase(), 'ascii');
