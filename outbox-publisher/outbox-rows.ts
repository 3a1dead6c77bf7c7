import type { Client } from 'pg';
import type { StoredEvent } from '../shared/messaging/event-message';
import { redactText } from '../shared/service/redact';
import type { Span } from '../shared/tracing/span';

/** A committed event that is to be published. */
export interface OutboxRow extends Omit<StoredEvent, 'body'> {
  /** Null where it is larger than {@link LARGEST_BODY}. */
  body: string | null;
  /** bigint, as text */
  seq: string;
  subject: string;
  attempts: number;
  last_error: string | null;
  /** Read later after its transaction began than is usual where the relay keeps up. Of ready rows alone. */
  late?: boolean;
  /** Of its last publication, where that is recorded. */
  span?: Span | undefined;
}

export interface Refusal {
  row: OutboxRow;
  error: string;
  retryInMs: number;
}

/** How the error of a row begins that made the broker close the channel. It is always published alone. */
export const CLOSED_BY = 'it ends the channel: ';

/** 1 s, doubling up to a minute. */
export const retryInMs = (attempts: number): number => Math.min(60_000, 1_000 * 2 ** Math.min(attempts, 10));

/** In bytes: what RabbitMQ takes by default, from 4.0 on. A larger one is not read at all. */
export const LARGEST_BODY = 16 * 1024 * 1024;

// Stored, a text may take a two-hundredth of its size; what is smaller than that needs no measuring.
const BODY = `CASE WHEN pg_column_size(body) < ${LARGEST_BODY / 256} OR octet_length(body::text) <= ${LARGEST_BODY}
  THEN body::text END AS body`;
const COLUMNS = `seq, event_id, type, subject, correlation_id, created_at, ${BODY}, attempts, last_error`;

// By PostgreSQL's clock alone. A comparison, for what others write may have a time from which nothing can be taken away.
const LATE = `created_at < now() - interval '25 milliseconds' AS late`;

/** What a read leaves out. */
export interface Except {
  /** Rows that are in flight. */
  seqs: readonly string[];
  types?: readonly string[];
}

// Rows in flight are looked up by hash. Of `<> ALL` that would be so in a plan alone that is made anew for each list.
const NOT_IN_FLIGHT = 'seq NOT IN (SELECT unnest($2::bigint[]))';

/**
 * The next rows in the order in which they were written, without those in flight. By their state and
 * not by a cursor: a row that commits late is found all the same.
 */
export async function readyRows(client: Client, limit: number, except: Except): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: 'ready-rows',
    text: `SELECT ${COLUMNS}, ${LATE} FROM outbox_events
           WHERE next_attempt_at IS NULL AND ${NOT_IN_FLIGHT} AND type <> ALL($3::text[])
           ORDER BY seq LIMIT $1`,
    values: [limit, except.seqs, except.types ?? []],
  });
  return rows;
}

/** Rows that were refused before and whose time has come, longest waiting first. */
export async function dueRows(client: Client, limit: number, except: Except): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>({
    name: 'due-rows',
    text: `SELECT ${COLUMNS} FROM outbox_events
           WHERE next_attempt_at <= now() AND ${NOT_IN_FLIGHT} ORDER BY next_attempt_at, seq LIMIT $1`,
    values: [limit, except.seqs],
  });
  return rows;
}

/** Of the rows given those that may be published now, in the order in which they were written. */
export async function rowsOf(client: Client, seqs: readonly string[], limit: number): Promise<OutboxRow[]> {
  const { rows } = await client.query<OutboxRow>(
    `SELECT ${COLUMNS} FROM outbox_events
     WHERE seq = ANY($1::bigint[]) AND (next_attempt_at IS NULL OR next_attempt_at <= now()) ORDER BY seq LIMIT $2`,
    [seqs, limit],
  );
  return rows;
}

