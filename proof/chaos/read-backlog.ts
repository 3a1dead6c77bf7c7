import { query } from './query';

export interface Backlog {
  /** Events that wait in the outbox, and published ones that a subscriber has not handled yet. */
  waiting: number;
  /** Of them, those that wait for longer than a moment. */
  late: number;
  /** Payments for which the gateway is still to be asked. */
  unpaid: number;
  /** Since when the oldest of those that are published waits; undefined where none does. */
  oldestAt: number | undefined;
  /** By service: what is before it, and what it has done. */
  lines: Record<string, Line>;
}

/** What waits for one service: the rows of the outbox for the relay, published events for a consumer. */
export interface Line {
  /** Those that it could work on at once: not what it has put off until later. */
  waiting: number;
  /** The oldest of these, by the database's clock; null where none waits. */
  oldestAt: number | null;
  /** When it last published, handled or set aside one, by the database's clock; null where that is long ago. */
  settledAt: number | null;
}

export const RELAY = 'outbox-publisher';
const LATE = '1500 milliseconds';
/** What should have come back from a retry queue is looked for by its consumer after a minute, and not before. */
const RETRY_GRACE = '60 seconds';

interface Row {
  service: string;
  open: number;
  late: number;
  waiting: number;
  open_since: number | null;
  oldest: number | null;
  settled: number | null;
}

/**
 * At one moment: events that are not through yet, of those published since, and payments. A dead letter is through: it
 * is looked at elsewhere.
 */
export async function readBacklog(databaseUrl: string, since: Date): Promise<Backlog> {
  const text = `
    WITH failed AS (
      SELECT consumer, event_id, bool_or(outcome = 'DEAD_LETTERED') AS dead, max(retry_at) AS retry_at, max(failed_at) AS failed_at
      FROM delivery_failures WHERE event_id IS NOT NULL GROUP BY 1, 2
    ), pairs AS (
      SELECT s.consumer, e.published_at, greatest(p.processed_at, f.failed_at) AS settled_at,
        p.event_id IS NULL AND f.dead IS NOT TRUE AS open, f.retry_at
      FROM event_log e JOIN subscriptions s ON s.event_type = e.type AND s.until IS NULL
      LEFT JOIN processed_events p ON p.consumer = s.consumer AND p.event_id = e.event_id
      LEFT JOIN failed f ON f.consumer = s.consumer AND f.event_id = e.event_id
      WHERE e.published_at >= $1
    ), consumers AS (
      SELECT consumer AS service, count(*) FILTER (WHERE open) AS open,
        count(*) FILTER (WHERE open AND published_at < now() - $2::interval) AS late,
        count(*) FILTER (WHERE ready) AS waiting, min(published_at) FILTER (WHERE open) AS open_since,
        min(published_at) FILTER (WHERE ready) AS oldest, max(settled_at) AS settled
      FROM pairs, LATERAL (SELECT open AND coalesce(retry_at < now() - $3::interval, true) AS ready) AS r
      GROUP BY consumer
    ), relay AS (
      SELECT '${RELAY}' AS service, count(*) AS open,
        count(*) FILTER (WHERE created_at < now() - $2::interval) AS late,
        count(*) FILTER (WHERE ready) AS waiting, NULL::timestamptz AS open_since,
        min(created_at) FILTER (WHERE ready) AS oldest, (SELECT max(published_at) FROM event_log WHERE published_at >= $1) AS settled
      FROM outbox_events, LATERAL (SELECT coalesce(next_attempt_at <= now(), true) AS ready) AS r
    )
    SELECT service, open::int, late::int, waiting::int, ${ms('open_since')}, ${ms('oldest')}, ${ms('settled')}
    FROM (SELECT * FROM consumers UNION ALL SELECT * FROM relay) AS lines`;
  const rows = await query<Row>(databaseUrl, text, [since, LATE, RETRY_GRACE]);
  const [payments] = await query<{ unpaid: number }>(
    databaseUrl,
    'SELECT count(*)::int AS unpaid FROM payments WHERE next_attempt_at IS NOT NULL',
  );
  const oldest = rows.flatMap(({ open_since: at }) => at ?? []);
  return {
    waiting: sum(rows, 'open'),
    late: sum(rows, 'late'),
    unpaid: payments?.unpaid ?? 0,
    oldestAt: oldest.length > 0 ? Math.min(...oldest) : undefined,
    lines: Object.fromEntries(
      rows.map(({ service, waiting, oldest: oldestAt, settled: settledAt }) => [
        service,
        { waiting, oldestAt, settledAt },
      ]),
    ),
  };
}

/** As milliseconds since the epoch, with the fractions that tell two moments apart. */
const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8 AS ${column}`;

const sum = (rows: readonly Row[], of: 'open' | 'late') => rows.reduce((total, row) => total + row[of], 0);
