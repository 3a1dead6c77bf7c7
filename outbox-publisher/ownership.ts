/**
 * Ownership of the outbox: which relay publishes.
 *
 * Any number of relays run, and one of them owns the outbox. With one writer, one order's events are published in
 * the order in which they were written. Ownership is a session advisory lock in PostgreSQL, and all that the owner
 * reads and marks goes over the connection that holds it.
 *
 *            start
 *              │ connects to PostgreSQL
 *              ▼
 *   ┌───────────────────────┐  the lock is free, and RabbitMQ   ┌──────────────────────────┐
 *   │      Standing by      │  is connected and not at fault    │          Owner           │
 *   │ tries the lock, looks ├──────────────────────────────────▶│ reads, publishes, marks; │
 *   │ at the owner and ends │                                   │ each statement proves    │
 *   │ it where it is silent │◀──────────────────────────────────┤ the ownership again      │
 *   └──────────▲────────────┘  RabbitMQ is lost or at fault:    └────────────┬─────────────┘
 *              │               it unlocks                                    │ the connection ended, a statement
 *              │                                                             │ had no answer in time, or the
 *              │ connects again, with backoff                                │ trust window is over
 *              └─────────────────────────────────────────────────────────────┘
 *
 * Who decides what
 * - PostgreSQL decides who owns: the lock belongs to one session, and goes with it. A relay without the session can
 *   mark nothing, so nothing that it does wrong is ever recorded as published.
 * - PostgreSQL's clock decides whether an owner is silent: when its session last began or ended a statement. No relay
 *   reports that of itself, and no clock is compared with another machine's.
 * - The owner's own monotonic clock decides only how long it trusts what it has read.
 *
 * Proof. An owner runs a statement every second when idle, more often when not, at least every two seconds whatever
 * RabbitMQ keeps it waiting for, and none for longer than STATEMENT_MS. A session that does neither for SILENT_MS is
 * ended, in either of two ways: by PostgreSQL itself (`idle_session_timeout`, from version 14 on), and by a standby,
 * which looks every second. The standby is needed for what that timeout does not see: a backend that is blocked in the
 * middle of sending rows to a process that reads no more, or an older server. So a standby owns the outbox about ten seconds after an owner has stopped.
 *
 * Trust window. Rows are published only if the statement that read them was *begun* less than TRUST_MS ago. It is
 * anchored at the beginning, so that a slow answer cannot stretch it, and it ends before the session may be ended.
 * What was written to RabbitMQ's socket before a stop may leave after it. That is a repeat: its row was unmarked, so
 * the next owner publishes it too, and consumers ignore what they have handled. Each relay publishes in order, so the
 * first publication of each event is in order, whatever an old owner repeats.
 *
 * What happens when
 * - the owner is killed: its connection ends, PostgreSQL frees the lock, a standby has it within STANDBY_POLL_MS.
 * - the owner hangs (stopped, swapping, a blocked event loop): its session is ended as above. When it wakes, its
 *   next read fails or is too old to trust, it publishes nothing more, and stands by.
 * - the network swallows packets: the owner has no answer within ANSWER_MS and closes; PostgreSQL ends the session
 *   as it does for a hung owner.
 * - the owner's machine vanishes: TCP keepalives end the session within about five seconds.
 * - a standby hangs: nothing. Its session is ended and it connects again when it wakes.
 * - PostgreSQL restarts: every session is gone, and who connects first owns. What was confirmed and not yet marked is
 *   remembered in the process and is marked, not published, when the same relay owns again.
 * - RabbitMQ is lost, or refuses all publishing: the owner unlocks, as another relay may fare better.
 * - a mark fails (a full disk, a locked table): the owner stays owner, publishes nothing and tries the mark again.
 *   Another owner would only publish the same rows once more.
 * - a pooler is in between: it is refused. It would leave the lock with a connection that others share.
 */
import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import { HOLDS_RELAY_LOCK, RELAY_LOCK } from '../shared/outbox/relay-lock';
import { OUTBOX_CHANNEL } from '../shared/outbox/wake-relay';
import { PostgresClient } from '../shared/service/postgres-client';
import { sessionConfig } from '../shared/service/session-settings';
import { within } from '../shared/service/within';

