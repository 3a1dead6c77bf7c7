import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { withSecretFiles } from '../../shared/service/secret-files';
import { passwordOf } from './passwords';

const folder = mkdtempSync(join(tmpdir(), 'ordermesh-passwords-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'order-api', 'database-password');
const put = (text: string) => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
};
const read = () => passwordOf(folder, 'order-api', 'database', {});

it('a password is what the service reads from the file', () => {
  for (const text of ['secret', 'secret\n', ' secret \r\n', '\tsecret\t', '\ufeff\u00a0secret\u00a0\n\n']) {
    put(text);
    const { environment } = withSecretFiles({ DATABASE_PASSWORD_FILE: file });
    expect(read()).toEqual({ password: environment.DATABASE_PASSWORD, file });
  }
});

it('a new password is put there, and kept', () => {
  rmSync(file);
  const { password } = read();
  expect(password).toMatch(/^[\w-]{32}$/);
  expect(readFileSync(file, 'utf8')).toBe(`${password}\n`);
  expect(read()).toEqual({ password, file });
});

it('a file without a password is told', () => {
  put('\r\n');
  expect(read).toThrow(`${file} is empty: write the password into it, or delete it.`);
  put('x'.repeat(65 * 1024));
  expect(read).toThrow(`${file} is too large for a secret: write the password into it, or delete it.`);
});

it('a password that a variable gives counts', () => {
  const given = passwordOf(folder, 'order-api', 'database', { ORDER_API_DATABASE_PASSWORD: ' given ' });
  expect(given).toEqual({ password: ' given ' });
});

it('a file that is no text in UTF-8 is refused by its name, and stays', () => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, Buffer.from('caf\xe9', 'latin1'));
  expect(read).toThrow(`${file} is no text in UTF-8: write the password into it, or delete it.`);
  expect(readFileSync(file).toString('latin1')).toBe('caf\xe9');
});
