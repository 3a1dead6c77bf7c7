import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { noBound } from '../../../order-api/orders/backlog';
import { openIntake } from '../../../order-api/orders/order-intake';
import { placeOrder } from '../../../order-api/orders/place-order';
import { findPostgres } from '../../../scripts/servers/find-binaries';
import { newId } from '../../../shared/ids';
import { openDatabase, Prisma, type Database } from '../../../shared/service/database';
import type { HttpRequest } from '../load/job';

/** Scripts with an order each, chosen from at random: several, so that not all orders meet on the same rows. */
const SCRIPTS = 20;

/** Beside the server's binaries, else in PATH. */
export function findPgbench(): string | undefined {
  const beside = path.join(path.dirname(findPostgres()?.postgres ?? ''), 'pgbench');
  if (existsSync(beside)) return beside;
  return spawnSync('pgbench', ['--version'], { timeout: 5_000 }).status === 0 ? 'pgbench' : undefined;
}

export interface PgbenchScripts {
  /** @returns transactions a second */
  run(clients: number, seconds: number): Promise<number>;
  stop(): Promise<void>;
}

/** Custom scripts of the very statements with which order-api places these orders. */
export async function writeScripts(
  pgbench: string,
  databaseUrl: string,
  requests: readonly HttpRequest[],
): Promise<PgbenchScripts> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ordermesh-bench-'));
  const files: string[] = [];
  for (const [index, request] of requests.slice(0, SCRIPTS).entries()) {
    const file = path.join(folder, `order-${index}.sql`);
    writeFileSync(file, await scriptOf(databaseUrl, request.body));
    files.push(file);
  }
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  return {
    run: async (clients, seconds) => {
      const args = ['-n', '-c', String(clients), '-j', '2', '-T', String(Math.max(1, Math.round(seconds)))];
      const where = ['-h', hostname, '-p', port, '-U', username, pathname.slice(1)];
      const { stdout } = await promisify(execFile)(
        pgbench,
        [...args, ...files.flatMap((file) => ['-f', file]), ...where],
        { env: { ...process.env, PGPASSWORD: password } },
      );
      const tps = /^tps = ([\d.]+) \(without initial/m.exec(stdout) ?? /^tps = ([\d.]+)/m.exec(stdout);
      if (!tps) throw new Error(`pgbench said no rate: ${stdout.slice(0, 500)}`);
      return Number(tps[1]);
    },
    stop: async () => rmSync(folder, { recursive: true }),
  };
}

/** Places an order and takes down what is sent to the database; the ids are drawn anew each time it is run. */
async function scriptOf(databaseUrl: string, body: unknown): Promise<string> {
  const database = openDatabase({
    url: databaseUrl,
    poolSize: 1,
    applicationName: 'bench',
    onIdleError: () => undefined,
  });
  const statements: string[] = [];
  try {
    const origin = { correlationid: newId() };
    const answer = await placeOrder.handle({ body, params: undefined, query: undefined }, {
      backlog: noBound,
      intake: openIntake(recording(database, statements) as Database, undefined),
      log: pino({ level: 'silent' }),
      origin,
    } as never);
    const { order_id } = answer.body as { order_id: string };
    const eventId = /"event_id":"([^"]+)"/.exec(statements.join())?.[1] ?? '';
    const text = statements.join(';\n').replaceAll(order_id, ':order_id').replaceAll(eventId, ':event_id');
    return `SELECT gen_random_uuid() AS order_id, gen_random_uuid() AS event_id \\gset\n${text};\n`;
  } finally {
    await database.$disconnect();
  }
}

function recording(database: Database, statements: string[]): Pick<Database, '$queryRaw' | '$executeRaw'> {
  const record = (strings: TemplateStringsArray, values: unknown[]) =>
    void statements.push(literally(Prisma.sql(strings, ...(values as Prisma.Sql[]))));
  return {
    $queryRaw: ((strings: TemplateStringsArray, ...values: unknown[]) => {
      record(strings, values);
      return database.$queryRaw(strings, ...values);
    }) as Database['$queryRaw'],
    $executeRaw: ((strings: TemplateStringsArray, ...values: unknown[]) => {
      record(strings, values);
      return database.$executeRaw(strings, ...values);
    }) as Database['$executeRaw'],
  };
}

/** On lines of their own a script's statements end with a semicolon; values become literals. */
const literally = ({ strings, values }: Prisma.Sql): string =>
  strings.map((part, index) => part + (index < values.length ? literal(values[index]) : '')).join('');

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number') return String(value);
  if (value instanceof Date) return `'${value.toISOString()}'`;
  if (Array.isArray(value)) return `'{${value.join(',')}}'`;
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`;
  throw new Error(`no literal for a ${typeof value}`);
}
