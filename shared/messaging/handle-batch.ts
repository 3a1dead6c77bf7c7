import type { EventType } from '../events/contracts';
import type { Event } from '../events/envelope';
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
 * @returns the ids of the events that were new; the others had been handled before
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
      batch.filter(({ event }) => fresh.has(event.id)).map(({ event }) => [event.id, event]),
    );
    if (unique.size > 0) await writeOutbox(tx, consumer, await handler(tx, [...unique.values()]));
    return fresh;
  });
}

/**
 * Claims the events for this consumer. A concurrent transaction with the same event waits here for the
 * other to end, and gets it only if that one rolled back. In id order, so that two such wait in turn.
 */
async function markProcessed(tx: Tx, consumer: string, batch: readonly Attempt[]): Promise<Set<string>> {
  const rows = batch.map(({ event, attempt }) => ({
    event_id: event.id,
    type: event.type,
    subject: event.subject,
    attempt,
  }));
  const fresh = await tx.$queryRaw<{ event_id: string }[]>`
    INSERT INTO processed_events (consumer, event_id, type, subject, attempts)
    SELECT ${consumer}, event_id, type, subject, attempt
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS e (event_id uuid, type text, subject text, attempt int)
    ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id`;
  return new Set(fresh.map((row) => row.event_id));
}
