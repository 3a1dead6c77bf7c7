import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkout } from '../scripts/servers/checkout';

// The private servers of a checkout (its compiled code in another folder), which is moved and copied. The first path
// has a quote in it, so that RabbitMQ's data is kept outside.

let base: string;
const folders = new Set<string>();
beforeAll(() => {
  base = mkdtempSync(path.join(tmpdir(), 'ordermesh-moved-'));
  chmodSync(base, 0o755); // for the user that PostgreSQL runs as
});
afterAll(() => {
  for (const folder of folders) rmSync(outsideOf(folder), { recursive: true, force: true });
  rmSync(base, { recursive: true });
});

const outsideOf = (folder: string) =>
  `/var/tmp/ordermesh-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;

function place(name: string): string {
  const folder = path.join(base, name);
  folders.add(folder);
  return folder;
}

interface Visit {
  log: string[];
  rows: unknown;
  queuesLost?: boolean;
}

/** Starts the servers there, asks PostgreSQL, and stops them. What the broker lost is sent again when all is only read. */
const visit = (folder: string, sql: string, withBroker = true) =>
  inCheckout(
    folder,
    `(async () => {
      const log = [];
      const signal = new AbortController().signal;
      const search = { purpose: 'start', log: (line) => log.push(line), signal, fresh: false };
      const { localPostgres } = require(process.cwd() + '/dist/scripts/servers/local-postgres');
      const { localRabbitmq } = require(process.cwd() + '/dist/scripts/servers/local-rabbitmq');
      const started = [];
      try {
        const [{ url }, broker] = await Promise.all([localPostgres(search), ${withBroker} && localRabbitmq(search)].map(
          async (server) => (started.push(await server), server)));
        const client = new (require('pg').Client)(url);
        await client.connect();
        const { rows } = await client.query(${JSON.stringify(sql)});
        await client.end();
        const queuesLost = broker ? broker.allSentAgain !== undefined : undefined;
        if (queuesLost && ${sql.startsWith('SELECT')}) broker.allSentAgain();
        return { log, rows, queuesLost };
      } finally {
        for (const server of started) if (server) await server.stop(AbortSignal.abort());
      }
    })()`,
  ) as Promise<Visit>;

function inCheckout(folder: string, expression: string): Promise<unknown> {
  const script = `Promise.resolve(${expression}).then((value) => console.log(JSON.stringify(value)))`;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['-e', script], { cwd: folder }, (error, stdout, stderr) =>
      error ? reject(new Error(stderr || error.message)) : resolve(JSON.parse(stdout)),
    );
  });
}

function copyCode(folder: string): void {
  for (const name of ['dist/scripts', 'dist/shared', 'prisma/migrations'])
    cpSync(path.join(checkout, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(checkout, 'node_modules'), path.join(folder, 'node_modules'));
}

const KEPT = 'SELECT count(*)::int AS kept FROM orders';
const record = (folder: string, server: string) => path.join(folder, '.local', server, 'instance.json');

test('moved, or its records lost: PostgreSQL keeps its data, and only the broker begins anew, which is remembered', async () => {
  const first = place(`it's "here" #1`);
  copyCode(first);
  expect((await visit(first, 'CREATE TABLE orders AS SELECT 1 AS id')).queuesLost).toBe(false);
  expect(existsSync(path.join(outsideOf(first), 'rabbitmq', 'data'))).toBe(true);

  const moved = place('moved');
  renameSync(first, moved);
  const notSent = await visit(moved, `INSERT INTO orders VALUES (2)`);
  expect(notSent.log.join('\n')).toContain('RabbitMQ cannot open moved data');
  expect(notSent.queuesLost).toBe(true);
  expect(existsSync(path.join(outsideOf(first), 'rabbitmq'))).toBe(false);
  // Killed before all was sent again: the next run knows of it.
  expect(readFileSync(record(moved, 'rabbitmq'), 'utf8')).toContain('"queuesLost": true');

  for (const server of ['postgres', 'rabbitmq']) writeFileSync(record(moved, server), '{"pass');
  const lost = await visit(moved, KEPT);
  expect(lost).toMatchObject({ rows: [{ kept: 2 }], queuesLost: true });
  expect(lost.log.filter((line) => line.includes('lost or cut short'))).toHaveLength(2);
  expect(readFileSync(record(moved, 'rabbitmq'), 'utf8')).not.toContain('queuesLost');
}, 180_000);

test('a copy, made by root beside its original, has data of its own: never that which the original keeps outside', async () => {
  const original = place(`it's "the original"`);
  copyCode(original);
  await visit(original, 'CREATE TABLE orders AS SELECT 1 AS id', false);
  const kept = await folderOf(original);
  expect(kept).toBe(path.join(outsideOf(original), 'rabbitmq'));
  const copy = place('copy');
  cpSync(original, copy, { recursive: true, verbatimSymlinks: true });
  expect(await folderOf(copy)).toBe(path.join(copy, '.local', 'rabbitmq'));
  expect([existsSync(kept), await folderOf(original)]).toEqual([true, kept]);
  expect(await visit(copy, KEPT, false)).toMatchObject({ rows: [{ kept: 1 }] });
}, 60_000);

/** Where RabbitMQ's data of a checkout is. */
const folderOf = async (folder: string) =>
  inCheckout(
    folder,
    `require(process.cwd() + '/dist/scripts/servers/instance-folder').instanceFolder('rabbitmq', { purpose: 'start', log: () => {} })`,
  ) as Promise<string>;
