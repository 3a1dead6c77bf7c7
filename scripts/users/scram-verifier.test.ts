import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { sessionConfig } from '../../shared/service/session-settings';
import { scramVerifier } from './scram-verifier';

const session = (url: string) =>
  new Client(sessionConfig(url, { kind: 'migration', applicationName: 'test' }));
const role = `t${randomBytes(4).toString('hex')}-scram`;
let admin: Client;
beforeAll(async () => {
  admin = session(process.env.TEST_DATABASE_URL!);
  await admin.connect();
  await admin.query(`CREATE ROLE "${role}" LOGIN`);
});
afterAll(async () => {
  await admin.query(`DROP ROLE "${role}"`);
  await admin.end();
});

const character = (code: number) => String.fromCodePoint(code);
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => character(from + index));
const SPACES = ['\u00A0', '\u1680', ...range(0x2000, 0x200b), '\u202F', '\u205F', '\u3000'];
const NOTHING = [
  '\u00AD',
  '\u034F',
  '\u1806',
  ...range(0x180b, 0x180d),
  '\u200C',
  '\u200D',
  '\u2060',
  ...range(0xfe00, 0xfe0f),
  '\uFEFF',
];

const setTo = (secret: string) => admin.query(`ALTER ROLE "${role}" PASSWORD ${admin.escapeLiteral(secret)}`);

/** What the server makes of a password by itself. */
async function ofServer(password: string): Promise<string> {
  await setTo(password);
  const { rows } = await admin.query<{ kept: string }>(
    'SELECT rolpassword AS kept FROM pg_authid WHERE rolname = $1',
    [role],
  );
  return rows[0]!.kept;
}

it('a verifier is what PostgreSQL makes of the password', async () => {
  const plain = ['secret', ' two  blanks ', 'Grüße', 'u\u0308', '\uFB01', '\u2168', '\u00AA', '🔑', '\u0007'];
  for (const part of [...plain, ...SPACES, ...NOTHING]) {
    const password = `a${part}b`;
    const kept = await ofServer(password);
    const salt = Buffer.from(/:(.*?)\$/.exec(kept)![1]!, 'base64');
    expect([encodeURIComponent(password), scramVerifier(password, salt)]).toEqual([
      encodeURIComponent(password),
      kept,
    ]);
  }
});

it('a service logs in with every password', async () => {
  // The last two are prohibited in SASLprep.
  for (const password of [
    'a\u00ADb',
    'a\u200Bb',
    'a\u00A0b',
    'a\uFE0F\uFB01',
    'a\u0007\u00ADb',
    '🔑\uFE0F\uFB01',
  ]) {
    await setTo(scramVerifier(password));
    const url = new URL(process.env.TEST_DATABASE_URL!);
    [url.username, url.password] = [role, password];
    const service = session(url.href);
    await service.connect();
    await service.end();
  }
});
