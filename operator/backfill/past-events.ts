import type { Client } from 'pg';
import type { StoredEvent } from '../../shared/messaging/event-message';

/** Which part of the log. */
export interface Span {
  service: string;
  types: readonly string[];
  /** Published at this time or later … */
  from: string;
  /** … and before this one. */
  to: string;
  /** With what the service has handled already. */
  again: boolean;
}

/** Where in the log, exactly: several events may have one time. */
export interface Position {
  at: string;
  /** The outbox's number; 0 for events from before it was kept. */
  seq: string;
  eventId: string;
}

export interface PastEvent extends StoredEvent {
  published_at: string;
  seq: string;
  /** The service has handled it, and it is to be left out; its body is not read then. */
  skip: boolean;
}

export const startOf = (span: Span): Position => ({
  at: span.from,
  seq: '0',
  eventId: '00000000-0000-0000-0000-000000000000',
});

const ISO = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS published_at`;

/**
 * The events after a position, in the order of their publication, whatever their type. Those of one moment were
 * marked in one statement, and are in the order in which they were written: their ids, made by the clocks of
 * several machines, say nothing of it. Each type's share is read from its own index range, so that a page costs the
 * same wherever in a long log it is.
 */
export async function readPage(
  client: Client,
  { service, types, to, again }: Span,
  after: Position,
  limit: number,
): Promise<PastEvent[]> {
  const { rows } = await client.query<PastEvent>({
    name: 'backfill-page',
    text: `WITH page AS MATERIALIZED (
             SELECT e.* FROM unnest($2::text[]) AS wanted (type) CROSS JOIN LATERAL (
               SELECT event_id, published_at, coalesce(seq, 0) AS seq FROM event_log
               WHERE type = wanted.type AND published_at >= $3::timestamptz AND published_at < $5::timestamptz
                 AND (published_at, coalesce(seq, 0), event_id) > ($3::timestamptz, $8::bigint, $4::uuid)
               ORDER BY published_at, coalesce(seq, 0), event_id LIMIT $6) e
             ORDER BY published_at, seq, event_id LIMIT $6),
           judged AS (
             SELECT page.*, NOT $7 AND EXISTS (SELECT FROM processed_events p
               WHERE p.consumer = $1 AND p.event_id = page.event_id) AS skip FROM page)
           SELECT l.event_id, l.type, l.correlation_id, l.created_at, j.seq, j.skip, ${ISO('l.published_at')},
             CASE WHEN NOT j.skip THEN l.body->>'source' END AS source,
             CASE WHEN NOT j.skip THEN l.body::text END AS body
           FROM judged j JOIN event_log l ON l.event_id = j.event_id
           ORDER BY j.published_at, j.seq, j.event_id`,
    values: [service, types, after.at, after.eventId, to, limit, again, after.seq],
  });
  return rows;
}

/** The database's clock: the end of the past, unless told otherwise. */
export async function now(client: Client): Promise<string> {
  const { rows } = await client.query<{ published_at: string }>(`SELECT ${ISO('now()')}`);
  return rows[0]?.published_at ?? '';
}

const COUNT_TIMEOUT_MS = 5_000;

/** How many there are, handled or not; undefined where counting them takes too long. */
export async function countAll(client: Client, span: Span): Promise<number | undefined> {
  await client.query(`SET statement_timeout = ${COUNT_TIMEOUT_MS}`);
  try {
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) FROM event_log
       WHERE type = ANY($1::text[]) AND published_at >= $2::timestamptz AND published_at < $3::timestamptz`,
      [span.types, span.from, span.to],
    );
    return Number(rows[0]?.count);
  } catch (error) {
    if ((error as { code?: string }).code === '57014') return undefined; // cancelled: the time is up
    throw error;
  } finally {
    await client.query('RESET statement_timeout').catch(() => undefined); // the lost connection is reported
  }
}

/** Of each type how many there are, and how many of them the service has handled. */
export async function countByType(
  client: Client,
  span: Span,
): Promise<{ type: string; count: number; handled: number }[]> {
  const { rows } = await client.query<{ type: string; count: string; handled: string }>(
    `SELECT e.type, count(*), count(p.event_id) AS handled FROM event_log e
     LEFT JOIN processed_events p ON p.consumer = $4 AND p.event_id = e.event_id
     WHERE e.type = ANY($1::text[]) AND e.published_at >= $2::timestamptz AND e.published_at < $3::timestamptz
     GROUP BY e.type ORDER BY e.type`,
    [span.types, span.from, span.to, span.service],
  );
  return rows.map(({ type, count, handled }) => ({ type, count: Number(count), handled: Number(handled) }));
}
