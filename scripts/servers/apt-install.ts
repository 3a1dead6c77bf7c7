import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { inLocal } from './checkout';
import { tailOf } from './owned-process';
import { NotAvailable, type Search } from './search';

const timeoutMs = 10 * 60_000;

/** apt-get takes a lock: one install after the other, and one update for all of them. */
let queue: Promise<unknown> = Promise.resolve();
let updated = false;

/**
 * Installs a package on Debian or Ubuntu, as root or through passwordless sudo.
 * The package may start a server of the system's: that one is left alone.
 * @throws NotAvailable where that cannot be done.
 */
export async function aptInstall(packageName: string, search: Search): Promise<void> {
  const become = asRoot();
  const turn = queue.then(() => install(packageName, become, search));
  queue = turn.catch(() => undefined);
  await turn;
}

function asRoot(): string[] {
  if (!existsSync('/usr/bin/apt-get'))
    throw new NotAvailable('not Debian or Ubuntu, so nothing can be installed by apt-get');
  if (process.getuid?.() === 0) return [];
  if (spawnSync('sudo', ['-n', 'true'], { timeout: 5000 }).status === 0) return ['sudo', '-n'];
  throw new NotAvailable('neither root nor passwordless sudo, so nothing can be installed by apt-get');
}

async function install(packageName: string, become: string[], search: Search): Promise<void> {
  search.signal.throwIfAborted();
  search.log(`Installing ${packageName} (apt-get install; this can take a minute)…`);
  if (!updated) await aptGet(become, ['update', '-qq'], search).catch(() => undefined); // the lists may do as they are
  updated = true;
  search.signal.throwIfAborted();
  const options = ['-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'];
  await aptGet(become, ['install', ...options, packageName], search);
}

async function aptGet(become: string[], args: string[], search: Search): Promise<void> {
  const logFile = inLocal('apt-get.log');
  const log = openSync(logFile, 'a', 0o644);
  const [program, ...rest] = [...become, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
  // In a process group of its own: a Ctrl-C in the middle would leave dpkg broken, so it is allowed to finish.
  const child = spawn(program!, rest, { detached: true, stdio: ['ignore', log, log], timeout: timeoutMs });
  closeSync(log);
  const sayWhy = () => search.log('Letting apt-get finish what it has begun…');
  search.signal.addEventListener('abort', sayWhy, { once: true });
  try {
    const code = await new Promise<number | string | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (exitCode, signal) => resolve(exitCode ?? signal));
    });
    if (code !== 0) throw new NotAvailable(`apt-get ${args[0]} failed (${code}). ${tailOf(logFile, 5)}`);
  } finally {
    search.signal.removeEventListener('abort', sayWhy);
  }
}