/** The event ids of those of the rows that are still in the outbox, by their number. */
export async function stillWaiting(client: Client, seqs: readonly string[]): Promise<Map<string, string>> {
  if (seqs.length === 0) return new Map();
  const { rows } = await client.query<{ seq: string; event_id: string }>(
    'SELECT seq, event_id FROM outbox_events WHERE seq = ANY($1::bigint[])',
    [seqs],
  );
  return new Map(rows.map((row) => [row.seq, row.event_id]));
}

const UNLOCKED = `ARRAY(SELECT seq FROM outbox_events WHERE seq = ANY($1::bigint[]) FOR UPDATE SKIP LOCKED)`;
const MOVED = 'event_id, type, subject, correlation_id, causation_id, body, created_at';
// An id that is in the log already was written twice; one history of it is enough. The log's times are the order of
// publication: where the server's clock was set back a little, they stand still until it is there again.
const moveToLog = (which: string) => `
  WITH moment AS MATERIALIZED (
         SELECT CASE WHEN $2::timestamptz BETWEEN now() AND now() + interval '5 seconds' THEN $2 ELSE now() END AS at),
       published AS (DELETE FROM outbox_events WHERE seq = ANY(${which}) RETURNING seq, ${MOVED}),
       logged AS (
         INSERT INTO event_log (${MOVED}, seq, published_at)
         SELECT ${MOVED}, seq, at FROM published, moment ON CONFLICT DO NOTHING)
  SELECT at::text FROM moment`;

/**
 * Marks rows published: moves them from the outbox to the log, in one statement.
 * @param after the time of the mark before this one, in PostgreSQL's words
 * @returns the time of this one
 */
export async function markPublished(
  client: Client,
  seqs: readonly string[],
  after?: string,
): Promise<string | undefined> {
  const { rows } = await client.query<{ at: string }>({
    name: 'mark-published',
    text: moveToLog('$1::bigint[]'),
    values: [seqs, after],
  });
  return rows[0]?.at;
}

/** As {@link markPublished}, but leaves rows that somebody has locked. @returns their numbers as well */
export async function markUnlocked(
  client: Client,
  seqs: readonly string[],
  after?: string,
): Promise<{ at: string | undefined; locked: string[] }> {
  const { rows } = await client.query<{ at: string }>(moveToLog(UNLOCKED), [seqs, after]);
  return { at: rows[0]?.at, locked: [...(await stillWaiting(client, seqs)).keys()] };
}

/**
 * Puts rows that the broker would not take out of the way until their next attempt.
 * @returns the numbers of those that could not be, as somebody has locked them
 */
export async function postpone(client: Client, refusals: readonly Refusal[]): Promise<string[]> {
  const given = refusals.map(({ row, error, retryInMs }) => ({
    seq: row.seq,
    error: redactText(error),
    retry_in_ms: retryInMs,
  }));
  const seqs = given.map(({ seq }) => seq);
  const { rows } = await client.query<{ seq: string }>(
    `UPDATE outbox_events o
     SET attempts = o.attempts + 1, last_error = r.error, next_attempt_at = now() + r.retry_in_ms * interval '1 millisecond'
     FROM json_to_recordset($1::json) AS r (seq bigint, error text, retry_in_ms int)
     WHERE o.seq = r.seq AND o.seq = ANY(${UNLOCKED.replace('$1', '$2')}) RETURNING o.seq`,
    [JSON.stringify(given), seqs],
  );
  const done = new Set(rows.map(({ seq }) => seq));
  return [
    ...(
      await stillWaiting(
        client,
        seqs.filter((seq) => !done.has(seq)),
      )
    ).keys(),
  ];
}

/** Which of the types some service subscribes to. */
export async function subscribedAmong(client: Client, types: readonly string[]): Promise<Set<string>> {
  const { rows } = await client.query<{ event_type: string }>(
    'SELECT DISTINCT event_type FROM subscriptions WHERE until IS NULL AND event_type = ANY($1::text[])',
    [types],
  );
  return new Set(rows.map((row) => row.event_type));
}
