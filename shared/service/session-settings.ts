import type { ClientConfig } from 'pg';
import { PLANS_BY_INDEX } from './plans-by-index';
import { parsePostgresUrl } from './postgres-url';

/**
 * What a session with PostgreSQL is for:
 * - `service`: serves requests and events; all its work is short.
 * - `upkeep`: makes and drops partitions and deletes old rows, in batches.
 * - `command`: a person's command; single statements may take minutes.
 * - `migration`: changes the schema, and takes as long as that takes.
 */
export type SessionKind = 'service' | 'upkeep' | 'command' | 'migration';

const SECOND = 1_000;
/** Server-side, in milliseconds (0 is none): they also end what a stopped or vanished client holds. */
const TIMEOUTS: Record<SessionKind, Timeouts> = {
  service: timeouts(5 * SECOND, 30 * SECOND, 15 * SECOND),
  upkeep: timeouts(5 * SECOND, 300 * SECOND, 60 * SECOND),
  command: timeouts(30 * SECOND, 600 * SECOND, 60 * SECOND),
  migration: timeouts(120 * SECOND, 0, 0),
};

interface Timeouts {
  lock_timeout: number;
  statement_timeout: number;
  idle_in_transaction_session_timeout: number;
}

function timeouts(lock: number, statement: number, idleInTransaction: number): Timeouts {
  return {
    lock_timeout: lock,
    statement_timeout: statement,
    idle_in_transaction_session_timeout: idleInTransaction,
  };
}

export interface SessionOptions {
  kind: SessionKind;
  /** Shown in pg_stat_activity, unless the URL has a name of its own. */
  applicationName: string;
  connectTimeoutMs?: number;
  /** Others than the kind's. */
  timeouts?: Partial<Timeouts>;
  /** More start-up settings, as `-c name=value`. */
  options?: string;
}

/**
 * How to open a session with PostgreSQL, for `pg`'s Client and Pool: the one place where the settings of all sessions
 * come from. Every session is in UTC, whatever the server, the database, the role or the URL says: Prisma's adapter
 * sends and reads times without an offset. A later setting wins: the URL's own may change the time limits, but not that.
 *
 * The settings are start-up parameters, so they hold from the first statement on and cost no round trip. PgBouncer
 * refuses `options` unless told to ignore it, and then it has no effect: a pooler needs them set otherwise.
 * @throws {Error} as `parsePostgresUrl`
 */
export function sessionConfig(url: string, session: SessionOptions): ClientConfig {
  const target = parsePostgresUrl(url);
  const { host, port, user, password, database, ssl, enableChannelBinding } = target;
  const limits = Object.entries({ ...TIMEOUTS[session.kind], ...session.timeouts });
  const options = [
    ...limits.map(([name, ms]) => `-c ${name}=${ms}`),
    session.kind === 'service' && PLANS_BY_INDEX,
    session.options,
    target.options,
    target.schema && `-c search_path="${target.schema}"`,
    '-c timezone=UTC -c datestyle=ISO',
  ];
  return {
    ...defined({ host, port, user, password, database, ssl, enableChannelBinding }),
    application_name: target.applicationName ?? session.applicationName,
    connectionTimeoutMillis: target.connectTimeoutMs ?? session.connectTimeoutMs ?? 10 * SECOND,
    keepAlive: true,
    options: options.filter(Boolean).join(' '),
  };
}

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