/** The longest wait for a lock, and for a statement; PostgreSQL keeps to these. */
const LOCK_WAIT_MS = 2_000;
const STATEMENT_MS = 4_000;
/** A statement without an answer for so long means that the connection is lost. */
const ANSWER_MS = 5_000;
/** How long what was read may be published, from the beginning of its statement. */
const TRUST_MS = 6_000;
/** A session that has begun and ended no statement for so long is ended, and its lock is free. */
const SILENT_MS = 8_000;
const CLOSE_MS = 1_000;

export const STANDBY_POLL_MS = 250;

const LIMITS = {
  lock_timeout: LOCK_WAIT_MS,
  statement_timeout: STATEMENT_MS,
  idle_in_transaction_session_timeout: SILENT_MS,
};
const SETTINGS = {
  // Should this machine vanish, the server frees the lock within seconds.
  tcp_keepalives_idle: 2,
  tcp_keepalives_interval: 1,
  tcp_keepalives_count: 3,
  tcp_user_timeout: 5_000,
  // A mark that is lost in a crash of the server is an event published twice, and none is lost.
  synchronous_commit: 'off',
  // To plan one of its statements takes as long as to run it.
  plan_cache_mode: 'force_generic_plan',
};

/** A connection that may own the outbox, and is told of what is written to it. `onLost` may be called more than once. */
export async function connectOwner(databaseUrl: string, onLost: (error: Error) => void): Promise<Client> {
  const session = sessionConfig(databaseUrl, {
    kind: 'service',
    applicationName: 'outbox-publisher',
    connectTimeoutMs: ANSWER_MS,
    timeouts: LIMITS,
    settings: SETTINGS,
    direct: true,
  });
  const client = new PostgresClient({ ...session, query_timeout: ANSWER_MS });
  client.on('error', onLost);
  client.on('end', () => onLost(new Error('the database connection ended')));
  await client.connect();
  // Not among the options: a server older than 14 does not know it and would refuse the connection.
  await client.query(
    `SELECT set_config(name, $1, false) FROM pg_settings WHERE name = 'idle_session_timeout'`,
    [String(SILENT_MS)],
  );
  await client.query(`LISTEN ${OUTBOX_CHANNEL}`);
  return client;
}

/** Ends a connection, also one whose peer does not answer any more. Never throws. */
export async function disconnect(client: Client): Promise<void> {
  await within(CLOSE_MS, client.end()).catch(() => undefined);
  (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream?.destroy();
}

export async function tryToOwn(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ owned: boolean }>(
    'SELECT pg_try_advisory_lock($1, $2) AS owned',
    RELAY_LOCK,
  );
  return rows[0]?.owned === true;
}

/** Has PostgreSQL see that the owner is there, and the owner that its session is. @throws where that is lost */
export async function proveOwnership(client: Client): Promise<void> {
  await client.query({ name: 'prove-ownership', text: 'SELECT' });
}

export async function giveUp(client: Client): Promise<void> {
  await client.query('SELECT pg_advisory_unlock($1, $2)', RELAY_LOCK);
}

/** @throws where rows were read too long ago to be published: by now another relay may own the outbox */
export function assertTrusted(readAt: number): void {
  const ageMs = Math.round(performance.now() - readAt);
  if (ageMs > TRUST_MS) throw new Error(`the ownership was last proven ${ageMs} ms ago`);
}

/** What a standby sees of the owner. */
export interface OwnerSeen {
  pid: number;
  application: string;
  /** Since its session last began or ended a statement; null where this role may not see it. */
  silentMs: number | null;
  /** It was silent for too long, and PostgreSQL was told to end its session. */
  ended: boolean;
}

/**
 * Looks at the session that holds the lock, and ends it where it has been silent for too long.
 * @returns undefined where no session holds it
 * @throws where this role may not end the session
 */
export async function lookAtOwner(client: Client): Promise<OwnerSeen | undefined> {
  const { rows } = await client.query<OwnerSeen>({
    name: 'look-at-owner',
    // The lock is read again where it matters: a process id could be another session's by then.
    text: `WITH owner AS MATERIALIZED (
             SELECT l.pid, coalesce(a.application_name, '') AS application,
               (extract(epoch FROM clock_timestamp() - a.state_change) * 1000)::float8 AS "silentMs"
             FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
             WHERE ${HOLDS_RELAY_LOCK})
           SELECT pid, application, "silentMs",
             CASE WHEN "silentMs" > $1 THEN pg_terminate_backend(pid) ELSE false END AS ended
           FROM owner`,
    values: [SILENT_MS],
  });
  return rows[0];
}
