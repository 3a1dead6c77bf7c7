import type { Client } from 'pg';
import type { Prisma } from '../../shared/service/database';
import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';

/** What is read between two renewals is one moment of the database. */
export interface Snapshot {
  client: Client;
  query<Row>(sql: Prisma.Sql): Promise<Row[]>;
  /**
   * Takes a new snapshot if this one is old (five seconds, unless said otherwise). An old one keeps vacuum from the outbox, which would slow the
   * relay, and a lock on every partition read, which would keep retention from dropping any.
   */
  renew(olderThanMs?: number): Promise<void>;
  end(): Promise<void>;
}

const RENEW_AFTER_MS = 5_000;

/**
 * Connects for reading only, and so that a production system hardly notices: one connection, one core, no
 * statement longer than `statementTimeoutMs`, and nothing left behind should this process vanish.
 */
export async function openSnapshot(databaseUrl: string, statementTimeoutMs: number): Promise<Snapshot> {
  const client = new PostgresClient({
    ...sessionConfig(databaseUrl, {
      kind: 'command',
      applicationName: 'ordermesh-audit',
      connectTimeoutMs: 5_000,
      timeouts: {
        statement_timeout: statementTimeoutMs,
        lock_timeout: 5_000,
        idle_in_transaction_session_timeout: 30_000,
      },
      settings: { max_parallel_workers_per_gather: 0, jit: 'off', work_mem: '32MB' },
    }),
    // A server that vanished without a word would otherwise keep a query waiting for ever.
    query_timeout: statementTimeoutMs + 10_000,
  });
  client.on('error', () => undefined); // the query in progress rejects with it
  let takenAt = 0;
  const take = async () => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    takenAt = Date.now();
  };
  await client.connect();
  await take();
  return {
    client,
    query: async <Row>(sql: Prisma.Sql) =>
      (await client.query({ text: sql.text, values: sql.values as unknown[] })).rows as Row[],
    renew: async (olderThanMs = RENEW_AFTER_MS) => {
      if (Date.now() - takenAt < olderThanMs) return;
      await client.query('COMMIT');
      await take();
    },
    end: () => client.end(),
  };
}
