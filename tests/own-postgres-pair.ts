import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { aptInstall } from '../scripts/servers/apt-install';
import { findPostgres } from '../scripts/servers/find-binaries';
import { freePort, randomPortBase } from '../scripts/servers/free-port';
import {
  startInBackground,
  stopProcess,
  tailOf,
  type StartedProcess,
} from '../scripts/servers/owned-process';
import { NotAvailable } from '../scripts/servers/search';
import { postgresUser } from '../scripts/servers/system-user';
import { until } from '../shared/testing/until';

/** A PostgreSQL of the test's own, that it may do anything to. */
export interface PairedServer {
  /** Of the database `ordermesh`. */
  url: string;
  port: number;
  query<Row extends object>(sql: string): Promise<Row[]>;
  start(): Promise<void>;
  /** Kills it, without a chance to put anything in order. */
  crash(): Promise<void>;
  /** Stops all its processes where they are; their connections stand. */
  freeze(): void;
  thaw(): void;
}

/** Gives a database its schema, as the set-up step does. */
export function migrate(url: string): void {
  const script = `require(process.env.MODULE).applyMigrations(process.env.URL_TO_MIGRATE).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  })`;
  const env = {
    PATH: process.env.PATH,
    URL_TO_MIGRATE: url,
    MODULE: path.resolve('dist/scripts/apply-migrations.js'),
  };
  const { status, stderr } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** A primary, and a standby that streams from it. */
export interface PostgresPair {
  primary: PairedServer;
  standby: PairedServer;
  stop(): Promise<void>;
}

const PASSWORD = 'paired-servers';
const PACKAGE = 'postgresql';

/**
 * @param settings of the primary
 * @returns undefined, with why on stderr, where this machine has no binaries of PostgreSQL and none can be installed
 */
export async function startPostgresPair(
  settings: Record<string, string> = {},
): Promise<PostgresPair | undefined> {
  const log = () => undefined;
  try {
    if (!findPostgres())
      await aptInstall(PACKAGE, { purpose: 'test', log, signal: new AbortController().signal, fresh: false });
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error;
    console.warn(`Not tested: there are no binaries of PostgreSQL on this machine (${error.message})`);
    return undefined;
  }
  const user = postgresUser();
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-pair-'));
  chmodSync(folder, 0o755);
  const own = (name: string) => {
    mkdirSync(path.join(folder, name), { mode: 0o700 });
    if (user) chownSync(path.join(folder, name), user.uid, user.gid);
    return path.join(folder, name);
  };
  // Nobody misses a test's data after a power cut.
  const usual = { fsync: 'off', full_page_writes: 'off', max_connections: '150', wal_keep_size: '512MB' };
  const primary = await server(own('primary'), { ...usual, ...settings });
  const passwordFile = path.join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o644 });
  const login = ['-U', 'ordermesh', '--pwfile', passwordFile, '-A', 'scram-sha-256'];
  run('initdb', ['-D', primary.data, ...login, '-E', 'UTF8', '--locale=C', '--no-sync']);
  await primary.start();
  await primary.admin('CREATE DATABASE ordermesh');
  const standby = await server(own('standby'), { ...usual, cluster_name: 'standby' });
  const from = primary.url.replace(/\/ordermesh$/, '/postgres');
  run('pg_basebackup', ['-d', from, '-D', standby.data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync']);
  await standby.start();
  return {
    primary,
    standby,
    stop: async () => {
      await Promise.all([primary.crash(), standby.crash()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function run(program: string, args: string[]): void {
  const file = path.join(path.dirname(findPostgres()!.initdb), program);
  const user = postgresUser();
  // Debian puts only some of the programs of the newest version on the path.
  const known = [file, `/usr/lib/postgresql/${findPostgres()!.major}/bin/${program}`];
  for (const one of known) {
    const { status, stderr, error } = spawnSync(one, args, { ...user, cwd: '/', encoding: 'utf8' });
    if (status === 0) return;
    if (!error) throw new Error(`${program}: ${stderr}`);
  }
  throw new Error(`there is no ${program} at ${known.join(' or ')}`);
}

async function server(
  data: string,
  settings: Record<string, string>,
): Promise<PairedServer & { data: string; admin(sql: string): Promise<object[]> }> {
  const port = await freePort(randomPortBase());
  const url = `postgresql://ordermesh:${PASSWORD}@127.0.0.1:${port}/ordermesh`;
  const logFile = `${data}.log`;
  let running: StartedProcess | undefined;
  const ask = async <Row extends object>(at: string, sql: string): Promise<Row[]> => {
    const client = new Client({ connectionString: at, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined); // the call in progress rejects with it
    try {
      await client.connect();
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const signalAll = (signal: NodeJS.Signals) => {
    if (!running) return;
    for (const pid of [running.pid, ...childrenOf(running.pid)]) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        // A child that ends meanwhile, or with its parent, is as it should be.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  };
  return {
    url,
    port,
    data,
    query: (sql) => ask(url, sql),
    admin: (sql) => ask(url.replace(/\/ordermesh$/, '/postgres'), sql),
    start: async () => {
      const all = {
        listen_addresses: '127.0.0.1',
        port: String(port),
        unix_socket_directories: '',
        ...settings,
      };
      const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      const spawnIt = () =>
        startInBackground(findPostgres()!.postgres, ['-D', data, ...args], {
          ...postgresUser(),
          env: { ...process.env, LC_ALL: 'C' },
          logFile,
          stopSignal: 'SIGINT',
        });
      running = spawnIt();
      await until(
        `PostgreSQL to start (${tailOf(logFile)})`,
        async () => {
          // The last of a killed one's processes may hold its memory for a moment.
          if (!isThere(running!.pid)) running = spawnIt();
          return ask(url.replace(/\/ordermesh$/, '/postgres'), 'SELECT 1');
        },
        30_000,
      );
    },
    crash: async () => {
      if (!running) return;
      signalAll('SIGKILL');
      await stopProcess(running, { graceMs: 0 });
      running = undefined;
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
  };
}

function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]) === parent;
      } catch {
        return false;
      }
    });
}
