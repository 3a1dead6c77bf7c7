import type { EventType } from '../events/contracts';
import { identityOf, type Event } from '../events/envelope';
import { writeOutbox } from '../outbox/write-outbox';
import type { Database, Tx } from '../service/database';
import type { Handler, HandlerTable } from './handler';

/** An event as it was delivered: with the number of this attempt, 1 for the first. */
export interface Attempt {
  event: Event;
  attempt: number;
}

/**
 * Handles deliveries of one type in one transaction: marks the events processed, hands the new ones
 * to the handler, writes what it announces to the outbox, commits. All or nothing.
 * @param lockTimeoutMs how long it waits for a lock, where not as long as the session may
 * @returns what identifies the events that were new; the others had been handled before
 */
export async function handleBatch(
  database: Database,
  consumer: string,
  handlers: HandlerTable,
  batch: readonly Attempt[],
  lockTimeoutMs?: number,
): Promise<Set<string>> {
  const type = batch[0]?.event.type;
  if (!type) return new Set();
  const handler = handlers[type] as Handler<EventType>;
  return database.$transaction(async (tx) => {
    if (lockTimeoutMs !== undefined)
      await tx.$executeRaw`SELECT set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`;
    const fresh = await markProcessed(tx, consumer, batch);
    const unique = new Map(
      batch
        .filter(({ event }) => fresh.has(identityOf(event)))
        .map(({ event }) => [identityOf(event), event]),
    );
    if (unique.size > 0) await writeOutbox(tx, consumer, await handler(tx, [...unique.values()]));
    return fresh;
  });
}

/**
 * Claims the events for this consumer. A concurrent transaction with the same event waits here for the
 * other to end, and gets it only if that one rolled back. In id order, so that two such wait in turn.
 * (Rows without a source are older than the column.)
 */
async function markProcessed(tx: Tx, consumer: string, batch: readonly Attempt[]): Promise<Set<string>> {
  const rows = batch.map(({ event, attempt }) => ({
    event_id: event.id,
    source: event.source,
    type: event.type,
    subject: event.subject,
    attempt,
  }));
  const fresh = await tx.$queryRaw<{ id: string; source: string }[]>`
    INSERT INTO processed_events (consumer, event_id, source, type, subject, attempts)
    SELECT ${consumer}, event_id, source, type, subject, attempt
    FROM json_to_recordset(${JSON.stringify(rows)}::json)
      AS e (event_id uuid, source text, type text, subject text, attempt int)
    WHERE NOT EXISTS (SELECT FROM processed_events p
      WHERE p.consumer = ${consumer} AND p.event_id = e.event_id AND p.source = '')
    ORDER BY event_id, source
    ON CONFLICT DO NOTHING
    RETURNING event_id AS id, source`;
  return new Set(fresh.map(identityOf));
}
