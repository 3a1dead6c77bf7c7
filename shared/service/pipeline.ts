import { types, type ClientBase, type PoolClient } from 'pg';
import { Prisma } from '../../prisma/generated/client';
import type { DatabaseOptions } from './database';
import { gatherWrites } from './gather-writes';
import { PostgresPool, type PostgresClient } from './postgres-client';
import { watchPool } from './pool-metrics';
import { parsePostgresUrl } from './postgres-url';
import { sessionConfig } from './session-settings';
import { statementNames } from './statement-names';
import { sqlOf, type Statements, type Transactions, type Tx } from './transaction';

/** Transactions, and statements that each are one, over connections of their own: see {@link openPipeline}. */
export interface Pipeline extends Transactions, Statements {
  close(): Promise<void>;
}

/**
 * Transactions for the hot path, with the bare driver in pipeline mode: a statement is sent without waiting for the
 * answers to those before it. `BEGIN` travels with the first statement, and `COMMIT` with the last ones, so that a
 * transaction takes as many round trips as it has answers to wait for.
 *
 * What comes behind a `BEGIN` that fails (somebody cancelled it) would be committed statement by statement. So the session
 * lets nothing be written outside of a transaction; behind a pooler, which keeps no settings, the `BEGIN` is waited for.
 *
 * Values and rows are as Prisma's raw queries have them. What is awaited in turn is answered in turn; what is sent behind
 * a statement that fails is refused by PostgreSQL (25P02), the `COMMIT` too. The error that is thrown is the first.
 * @returns transactions, as many at a time as `poolSize` says
 */
export function openPipeline(options: DatabaseOptions): Pipeline {
  const target = parsePostgresUrl(options.url);
  const pool = new PostgresPool({
    ...sessionConfig(options.url, {
      kind: 'service',
      applicationName: options.applicationName,
      connectTimeoutMs: target.poolTimeoutMs ?? 8_000,
      settings: {
        // Lookups by index, whatever the values are: planned once a session. Planning anew took a fifth of their time.
        plan_cache_mode: 'force_generic_plan',
        default_transaction_read_only: 'on',
      },
    }),
    max: options.poolSize,
    idleTimeoutMillis: 60_000,
    query_timeout: options.answerTimeoutMs ?? 60_000,
    pipeline: true,
    onConnect: gatherWrites as unknown as (client: ClientBase) => void,
  });
  pool.on('error', options.onIdleError);
  watchPool(pool, options.applicationName);
  const nameOf = statementNames();

  async function alone({ text, values }: Prisma.Sql): Promise<Awaited<Answer>> {
    const client = await pool.connect();
    let isUsable = false;
    try {
      const answer = await send(client, nameOf, text, values);
      isUsable = true;
      return answer;
    } finally {
      client.release(!isUsable);
    }
  }

  return {
    isPipeline: true,
    ...statementsBy(alone),
    $transaction: async (work) => {
      const client = await pool.connect();
      const sending = createSending(client, nameOf);
      let isUsable = false;
      try {
        const begun = sending.send('BEGIN READ WRITE');
        if ((client as unknown as PostgresClient).isPooled) await begun;
        const value = await work(sending.tx);
        await sending.end('COMMIT');
        isUsable = true;
        return value;
      } catch (error) {
        isUsable = await sending.undo();
        throw sending.failure() ?? error;
      } finally {
        // Of a statement that failed it is not known whether the session still has it prepared.
        client.release(!isUsable);
      }
    },
    close: () => pool.end(),
  };
}

type Answer = Promise<{ rows: unknown[]; rowCount: number | null; command: string }>;

type Names = ReturnType<typeof statementNames>;

const send = (client: PoolClient, nameOf: Names, text: string, values: readonly unknown[]) =>
  client.query({
    text,
    values: values.map(encode),
    ...(values.length > 0 ? { name: nameOf({ sql: text }) } : {}),
    types: { getTypeParser },
  }) as Answer;

const statementsBy = (run: (statement: Prisma.Sql) => Answer): Statements => ({
  $queryRaw: async <T>(...[statement, ...values]: Parameters<Statements['$queryRaw']>) =>
    (await run(sqlOf(statement, values))).rows as T,
  $executeRaw: async (statement, ...values) => (await run(sqlOf(statement, values))).rowCount ?? 0,
});

function createSending(client: PoolClient, nameOf: Names) {
  const answers: Answer[] = [];
  let failed: { error: unknown } | undefined;
  let isOver = false;

  function sendNext(text: string, values: readonly unknown[] = []): Answer {
    if (isOver) return Promise.reject(new Error('the transaction is over'));
    const answer = send(client, nameOf, text, values);
    answer.catch((error: unknown) => (failed ??= { error }));
    answers.push(answer);
    return answer;
  }

  const run = ({ text, values }: Prisma.Sql) => sendNext(text, values);
  const tx: Tx = { ...statementsBy(run), queue: run };

  return {
    tx,
    send: sendNext,
    failure: () => failed?.error,
    /** @throws the first error of all statements */
    end: async (how: 'COMMIT'): Promise<void> => {
      const ended = sendNext(how);
      isOver = true;
      await Promise.all(answers);
      // What was swallowed on the way has failed it all the same.
      if ((await ended).command !== how) throw new Error('the transaction was rolled back');
    },
    /** @returns whether the session is as it was */
    undo: async (): Promise<boolean> => {
      isOver = true;
      await Promise.allSettled(answers);
      if (failed) return false;
      return client.query('ROLLBACK').then(
        () => true,
        () => false,
      );
    },
  };
}

/** A value as PostgreSQL is sent it: its text. */
function encode(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === 'bigint' || Prisma.Decimal.isDecimal(value)) return String(value);
  return value;
}

const { builtins } = types;
const utc = (text: string): Date => new Date(`${text.replace(' ', 'T')}Z`);
const PARSERS = new Map<number, (text: string) => unknown>([
  [builtins.INT8, BigInt],
  [builtins.NUMERIC, (text) => new Prisma.Decimal(text)],
  // These have no zone of their own; the session's is UTC.
  [builtins.TIMESTAMP, utc],
  [builtins.DATE, (text) => new Date(text)],
]);

const getTypeParser = ((oid: number, format?: 'text') =>
  PARSERS.get(oid) ?? types.getTypeParser(oid, format)) as typeof types.getTypeParser;
