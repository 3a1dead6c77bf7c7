import { existsSync, mkdtempSync, chownSync, chmodSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { aptInstall } from '../scripts/servers/apt-install';
import { freePort, randomPortBase } from '../scripts/servers/free-port';
import { startInBackground, stopProcess, tailOf } from '../scripts/servers/owned-process';
import { NotAvailable } from '../scripts/servers/search';
import { postgresUser } from '../scripts/servers/system-user';
import { waitUntil } from '../scripts/servers/wait-until';
import { assertPostgresAnswers } from '../scripts/servers/readiness';

/** A PgBouncer in transaction mode before a PostgreSQL. */
export interface OwnPooler {
  /** A URL of that PostgreSQL, by way of the pooler. */
  through(url: string): string;
  /** Ends it, and starts it again on its port. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

const BINARIES = ['/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'];
const find = () => BINARIES.find(existsSync);

/**
 * @param url with the login that it uses
 * @param settings more lines of its `pgbouncer.ini`
 * @returns undefined, with why on stderr, where there is no PgBouncer and none can be installed
 */
export async function startOwnPooler(url: string, ...settings: string[]): Promise<OwnPooler | undefined> {
  const search = {
    purpose: 'test',
    log: () => undefined,
    signal: new AbortController().signal,
    fresh: false,
  } as const;
  try {
    if (!find()) await aptInstall('pgbouncer', search);
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error;
    console.warn(`Not tested: there is no PgBouncer on this machine (${error.message})`);
    return undefined;
  }
  const user = postgresUser(); // it refuses root, as PostgreSQL does
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-pooler-'));
  chmodSync(folder, 0o755);
  const server = new URL(url);
  const port = await freePort(randomPortBase());
  const write = (name: string, lines: string[]) => {
    const file = path.join(folder, name);
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    if (user) chownSync(file, user.uid, user.gid);
    return file;
  };
  const users = write('users.txt', [`"${server.username}" "${server.password}"`]);
  const ini = write('pgbouncer.ini', [
    '[databases]',
    `* = host=${server.hostname} port=${server.port || 5432}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = scram-sha-256',
    `auth_file = ${users}`,
    'pool_mode = transaction',
    'max_client_conn = 500',
    // So few that sessions are shared, and lent to another client each time.
    'default_pool_size = 6',
    ...settings,
  ]);
  const logFile = path.join(folder, 'log');
  const start = () =>
    startInBackground(find()!, [ini], { ...user, logFile, stopSignal: 'SIGINT', env: process.env });
  const through = (direct: string) => {
    const pooled = new URL(direct);
    [pooled.hostname, pooled.port] = ['127.0.0.1', String(port)];
    return pooled.href;
  };
  const answers = () =>
    waitUntil(() => assertPostgresAnswers(through(url)), {
      what: `PgBouncer (${tailOf(logFile)})`,
      timeoutMs: 10_000,
      everyMs: 50,
    });
  let running = start();
  await answers();
  return {
    through,
    startAgain: async () => {
      await stopProcess(running, { graceMs: 0 });
      running = start();
      await answers();
    },
    stop: async () => {
      await stopProcess(running, { graceMs: 0 });
      rmSync(folder, { recursive: true });
    },
  };
}
