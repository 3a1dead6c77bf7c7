import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claimStart } from './start-lock';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-test-'));
  file = path.join(folder, 'start.lock');
});

afterEach(() => rmSync(folder, { recursive: true }));

test('one at a time; given back, it can be claimed again', () => {
  const release = claimStart(file);
  expect(() => claimStart(file)).toThrow(`already running from this checkout (process ${process.pid})`);
  release();
  claimStart(file)();
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  [
    'whose pid is another process by now',
    JSON.stringify({ pid: process.pid, identity: 'of an earlier boot' }),
  ],
  ['that cannot be read', 'half a fi'],
])('the lock of a killed run %s does not stand in the way', (_what, content) => {
  writeFileSync(file, content);
  claimStart(file)();
});
