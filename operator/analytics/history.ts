import type { Client } from 'pg';
import { partitionDays } from '../../shared/history/partitions';
import { readPage, startOf, type Span } from '../backfill/past-events';

const PAGE_SIZE = 500;

/**
 * The bodies of all events of the types that anybody can have handled before a moment, page by page. First the ids are
 * noted, in one look, of those that wait in the outbox (one that was just delivered may still) and of those that the log
 * has since that moment; all others are in the log already, since an event moves from one to the other in one step, and
 * are read by their position there. One that comes into the log behind that position was in the outbox.
 */
export async function* eventsBefore(
  client: Client,
  types: readonly string[],
  moment: string,
  pageSize = PAGE_SIZE,
): AsyncGenerator<string[]> {
  await client.query('CREATE TEMP TABLE IF NOT EXISTS recent_events (event_id uuid PRIMARY KEY)');
  await client.query('TRUNCATE recent_events');
  await client.query(
    `INSERT INTO recent_events
     SELECT event_id FROM event_log WHERE type = ANY($1::text[]) AND published_at >= $2::timestamptz
     UNION SELECT event_id FROM outbox_events WHERE type = ANY($1::text[])`,
    [types, moment],
  );
  const span: Span = { service: '', types, from: '-infinity', to: moment, again: true };
  for (let position = startOf(span); ;) {
    const page = await readPage(client, span, position, pageSize);
    const last = page.at(-1);
    if (!last) break;
    yield page.map(({ body }) => body);
    position = { at: last.published_at, seq: last.seq, eventId: last.event_id };
  }
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const page = await readRecent(client, after, pageSize);
    const last = page.at(-1);
    if (!last) return;
    yield page.flatMap(({ body }) => (body === null ? [] : [body]));
    after = last.event_id;
  }
}

/** One that was neither found in the log nor in the outbox was dropped with its day. */
async function readRecent(
  client: Client,
  after: string,
  limit: number,
): Promise<{ event_id: string; body: string | null }[]> {
  const { rows } = await client.query<{ event_id: string; body: string | null }>(
    `SELECT r.event_id, coalesce((SELECT l.body::text FROM event_log l WHERE l.event_id = r.event_id),
       (SELECT o.body::text FROM outbox_events o WHERE o.event_id = r.event_id LIMIT 1)) AS body
     FROM recent_events r WHERE r.event_id > $1::uuid ORDER BY r.event_id LIMIT $2`,
    [after, limit],
  );
  return rows;
}

/**
 * From when on the log has everything: where its oldest partition begins (older ones were dropped) or, where it has never lost any, its
 * first event; now, where it has none.
 */
export async function historyBegins(client: Client): Promise<Date> {
  const [day = 0] = await partitionDays(client, 'event_log');
  const { rows } = await client.query<{ first: Date }>(
    `SELECT coalesce((SELECT created_at FROM event_log ORDER BY event_id LIMIT 1), now()) AS first`,
  );
  return new Date(Math.max(day, rows[0]!.first.getTime()));
}
