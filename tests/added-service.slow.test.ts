import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { newId } from '../shared/ids';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { anEvent } from '../shared/testing/events';
import { startService, type ServiceProcess } from '../shared/testing/service-process';
import { createTestBroker, type TestBroker } from '../shared/testing/test-broker';
import { until } from '../shared/testing/until';

// The guide's example, followed to the letter in a checkout of its own: what it says to write is what is written.

const root = path.resolve(__dirname, '..');
const guide = readFileSync(path.join(root, 'docs/guides/add-a-service.md'), 'utf8');
const database = `kitchen_${process.pid}`;
const prefix = `k${process.pid}-`;
const url = new URL(process.env.TEST_DATABASE_URL!);
url.pathname = `/${database}`;

let admin: Client;
let broker: TestBroker;
let checkout: string;
let kitchen: ServiceProcess | undefined;
beforeAll(async () => {
  checkout = mkdtempSync(path.join(tmpdir(), 'ordermesh-kitchen-'));
  admin = new Client({ connectionString: process.env.TEST_DATABASE_URL });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${database}`);
  broker = await createTestBroker();
});
afterAll(async () => {
  await kitchen?.stop();
  await broker.manage('DELETE', `/api/users/${prefix}kitchen-service`);
  await broker.drop();
  await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  await admin.query(`DROP ROLE "${prefix}kitchen-service"`);
  await admin.end();
  rmSync(checkout, { recursive: true });
});

function copyCheckout(): void {
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'prisma.config.ts', 'jest.config.js'];
  for (const name of [...files, 'prisma/schema', 'prisma/migrations', 'scripts', 'shared'])
    cpSync(path.join(root, name), path.join(checkout, name), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    });
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
}

/** Writes the blocks of code that begin with the name of a file. @returns the names */
function writeWhatItSays(): string[] {
  return [...guide.matchAll(/^ *```\w+\n(.*?)^ *```/gms)].flatMap(([, block = '']) => {
    const text = block.replace(/^ {3}/gm, '');
    const name = /^(?:\/\/|--) (kitchen-service\/\S+)\n/.exec(text)?.[1];
    if (!name) return [];
    mkdirSync(path.dirname(path.join(checkout, name)), { recursive: true });
    writeFileSync(path.join(checkout, name), text);
    return [name];
  });
}

async function run(script: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, ...args], {
    cwd: checkout,
    env: {
      ...process.env,
      DATABASE_URL: url.href,
      RABBITMQ_URL: broker.url,
      RABBITMQ_MANAGEMENT_URL: process.env.TEST_RABBITMQ_MANAGEMENT_URL,
      TEST_TEMPLATE_DATABASE: database,
    },
    timeout: 100_000,
  });
  return stdout + stderr;
}

/** A server's URL with the login that is the service's own there. */
function itsOwn(server: string, at: string): string {
  const own = new URL(at);
  own.username = `${prefix}kitchen-service`;
  const file = path.join(checkout, '.local/logins/kitchen-service', `${server}-password`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  own.password = readFileSync(file, 'utf8').trim();
  return own.href;
}

async function tickets(): Promise<string[]> {
  const client = new Client({ connectionString: url.href });
  await client.connect();
  const { rows } = await client.query<{ order_id: string }>('SELECT order_id FROM kitchen_tickets');
  await client.end();
  return rows.map(({ order_id }) => order_id);
}

it('the service that the guide describes works as it is written there', async () => {
  copyCheckout();
  expect(writeWhatItSays()).toHaveLength(7);
  expect(await run('scripts/bootstrap.mjs', 'migrate')).toMatch(/Applied .*_kitchen_tickets\n/);
  expect(await run('scripts/bootstrap.mjs', 'users', '--prefix', prefix)).toContain(
    `${prefix}kitchen-service`,
  );

  kitchen = await startService(path.relative('dist', path.join(checkout, 'dist/kitchen-service')), {
    DATABASE_URL: itsOwn('database', url.href),
    RABBITMQ_URL: itsOwn('rabbitmq', broker.url),
  });
  const order_id = newId();
  const event = anEvent('order.status.preparing.v1', order_id, {
    order_id,
    restaurant_id: newId(),
    previous_status: 'PLACED',
    status: 'PREPARING',
    actor: 'MESH',
    changed_at: new Date().toISOString(),
  });
  broker.channel.publish(EVENTS_EXCHANGE, event.type, Buffer.from(JSON.stringify(event)));
  await until('a ticket', async () => (await tickets()).includes(order_id));
  expect(await kitchen.stop()).toBe(0);

  // Its own test, on a copy of this very database: the ticket is in it.
  expect(await run('node_modules/jest/bin/jest.js', '--ci', 'kitchen')).toContain('1 passed');
});
