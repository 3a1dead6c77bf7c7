import type { Client } from 'pg';
import type { StoredEvent } from '../shared/messaging/event-message';

/** A committed event that is to be published. */
export interface OutboxRow extends StoredEvent {
  /** bigint, as text */
  seq: string;
  attempts: number;
}

export interface Refusal {
  seq: string;
  error: string;
  retryInMs: number;
}

const COLUMNS = `seq, event_id, type, correlation_id, created_at, body::text AS body, attempts`;

/**
 * The next rows in the order in which they were written, without those in flight. By their state and
 * not by a cursor: a row that commits late is found all the same.
 */
export async function readyRows(
  client: Client,
  limit: number,
  inFlight: readonly string[],
): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: 'ready-rows',
    text: `SELECT ${COLUMNS} FROM outbox_events
           WHERE next_attempt_at IS NULL AND seq <> ALL($2::bigint[]) ORDER BY seq LIMIT $1`,
    values: [limit, inFlight],
  });
  return rows;
}

/** Rows that were refused before and whose time has come, longest waiting first. */
export async function dueRows(
  client: Client,
  limit: number,
  inFlight: readonly string[],
): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: 'due-rows',
    text: `SELECT ${COLUMNS} FROM outbox_events
           WHERE next_attempt_at <= now() AND seq <> ALL($2::bigint[]) ORDER BY next_attempt_at, seq LIMIT $1`,
    values: [limit, inFlight],
  });
  return rows;
}

/** Marks rows published: moves them from the outbox to the log, in one statement. */
export async function markPublished(client: Client, seqs: readonly string[]): Promise<void> {
  if (seqs.length === 0) return;
  await client.query({
    name: 'mark-published',
    // An id that is in the log already was written twice; one history of it is enough.
    text: `WITH published AS (
             DELETE FROM outbox_events WHERE seq = ANY($1::bigint[])
             RETURNING event_id, type, subject, correlation_id, causation_id, body, created_at)
           INSERT INTO event_log (event_id, type, subject, correlation_id, causation_id, body, created_at)
           SELECT event_id, type, subject, correlation_id, causation_id, body, created_at FROM published
           ON CONFLICT DO NOTHING`,
    values: [seqs],
  });
}

/** Puts rows that the broker would not take out of the way until their next attempt. */
export async function postpone(client: Client, refusals: readonly Refusal[]): Promise<void> {
  if (refusals.length === 0) return;
  await client.query(
    `UPDATE outbox_events o
     SET attempts = o.attempts + 1, last_error = r.error, next_attempt_at = now() + r."retryInMs" * interval '1 millisecond'
     FROM json_to_recordset($1::json) AS r (seq bigint, error text, "retryInMs" int) WHERE o.seq = r.seq`,
    [JSON.stringify(refusals)],
  );
}

/** Which of the types some service subscribes to. */
export async function subscribedAmong(client: Client, types: readonly string[]): Promise<Set<string>> {
  const { rows } = await client.query<{ event_type: string }>(
    'SELECT DISTINCT event_type FROM subscriptions WHERE until IS NULL AND event_type = ANY($1::text[])',
    [types],
  );
  return new Set(rows.map((row) => row.event_type));
}
