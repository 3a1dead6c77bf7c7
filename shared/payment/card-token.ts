import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';

/**
 * A card token on its way from order-api to payment-service, by the table `card_tokens`: encrypted with a
 * key that only these two have, and bound to its order, so that a row moved to another order opens for nobody.
 */

const CIPHER = 'aes-256-gcm'; // NIST SP 800-38D: a nonce of 96 bits, a tag of 128
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `CARD_TOKEN_KEY`: 32 bytes in base64. */
export const cardTokenKey = z
  .base64({ error: 'must be base64' })
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((key) => key.length === 32, {
    error: 'must be 32 bytes in base64, as `openssl rand -base64 32` prints them',
  });

/** Encrypts a token for its order. @returns nonce, tag and ciphertext, in one piece */
export function sealCardToken(key: Buffer, orderId: string, token: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(aboutOrder(orderId));
  const sealed = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** Decrypts what {@link sealCardToken} made. @throws when key or order are not those that it was made with */
export function openCardToken(key: Buffer, orderId: string, sealed: Uint8Array): string {
  const bytes = Buffer.from(sealed);
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(aboutOrder(orderId))
    .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  const token = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([token, decipher.final()]).toString('utf8');
}

const aboutOrder = (orderId: string) => Buffer.from(orderId.toLowerCase(), 'ascii');
