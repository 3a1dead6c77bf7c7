import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { type PostgresBinaries, findPostgres } from './find-binaries';
import { randomPortBase } from './free-port';
import { type Instance, openInstance } from './instance';
import { instanceFolder } from './instance-folder';
import { startInBackground } from './owned-process';
import { assertPostgresAnswers } from './readiness';
import { NotAvailable, type Search, type Server, UserError } from './search';
import { startInstance } from './start-instance';
import { type SystemUser, postgresUser } from './system-user';

/** A PostgreSQL of the project's own, from binaries that are already on the machine. */
export async function localPostgres(search: Search): Promise<Server> {
  if (!findPostgres()) throw new NotAvailable('no PostgreSQL on this machine');
  const user = postgresUser();
  const instance = await openInstance(instanceFolder('postgres', search, user), search.fresh);
  if (instance.movedFrom !== undefined) makeOwn(instance.inFolder('data'), user);
  const reused = await startInstance(
    instance,
    {
      what: 'PostgreSQL',
      start: () => start(instance, search, user),
      ready: () => ready(instance),
      timeoutMs: 30_000,
    },
    search,
  );
  const how = `${reused ? 'private instance, still running' : 'private instance'} in ${instance.folder}`;
  return { url: urlOf(instance, 'ordermesh'), how, stop: (hurry) => instance.stop({ hurry }) };
}

async function start(instance: Instance, search: Search, user: SystemUser | undefined): Promise<void> {
  const data = instance.inFolder('data');
  const binaries = binariesFor(data);
  search.log(`PostgreSQL ${binaries.major}: starting a private instance in ${instance.folder}`);
  if (!existsSync(`${data}/PG_VERSION`)) initialise(binaries, instance, search, user);
  else if (instance.recordLost) setPassword(binaries, instance, search, user);
  search.signal.throwIfAborted();

  const throwaway = search.purpose === 'test';
  const { postgres } = await instance.choosePorts({
    postgres: search.purpose === 'start' ? 55432 : randomPortBase(),
  });
  const settings = {
    listen_addresses: '127.0.0.1',
    port: postgres,
    unix_socket_directories: '',
    max_connections: 200,
    // Nobody misses a test's data after a power cut.
    ...(throwaway ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  instance.remember(
    startInBackground(binaries.postgres, ['-D', data, ...args], {
      ...user,
      env: { ...process.env, LC_ALL: 'C' },
      logFile: instance.inFolder('log'),
      stopSignal: 'SIGINT', // "fast": ends sessions instead of waiting for them
    }),
  );
}

/** The binaries have to be of the major version that made the data. */
function binariesFor(data: string): PostgresBinaries {
  const made = existsSync(`${data}/PG_VERSION`)
    ? Number(readFileSync(`${data}/PG_VERSION`, 'utf8'))
    : undefined;
  const binaries = findPostgres(made);
  if (binaries) return binaries;
  throw new UserError(
    `The data in ${data} was made by PostgreSQL ${made}, and this machine has ${findPostgres()?.major}.\n` +
      `Install PostgreSQL ${made}, or begin with empty data: npm start -- --fresh`,
  );
}

/** Data that was moved or copied, perhaps by a `cp -r` of root. */
function makeOwn(data: string, user: SystemUser | undefined): void {
  if (!existsSync(data)) return;
  // Of a server that ran elsewhere: it would keep this one from starting.
  rmSync(`${data}/postmaster.pid`, { force: true });
  chmodSync(data, 0o700); // PostgreSQL refuses others
  if (user) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, data]);
}

/** The password was lost with the record: whoever has the data may give it a new one, while no server runs on it. */
function setPassword(
  binaries: PostgresBinaries,
  instance: Instance,
  search: Search,
  user?: SystemUser,
): void {
  search.log(
    `PostgreSQL: ${instance.inFolder('instance.json')} is lost or cut short; its data gets a new password`,
  );
  const result = spawnSync(binaries.postgres, ['--single', '-D', instance.inFolder('data'), 'template1'], {
    ...user,
    cwd: '/',
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
    input: `ALTER USER ordermesh PASSWORD '${instance.record.password}'\n`,
    timeout: 60_000,
  });
  if (result.status !== 0 || /ERROR|FATAL/.test(result.stderr))
    throw new UserError(
      `The data in ${instance.inFolder('data')} lost its password with its instance.json, and could not be given a new one:\n` +
        `${result.stderr.trim() || String(result.error)}\n` +
        'Stop a server that still runs on it, or begin with empty data: npm start -- --fresh',
    );
}

function initialise(binaries: PostgresBinaries, instance: Instance, search: Search, user?: SystemUser): void {
  const data = instance.inFolder('data');
  rmSync(data, { recursive: true, force: true }); // what an interrupted initdb has left
  mkdirSync(data, { mode: 0o700 });
  const passwordFile = instance.inFolder('password');
  writeFileSync(passwordFile, instance.record.password, { mode: 0o600 });
  if (user) for (const file of [data, passwordFile]) chownSync(file, user.uid, user.gid);
  const args = ['-D', data, '-U', 'ordermesh', '--pwfile', passwordFile, '-A', 'scram-sha-256'];
  if (search.purpose === 'test') args.push('--no-sync');
  const result = spawnSync(binaries.initdb, [...args, '-E', 'UTF8', '--locale=C'], {
    ...user,
    cwd: '/',
    encoding: 'utf8',
  });
  rmSync(passwordFile);
  if (result.status !== 0) throw new Error(`initdb failed: ${result.stderr || String(result.error)}`);
}

async function ready(instance: Instance): Promise<void> {
  await assertPostgresAnswers(urlOf(instance, 'postgres'));
  const client = new pg.Client({
    connectionString: urlOf(instance, 'postgres'),
    connectionTimeoutMillis: 5000,
  });
  await client.connect();
  try {
    const { rowCount } = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'ordermesh'`);
    if (rowCount === 0) await client.query('CREATE DATABASE ordermesh');
  } finally {
    await client.end();
  }
}

function urlOf(instance: Instance, database: string): string {
  return `postgresql://ordermesh:${instance.record.password}@127.0.0.1:${instance.record.ports.postgres}/${database}`;
}
