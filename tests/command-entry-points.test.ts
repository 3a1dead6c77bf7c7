import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const dist = resolve(__dirname, '../dist');
const commands = [
  ...readdirSync(join(dist, 'operator'))
    .filter((file) => file.endsWith('.js') && file !== 'rights.js')
    .map((file) => join('operator', file)),
  'scripts/migrate.js',
  'scripts/users.js',
  'scripts/contracts.js',
  'proof/chaos.js',
  'proof/bench.js',
];

test.each(commands)('%s starts, and explains itself', async (file) => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(dist, file), '--help'], {
    timeout: 60_000,
  });
  expect(stdout).toContain('npm run');
});
