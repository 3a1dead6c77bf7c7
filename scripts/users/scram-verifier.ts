import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const ITERATIONS = 4096;
// RFC 3454, C.1.2: become a space. B.1: are left out, but for the zero width space (U+200B), which is in both.
const SPACES = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g;
const NOTHING = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g;

/**
 * What PostgreSQL keeps of a password (RFC 5803; `SCRAM-SHA-256` of
 * https://www.postgresql.org/docs/current/catalog-pg-authid.html). Given this instead of the password, the server's log
 * of statements has nothing in it to log in with.
 */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(prepared(password), salt, ITERATIONS, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

/**
 * A password as clients prepare it (SASLprep, RFC 4013), the services' own among them: `saslprep` of
 * node_modules/pg/lib/crypto/sasl.js. PostgreSQL and libpq take a password with a character that SASLprep prohibits as it
 * is, pg does not: with one that is also changed here, services log in and psql does not.
 */
const prepared = (password: string) => password.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
