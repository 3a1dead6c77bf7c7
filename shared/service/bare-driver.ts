import type { PoolClient } from 'pg';
import type { Prisma } from '../../prisma/generated/client';
import type { DatabaseOptions } from './database';
import { encode, getTypeParser } from './pg-values';
import { PostgresPool } from './postgres-client';
import { watchPool } from './pool-metrics';
import { parsePostgresUrl } from './postgres-url';
import { sessionConfig } from './session-settings';
import { statementNames } from './statement-names';
import { sqlOf, type Statements } from './transaction';

// The driver without Prisma, for the hot path; values and rows are as Prisma's raw queries have them.

export type Answer = Promise<{ rows: unknown[]; rowCount: number | null; command: string }>;
export type Send = (client: PoolClient, text: string, values?: readonly unknown[]) => Answer;

/**
 * A pool for statements that look rows up by index, whatever the values are: they are planned once a session. (Planning
 * anew took a fifth of their time.)
 * @param settings of each session, beside those of a service
 */
export function openBarePool(
  options: DatabaseOptions,
  settings: Record<string, string>,
  more: ConstructorParameters<typeof PostgresPool>[0] | object = {},
): { pool: PostgresPool; send: Send } {
  const target = parsePostgresUrl(options.url);
  const pool = new PostgresPool({
    ...sessionConfig(options.url, {
      kind: 'service',
      applicationName: options.applicationName,
      connectTimeoutMs: target.poolTimeoutMs ?? 8_000,
      settings: { plan_cache_mode: 'force_generic_plan', ...settings },
    }),
    max: options.poolSize,
    idleTimeoutMillis: 60_000,
    query_timeout: options.answerTimeoutMs ?? 60_000,
    ...more,
  });
  pool.on('error', options.onIdleError);
  watchPool(pool, options.applicationName);
  const nameOf = statementNames();
  const send: Send = (client, text, values = []) =>
    client.query({
      text,
      values: values.map(encode),
      ...(values.length > 0 ? { name: nameOf({ sql: text }) } : {}),
      types: { getTypeParser },
    });
  return { pool, send };
}

export const statementsBy = (run: (statement: Prisma.Sql) => Answer): Statements => ({
  $queryRaw: async <T>(...[statement, ...values]: Parameters<Statements['$queryRaw']>) =>
    (await run(sqlOf(statement, values))).rows as T,
  $executeRaw: async (statement, ...values) => (await run(sqlOf(statement, values))).rowCount ?? 0,
});

/** Statements that each are a transaction, as many at a time as `poolSize` says. */
export function openStatements(options: DatabaseOptions): Statements & { close(): Promise<void> } {
  const { pool, send } = openBarePool(options, {});
  const run = async ({ text, values }: Prisma.Sql) => {
    const client = await pool.connect();
    let isUsable = false;
    try {
      const answer = await send(client, text, values);
      isUsable = true;
      return answer;
    } finally {
      // Of a statement that failed it is not known whether the session still has it prepared.
      client.release(!isUsable);
    }
  };
  return { ...statementsBy(run), close: () => pool.end() };
}
