import type { ClientBase, PoolClient } from 'pg';
import type { Prisma } from '../../prisma/generated/client';
import type { DatabaseOptions } from './database';
import { gatherWrites } from './gather-writes';
import { encode, getTypeParser } from './pg-values';
import { watchPool } from './pool-metrics';
import { PostgresPool, type PostgresClient } from './postgres-client';
import { parsePostgresUrl } from './postgres-url';
import { ANSWER_MS, sessionConfig } from './session-settings';
import { statementNames } from './statement-names';
import { statementsBy, type Answer, type Transactions, type Tx } from './transaction';

/** Transactions over a connection of their own, see {@link openPipeline}. */
export interface Pipeline extends Transactions {
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
    query_timeout: options.answerTimeoutMs ?? ANSWER_MS,
    pipeline: true,
    onConnect: gatherWrites as unknown as (client: ClientBase) => void,
  });
  pool.on('error', options.onIdleError);
  // Beside the service's other connections, not among them: those may all be in use while this one is not.
  watchPool(pool, `${options.applicationName} batches`);
  const nameOf = statementNames();

  return {
    isPipeline: true,
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

function createSending(client: PoolClient, nameOf: ReturnType<typeof statementNames>) {
  const answers: Answer[] = [];
  let failed: { error: unknown } | undefined;
  let isOver = false;

  function sendNext(text: string, values: readonly unknown[] = []): Answer {
    if (isOver) return Promise.reject(new Error('the transaction is over'));
    const answer: Answer = client.query({
      text,
      values: values.map(encode),
      ...(values.length > 0 ? { name: nameOf({ sql: text }) } : {}),
      types: { getTypeParser },
    });
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
