import { spawn } from 'node:child_process';
import path from 'node:path';
import { checkout } from '../../scripts/servers/checkout';

// The command in short: npm run test:versions has the load and the time that an upgrade has in earnest.

it('the last release and this version, rolled forward, back and forward while orders flow', async () => {
  const script = path.join(checkout, 'dist', 'proof', 'test-versions.js');
  const child = spawn(process.execPath, [script, '--rate', '20', '--seconds', '3'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`exit code ${String(code)}:\n${said}`);
  expect(said).toContain('Nothing was found wrong.');
}, 1_800_000);
