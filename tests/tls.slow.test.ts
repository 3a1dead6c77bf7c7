import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { connectBroker } from '../shared/messaging/connect-broker';
import { permanentConnectionError } from '../shared/service/permanent-connection-error';
import { sessionConfig } from '../shared/service/session-settings';
import { startService } from '../shared/testing/service-process';
import { makeCertificates, type Certificates } from './certificates';
import { startOwnBroker, type OwnBroker } from './own-broker';
import { startOwnPostgres, type OwnPostgres } from './own-postgres';

// Both servers speak TLS with a certificate of a private authority, for the name localhost.

let certificates: Certificates;
let postgres: OwnPostgres;
let broker: OwnBroker;
let amqps: URL;
beforeAll(async () => {
  certificates = makeCertificates();
  [postgres, broker] = await Promise.all([startOwnPostgres(), startOwnBroker()]);
  await postgres.startTls(certificates);
  amqps = new URL(broker.urls.amqp.replace(/^amqp:/, 'amqps:'));
  amqps.port = String(await broker.startTls(certificates));
}, 120_000);
afterAll(async () => {
  await broker.stop();
  await postgres.stop();
  certificates.remove();
}, 30_000);

function databaseUrl(host: string, parameters: Record<string, string>): string {
  const url = new URL(postgres.url);
  url.hostname = host;
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Whether the session is encrypted, as the server sees it; else why there is none. */
async function database(host: string, parameters: Record<string, string>): Promise<string> {
  const client = new Client(
    sessionConfig(databaseUrl(host, parameters), { kind: 'command', applicationName: 'test' }),
  );
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    return rows[0]?.ssl ? 'encrypted' : 'plain';
  } catch (error) {
    return permanentConnectionError(error) ?? String(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function rabbitmq(host: string, parameters: Record<string, string>): Promise<string> {
  const url = new URL(amqps);
  url.hostname = host;
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  try {
    const connection = await connectBroker(url.href);
    await connection.close();
    return 'encrypted';
  } catch (error) {
    return permanentConnectionError(error) ?? String(error);
  }
}

test('PostgreSQL: sslmode as libpq means it', async () => {
  const { caFile, strangerFile } = certificates;
  const full = { sslmode: 'verify-full', sslrootcert: caFile };
  expect(await database('localhost', full)).toBe('encrypted');
  expect(await database('127.0.0.1', full)).toMatch(/does not match certificate's altnames/);
  expect(await database('127.0.0.1', { sslmode: 'verify-ca', sslrootcert: caFile })).toBe('encrypted');
  for (const sslmode of ['verify-full', 'verify-ca', 'require'])
    expect(await database('localhost', { sslmode, sslrootcert: strangerFile })).toMatch(
      /certificate is of an unknown authority/,
    );
  expect(await database('localhost', { sslmode: 'verify-full' })).toMatch(/unknown authority/);
  expect(await database('127.0.0.1', { sslmode: 'require' })).toBe('encrypted');
  expect(await database('127.0.0.1', { sslmode: 'disable' })).toBe('plain');
});

test('RabbitMQ: amqps verifies the authority and the name', async () => {
  const { caFile, strangerFile } = certificates;
  expect(await rabbitmq('localhost', { cacertfile: caFile })).toBe('encrypted');
  expect(await rabbitmq('127.0.0.1', { cacertfile: caFile })).toMatch(
    /does not match certificate's altnames/,
  );
  expect(await rabbitmq('127.0.0.1', { cacertfile: caFile, server_name_indication: 'localhost' })).toBe(
    'encrypted',
  );
  expect(await rabbitmq('localhost', { cacertfile: strangerFile })).toMatch(
    /unknown authority.*RABBITMQ_CA_FILE/,
  );
  expect(await rabbitmq('localhost', {})).toMatch(/unknown authority/);
  expect(await rabbitmq('127.0.0.1', { verify: 'verify_none' })).toBe('encrypted');
});

test('the set-up and a service run over nothing but TLS', async () => {
  const environment = {
    DATABASE_URL: databaseUrl('localhost', { sslmode: 'verify-full', sslrootcert: certificates.caFile }),
    RABBITMQ_URL: new URL(amqps.href.replace('127.0.0.1', 'localhost')).href,
    RABBITMQ_CA_FILE: certificates.caFile,
    CARD_TOKEN_KEY: randomBytes(32).toString('base64'),
  };
  const env = { PATH: process.env.PATH, ...environment };
  const { stdout } = await promisify(execFile)(process.execPath, [resolve('dist/scripts/migrate.js')], {
    env,
  });
  expect(stdout).toContain('subscriptions are declared');
  const services = await Promise.all(
    ['inventory-service', 'outbox-publisher'].map((name) => startService(name, environment)),
  );
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  const { rows } = await client.query(
    `SELECT bool_and(ssl) AS all, count(*) > 2 AS several FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
     WHERE usename = current_user AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
  );
  expect(rows).toEqual([{ all: true, several: true }]);
  await client.end();
  for (const service of services) await service.stop();
}, 60_000);
