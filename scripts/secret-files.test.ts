import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiConfig, ConfigError, consumerConfig, readConfig } from '../shared/service/config';
import { parsePostgresUrl } from '../shared/service/postgres-url';
import { withSecretFiles } from '../shared/service/secret-files';
import { givenUrl } from './given-url';
import { takeSecretFiles } from './take-secret-files';

const folder = mkdtempSync(join(tmpdir(), 'ordermesh-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
/** A new one each time: each is read only once. */
const file = (name: string, text: string | Buffer) => {
  const path = join(folder, `${name}-${(files += 1)}`);
  writeFileSync(path, text);
  return path;
};
const DATABASE_URL = 'postgresql://inventory-service@localhost/d';
const PASSWORD = ' p#/?@% ü ';

test('a password in a file is put into its URL, without what an editor puts around it', () => {
  for (const [begin, end] of [
    ['', ''],
    ['', '\n'],
    ['', '\r\n'],
    ['\ufeff', '\r\n\r\n'],
  ]) {
    const given = { DATABASE_URL, DATABASE_PASSWORD_FILE: file('password', begin + PASSWORD + end) };
    expect(parsePostgresUrl(readConfig(apiConfig, given).DATABASE_URL).password).toBe(PASSWORD);
    expect(parsePostgresUrl(givenUrl('DATABASE_URL', given)!).password).toBe(PASSWORD);
  }
});

test('a whole URL and a key may be in files', () => {
  const key = Buffer.alloc(32, 7).toString('base64');
  const config = readConfig(apiConfig, {
    DATABASE_URL_FILE: file('url', `${DATABASE_URL}\n`),
    CARD_TOKEN_KEY_FILE: file('key', `${key}\n`),
  });
  expect(config.DATABASE_URL).toBe(DATABASE_URL);
  expect(config.CARD_TOKEN_KEY).toBeDefined();
});

test('what is wrong with a file is told with its name, beside all else that is wrong, and nothing in it', () => {
  const missing = join(folder, 'missing');
  const told = (() => {
    try {
      readConfig(consumerConfig, {
        DATABASE_URL,
        DATABASE_PASSWORD_FILE: missing,
        RABBITMQ_URL: 'amqp://u@localhost',
        RABBITMQ_PASSWORD: 'geheim',
        RABBITMQ_PASSWORD_FILE: file('other', 'streng geheim'),
        CONSUMER_BATCH: 'many',
      });
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
    }
    return 'none';
  })();
  expect(told).toContain(
    `DATABASE_PASSWORD: DATABASE_PASSWORD_FILE names a file that does not exist: ${missing}`,
  );
  expect(told).toContain('RABBITMQ_PASSWORD: is set, and RABBITMQ_PASSWORD_FILE too');
  expect(told).toContain('CONSUMER_BATCH');
  expect(told).not.toContain('geheim');
  expect(withSecretFiles({ SMTP_URL_FILE: file('empty', '\n') }).problems).toEqual([
    expect.stringContaining('is empty'),
  ]);
  expect(withSecretFiles({ SMTP_URL_FILE: folder }).problems).toEqual([
    expect.stringContaining('cannot be read (EISDIR)'),
  ]);
  expect(() => givenUrl('DATABASE_URL', { DATABASE_URL, DATABASE_PASSWORD_FILE: missing })).toThrow(
    'does not exist',
  );
});

test('a file that is no text in UTF-8 is refused, and not altered', () => {
  const latin1 = file('latin1', Buffer.from('caf\xe9-geheim\n', 'latin1'));
  const environment = { DATABASE_URL, DATABASE_PASSWORD_FILE: latin1 };
  const told = `DATABASE_PASSWORD: DATABASE_PASSWORD_FILE names a file that is no text in UTF-8: ${latin1}`;
  expect(withSecretFiles(environment).problems).toEqual([told]);
  expect(() => readConfig(apiConfig, environment)).toThrow(told);
  expect(() => givenUrl('DATABASE_URL', environment)).toThrow(told);
  const utf16 = file('utf16', Buffer.from('\ufeffgeheim', 'utf16le'));
  expect(withSecretFiles({ CARD_TOKEN_KEY_FILE: utf16 }).problems).toEqual([
    expect.stringContaining('is no text in UTF-8'),
  ]);
});

test('npm start hands on what is in the files, and not their names', () => {
  const environment: NodeJS.ProcessEnv = { DATABASE_URL_FILE: file('url', DATABASE_URL), PATH: '/bin' };
  takeSecretFiles(environment);
  expect(environment).toEqual({ DATABASE_URL, PATH: '/bin' });
});

test('each file is read once: a pipe has nothing more to give', () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const writer = spawn('sh', ['-c', 'printf geheim > "$1"', 'sh', pipe]);
  try {
    const given = { DATABASE_URL, DATABASE_PASSWORD_FILE: pipe };
    expect(parsePostgresUrl(givenUrl('DATABASE_URL', given)!).password).toBe('geheim');
    rmSync(pipe); // whoever opened it again would wait for another writer
    expect(parsePostgresUrl(readConfig(apiConfig, given).DATABASE_URL).password).toBe('geheim');
  } finally {
    writer.kill();
  }
});
