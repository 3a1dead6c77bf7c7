import { PLANS_BY_INDEX } from './plans-by-index';
import type { SessionConfig } from './postgres-client';
import { parsePostgresUrl, type WantedServer } from './postgres-url';

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

/**
 * A service waits so long for the answer to a statement, in milliseconds: the server would have ended it before, so nobody
 * answers any more.
 */
export const ANSWER_MS = 40 * SECOND;

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
  /** More settings, by name. */
  settings?: Record<string, string | number>;
  /** Whether a pooler will do. Default: for a service. */
  direct?: boolean;
  /** Which server, where the URL names several and does not say. Default: the one that can be written to. */
  wants?: WantedServer | undefined;
}

/**
 * How to open a session with PostgreSQL, for `PostgresClient` and `PostgresPool`: the one place where the settings of all
 * sessions come from. Every session is in UTC, whatever the server, the database, the role or the URL says: Prisma's
 * adapter sends and reads times without an offset. Every session is READ COMMITTED, for the statements count on seeing what
 * was committed while they waited for a lock. A later setting wins: the URL's own may change the time limits, but not that.
 *
 * The settings are start-up parameters, so they hold from the first statement on and cost no round trip. Behind a pooler
 * they are each transaction's: see `PostgresClient`.
 * @throws {Error} as `parsePostgresUrl`
 */
export function sessionConfig(url: string, session: SessionOptions): SessionConfig {
  const target = parsePostgresUrl(url);
  const { host, port, user, password, database, ssl, enableChannelBinding } = target;
  const given = {
    ...TIMEOUTS[session.kind],
    ...session.timeouts,
    ...(session.kind === 'service' ? PLANS_BY_INDEX : {}),
    ...session.settings,
    ...settingsOf(target.options ?? ''),
    ...(target.schema ? { search_path: `"${target.schema}"` } : {}),
    timezone: 'UTC',
    datestyle: 'ISO',
    default_transaction_isolation: 'read committed',
  };
  const settings = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
  const { hosts = host ? [{ host, port: port ?? 5432 }] : [], wants } = target;
  const chosen =
    hosts.length > 1 || wants ? { hosts, wants: wants ?? session.wants ?? 'read-write' } : undefined;
  return {
    ...defined({ host, port, user, password, database, ssl, enableChannelBinding }),
    application_name: target.applicationName ?? session.applicationName,
    connectionTimeoutMillis: target.connectTimeoutMs ?? session.connectTimeoutMs ?? 10 * SECOND,
    keepAlive: true,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`)
      .join(' '),
    rules: {
      ...defined({ servers: chosen }),
      settings,
      direct: session.direct ?? session.kind !== 'service',
      pooled: target.pooled === true,
    },
  };
}

/**
 * A URL's own `options`, as PostgreSQL's command line takes them: `-c name=value` or `--name=value`; a backslash is before
 * what belongs to a value.
 * @throws {Error} where they are something else
 */
export function settingsOf(options: string): Record<string, string> {
  const words = options.match(/(?:\\.|[^\s\\])+/gs) ?? [];
  const settings: Record<string, string> = {};
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const text = word === '-c' ? words.shift() : word.replace(/^-c|^--/, '');
    const [, name, value] = /^([\w.-]+)=(.*)$/s.exec((text ?? '').replace(/\\(.)/gs, '$1')) ?? [];
    if (name === undefined || value === undefined || !word.startsWith('-'))
      throw new Error('has options that are not settings: say -c name=value');
    settings[name.replaceAll('-', '_').toLowerCase()] = value;
  }
  return settings;
}

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
