import type { ClientBase } from 'pg';
import { PostgresPool } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';

/** How far a replica is. */
export interface ReplicaPosition {
  /** Whether it follows a primary at all: what was promoted goes its own way. */
  follows: boolean;
  /** Up to where it has replayed the primary's log, in bytes from its beginning. */
  replayed: bigint;
  /** Of the primary that it was copied from; each cluster has another. */
  cluster: string;
  /** The server: another after each start. */
  server: string;
}

export interface PositionReader {
  read(): Promise<ReplicaPosition>;
  stop(): Promise<void>;
}

/**
 * Asks a replica how far it is, over a connection that nothing else waits for.
 * @param answerMs how long an answer is waited for
 */
export function readPositions(url: string, answerMs: number): PositionReader {
  const pool = new PostgresPool({
    ...sessionConfig(url, {
      kind: 'service',
      applicationName: 'order-api replica',
      connectTimeoutMs: answerMs,
    }),
    max: 1,
    query_timeout: answerMs,
  });
  pool.on('error', () => undefined); // the next question says so
  return {
    read: async () => {
      const { rows } = await pool.query<Omit<ReplicaPosition, 'replayed'> & { replayed: string | null }>(
        `SELECT pg_is_in_recovery() AS follows, ${CLUSTER} AS cluster, ${SERVER} AS server,
           pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::text AS replayed`,
      );
      const [row] = rows as [(typeof rows)[number]];
      return { ...row, replayed: BigInt(row.replayed ?? 0) };
    },
    stop: () => pool.end(),
  };
}

/** Tells one database cluster from another; a replica has its primary's. */
export const CLUSTER = '(SELECT system_identifier FROM pg_control_system())::text';

/** Tells one start of one server from others, also where a name leads to several servers. */
const SERVER = 'pg_postmaster_start_time()::text';

/** @throws where a connection is to another server, or to the same after it was started again */
export async function assertIsServer(client: ClientBase, server: string): Promise<void> {
  const { rows } = await client.query<{ server: string }>(`SELECT ${SERVER} AS server`);
  if (rows[0]?.server === server) return;
  // As one that is away: the next connection may lead to the right one.
  throw Object.assign(new Error('the name of the replica led to another server'), { code: 'ECONNREFUSED' });
}
