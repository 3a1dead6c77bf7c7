import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { passwordOf } from './passwords';

const folder = mkdtempSync(join(tmpdir(), 'ordermesh-passwords-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a password file that is no text in UTF-8 is refused by its name, and stays', () => {
  mkdirSync(join(folder, 'status-service'));
  const file = join(folder, 'status-service', 'database-password');
  writeFileSync(file, Buffer.from('caf\xe9', 'latin1'));
  expect(() => passwordOf(folder, 'status-service', 'database', {})).toThrow(
    `${file} is no text in UTF-8: write the password into it anew, or delete it.`,
  );
  writeFileSync(file, ' café\n');
  expect(passwordOf(folder, 'status-service', 'database', {})).toEqual({ password: 'café', file });
});
