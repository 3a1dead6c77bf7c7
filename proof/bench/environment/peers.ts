import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { checkout, inLocal } from '../../../scripts/servers/checkout';
import { startProcess, startService, type MeasuredProcess } from '../../testbed/measured-process';
import type { Scope } from '../../testbed/scope';
import type { Bench } from '../bench';
import { ITEMS, RESTAURANTS, type Menu } from './menu';
import { openDatabaseOf, type BareWorld } from './world';

const sources = path.join(checkout, 'proof', 'bench', 'peers');
/** Where they run: nothing of theirs is installed among the sources. */
const folder = inLocal('bench', 'peers');

/** What people would pick instead; each has a folder. */
export const peers = ['pg-boss', 'graphile-worker', 'dbos'] as const;
export type Peer = (typeof peers)[number];

/** Whoever takes orders by HTTP and has them PREPARING in a while, with a database of its own. */
export interface Contender {
  world: BareWorld;
  menus: Menu[];
  apiUrl: string;
  processes: MeasuredProcess[];
}

/** Installs them as their own lock file says. @throws {Error} with npm's last words where it cannot */
export async function installPeers({ control }: Bench): Promise<void> {
  control.say(`duel: installing the peers in ${folder}`);
  cpSync(sources, folder, { recursive: true });
  const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: control.stopping,
  });
  let said = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (text: Buffer) => (said += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`npm could not install the peers: ${said.trim().slice(-500)}`);
}

/** A peer's two processes, an API and a worker, on a fresh database. */
export async function startPeer(bench: Bench, scope: Scope, peer: Peer, name: string): Promise<Contender> {
  const world = scope.own(await openDatabaseOf(bench.servers, name));
  const environment = { DATABASE_URL: world.databaseUrl, NODE_ENV: 'production' };
  const menus = await setUp(peer, environment);
  await world.settle();
  const worker = startProcess(
    bench,
    scope,
    `${peer} worker`,
    path.join(folder, peer, 'worker.mjs'),
    environment,
  );
  await scope.unlessBroken(once(worker.child, 'message'));
  const api = await startService(
    bench,
    scope,
    `${peer} API`,
    environment,
    path.join(folder, peer, 'api.mjs'),
  );
  return { world, menus, apiUrl: api.url, processes: [worker, api] };
}

async function setUp(peer: Peer, environment: Record<string, string>): Promise<Menu[]> {
  const main = path.join(folder, 'set-up.mjs');
  const child = spawn(process.execPath, [main, peer, String(RESTAURANTS), String(ITEMS)], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [written, said] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (written += String(text)));
  child.stderr.on('data', (text: Buffer) => (said += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${peer} could not be set up: ${said.trim().slice(-500)}`);
  return JSON.parse(written) as Menu[];
}
