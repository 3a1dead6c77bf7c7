import type { Pool } from 'pg';
import { readDatabaseGauges } from './database-gauges';
import { eventTypes, isEventType } from '../shared/events/contracts';
import { counter, readGauge, SHORT_REST, type Reading } from '../shared/service/metrics';
import { PostgresPool } from '../shared/service/postgres-client';
import { sessionConfig } from '../shared/service/session-settings';

const events = counter(
  'ordermesh_events_published_total',
  'Events given to RabbitMQ, by what became of that: published, republished (after it had been refused or returned), returned (no queue took it), refused',
  ['type', 'outcome'],
);

export type PublishedOutcome = 'published' | 'republished' | 'returned' | 'refused';

// A counter that begins with its first count has no increase for it: what must not go unnoticed begins with 0.
for (const type of eventTypes)
  for (const outcome of ['returned', 'refused']) events.inc({ type, outcome }, 0);

let published = 0;

export function countPublished(type: string, outcome: PublishedOutcome): void {
  if (outcome === 'published' || outcome === 'republished') published += 1;
  events.inc({ type: isEventType(type) ? type : 'unknown', outcome });
}

/** By this process, since it began. */
export const publishedSoFar = (): number => published;

/**
 * Two connections beside that of the ownership, for what the relay reads of the whole mesh and says of itself: one for
 * what is quick, while the other counts. They are closed when nobody asks for a while.
 */
export function openSidePool(databaseUrl: string): Pool {
  const session = { kind: 'service', applicationName: 'outbox-publisher metrics' } as const;
  const pool = new PostgresPool({
    ...sessionConfig(databaseUrl, session),
    max: 2,
    idleTimeoutMillis: 60_000,
    query_timeout: 10_000,
  });
  pool.on('error', () => undefined);
  return pool;
}

/**
 * What only the database knows of the whole mesh. Every relay tells it, the owner of the outbox and those that stand by:
 * take the highest, not the sum.
 */
export function readOutboxGauges(pool: Pool): void {
  const read = (sql: string) => async (): Promise<Reading> => {
    const { rows } = await pool.query<Record<string, string | number>>(sql);
    return rows.map(({ value, ...labels }) => ({
      labels: labels as Record<string, string>,
      value: Number(value),
    }));
  };
  readGauge(
    'ordermesh_outbox_waiting',
    'Events that are committed and not published yet',
    [],
    read('SELECT count(*) AS value FROM outbox_events'),
  );
  readGauge(
    'ordermesh_outbox_oldest_seconds',
    'The age of the oldest of them; 0 where there is none',
    [],
    read(`SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0) AS value
          FROM (SELECT created_at FROM outbox_events ORDER BY seq LIMIT 1) AS oldest`),
    { rest: SHORT_REST },
  );
  readGauge(
    'ordermesh_database_lock_waiting',
    'Sessions of this database that wait for a lock which somebody else holds',
    [],
    // What a session of another role waits for is told to nobody; that it waits, pg_locks tells everybody.
    read(`SELECT count(DISTINCT l.pid) AS value FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE NOT l.granted AND a.datname = current_database()`),
  );
  readDatabaseGauges(read);
}
