import { spawn } from 'node:child_process';
import path from 'node:path';
import { checkout } from '../servers/checkout';
import type { ServerUrls } from '../server-urls';
import { UserError } from '../servers/search';
import type { Control } from './control';
import { eachLine } from './each-line';

/** The set-up step in a process of its own: what it loads and leaves behind is not the supervisor's. */
export async function runMigrations(
  servers: ServerUrls,
  { say, stopping }: Control,
  examples: readonly string[] = [],
): Promise<void> {
  stopping.throwIfAborted();
  const child = spawn(process.execPath, [path.join(checkout, 'dist', 'scripts', 'migrate.js'), ...examples], {
    env: { ...process.env, DATABASE_URL: servers.databaseUrl, RABBITMQ_URL: servers.rabbitmqUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a Ctrl-C lets the migration in hand finish: half a one would need a repair
    timeout: 5 * 60_000,
  });
  const complaints: string[] = [];
  eachLine(child.stdout, say);
  // Where it works is known here; it is its first line for people.
  eachLine(child.stderr, (line) => line.startsWith('Working on ') || complaints.push(line));
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal));
  });
  stopping.throwIfAborted();
  if (code !== 0) throw new UserError(`The set-up step (npm run migrate) failed.\n${complaints.join('\n')}`);
  complaints.forEach(say);
}
