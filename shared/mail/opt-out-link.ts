import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Database } from '../service/database';

// Sealed, and not only signed: an address in a URL ends up in logs.
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Below this, order-api serves the pages at which somebody opts out. */
export const OPT_OUT_PATH = '/unsubscribe';

/** Whose mails of which kind a link is about. */
export interface OptOutSubject {
  address: string;
  kind: string;
}

/** A link's last part, which nobody else can make or read. */
export function sealOptOut(key: Uint8Array, { address, kind }: OptOutSubject): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv);
  const sealed = Buffer.concat([cipher.update(JSON.stringify([address, kind]), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString('base64url');
}

/** What a link's last part is about; undefined where we did not make it. */
export function openOptOut(key: Uint8Array, token: string): OptOutSubject | undefined {
  if (!/^[\w-]{40,2000}$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const opened = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    const [address, kind] = JSON.parse(opened.toString('utf8')) as [string, string];
    return { address, kind };
  } catch {
    return undefined;
  }
}

/** The key for links, which the set-up has made; read once. */
export function optOutKey(database: Database): () => Promise<Uint8Array> {
  let key: Uint8Array | undefined;
  return async () => (key ??= (await database.mailLinkKey.findUniqueOrThrow({ where: { id: 1 } })).key);
}
