import { PrismaPg } from '@prisma/adapter-pg';
import type { ClientBase } from 'pg';
import { Prisma, PrismaClient } from '../../prisma/generated/client';
import { encode, getTypeParser } from './pg-values';
import { parsePostgresUrl } from './postgres-url';
import { PostgresPool } from './postgres-client';
import { ANSWER_MS, sessionConfig } from './session-settings';
import { watchPool } from './pool-metrics';
import { statementNames } from './statement-names';
import { statementsBy, type Answer, type Statements } from './transaction';

export { Prisma };
export type Database = PrismaClient;
export type { Tx } from './transaction';
/** A transaction of Prisma's, which knows the models too. */
export type ModelTx = Prisma.TransactionClient;

export interface DatabaseOptions {
  url: string;
  /** Connections at most. */
  poolSize: number;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Told of a connection that broke while idle; without a listener that would end the process. */
  onIdleError: (error: Error) => void;
  /** How long an answer is waited for. Default: a minute. */
  answerTimeoutMs?: number;
  /** Looks at each new connection; where it throws, that is closed. */
  checkConnection?: (client: ClientBase) => Promise<void>;
}

/**
 * A Prisma client over a bounded pool (the URL's own `connection_limit` and `pool_timeout` come first). Waiting for a connection is bounded too (pg-pool would wait for
 * ever), so that a process whose database is away says so instead of piling up work.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const target = parsePostgresUrl(options.url);
  const session = sessionConfig(options.url, {
    kind: 'service',
    applicationName: options.applicationName,
    connectTimeoutMs: target.poolTimeoutMs ?? 8_000,
  });
  const opened = async (client: ClientBase) => {
    // pg-pool takes its own listener away before Prisma adds one, and with both in one packet the server's
    // goodbye arrives in between: an error that nobody listens to would end the process.
    client.on('error', () => undefined);
    await options.checkConnection?.(client);
  };
  const pool = new PostgresPool({
    ...session,
    max: target.poolSize ?? options.poolSize,
    idleTimeoutMillis: 60_000,
    // A server that vanished without a word would otherwise keep a query waiting for ever.
    query_timeout: options.answerTimeoutMs ?? ANSWER_MS,
    onConnect: opened as (client: ClientBase) => void, // pg-pool waits for it, which its types do not know
  });
  pool.on('error', () => undefined); // Prisma listens, but not before it was asked something
  watchPool(pool, options.applicationName);
  const nameOf = statementNames();
  const adapter = new PrismaPg(pool, {
    disposeExternalPool: true,
    schema: target.schema,
    onPoolError: options.onIdleError,
    onConnectionError: options.onIdleError,
    statementNameGenerator: nameOf as (query: { sql: string }) => string,
  });
  const database = new PrismaClient({
    adapter,
    transactionOptions: { maxWait: 10_000, timeout: 50_000 },
    // The others take a stack trace for every query, in case it fails.
    errorFormat: 'minimal',
  });
  bares.set(database, (text, values) =>
    pool.query({ text, values: values.map(encode), name: nameOf({ sql: text }), types: { getTypeParser } }),
  );
  return database;
}

type Ask = (text: string, values: readonly unknown[]) => Answer;
const bares = new WeakMap<Database, Ask>();

/** Single statements. */
export interface Bare extends Statements {
  /** A statement as a text with `$1`, and its values. @returns its rows */
  query: <T>(text: string, ...values: unknown[]) => Promise<T[]>;
}

/**
 * Asks past Prisma, over the same connections, for half the price: new orders, and what is asked again and again while
 * nothing happens.
 * Values and rows are as Prisma's raw queries have them.
 */
export function bare(database: Database): Bare {
  const ask = bares.get(database);
  if (!ask) throw new Error('it is no database that was opened here');
  return {
    ...statementsBy(({ text, values }) => ask(text, values)),
    query: async <T>(text: string, ...values: unknown[]) => (await ask(text, values)).rows as T[],
  };
}

/**
 * Does once what the first work would otherwise pay for: connecting, and compiling Prisma's query
 * engine; half a second on a small machine. A database that is away is no error here. Where it hangs, this takes as long
 * as an answer is waited for: whoever waits bounds that.
 */
export async function warmUp(database: Database): Promise<void> {
  await database.$transaction((tx) => tx.$queryRaw`SELECT 1`).catch(() => undefined);
}
