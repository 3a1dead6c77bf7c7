import { Client } from 'pg';
import { GenericContainer } from 'testcontainers';
import { findPostgres } from '../scripts/servers/find-binaries';
import { freePort, randomPortBase } from '../scripts/servers/free-port';
import { localPostgres } from '../scripts/servers/local-postgres';
import { assertPostgresAnswers } from '../scripts/servers/readiness';
import { claimTestRun, removeTestRun } from '../scripts/servers/test-runs';
import { waitUntil } from '../scripts/servers/wait-until';

/** A PostgreSQL whose settings a test may change: no other test is on it. */
export interface OwnPostgres {
  url: string;
  /** Has it speak TLS to those who ask for it. */
  startTls(certificate: { cert: string; key: string }): Promise<void>;
  stop(): Promise<void>;
}

/** From the machine's binaries where there are any, else in a container. */
export async function startOwnPostgres(): Promise<OwnPostgres> {
  const server = await (findPostgres() ? fromBinaries() : inContainer());
  return { ...server, startTls: (certificate) => startTls(server.url, certificate) };
}

async function fromBinaries() {
  claimTestRun();
  const signal = new AbortController().signal;
  const server = await localPostgres({ purpose: 'test', log: () => undefined, signal, fresh: false });
  const stop = async () => {
    await server.stop(AbortSignal.abort());
    removeTestRun();
  };
  return { url: server.url, stop };
}

async function inContainer() {
  const port = await freePort(randomPortBase());
  const container = await new GenericContainer('postgres:17')
    .withEnvironment({ POSTGRES_USER: 'ordermesh', POSTGRES_PASSWORD: 'ordermesh', POSTGRES_DB: 'ordermesh' })
    .withExposedPorts({ container: 5432, host: port })
    .start();
  const url = `postgresql://ordermesh:ordermesh@127.0.0.1:${port}/ordermesh`;
  const what = 'PostgreSQL in its container';
  await waitUntil(() => assertPostgresAnswers(url), { what, timeoutMs: 60_000, everyMs: 200 });
  return { url, stop: async () => void (await container.stop({ timeout: 0 })) };
}

/** The files are written by the server, whose user alone may read its key, into the folder of its data. */
async function startTls(url: string, { cert, key }: { cert: string; key: string }): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const [name, text] of Object.entries({ cert, key })) {
    const lines = `SELECT unnest(string_to_array('${text.trim()}', E'\n'))`;
    await client.query(`COPY (${lines}) TO PROGRAM 'umask 077 && cat > tls.${name}'`);
  }
  for (const [name, value] of Object.entries({
    ssl_cert_file: 'tls.cert',
    ssl_key_file: 'tls.key',
    ssl: 'on',
  }))
    await client.query(`ALTER SYSTEM SET ${name} = '${value}'`);
  await client.query('SELECT pg_reload_conf()');
  const isOn = async () => {
    const { rows } = await client.query<{ ssl: string }>('SHOW ssl');
    if (rows[0]?.ssl !== 'on') throw new Error('not yet');
  };
  await waitUntil(isOn, { what: 'TLS', timeoutMs: 10_000, everyMs: 50 });
  await client.end();
}
