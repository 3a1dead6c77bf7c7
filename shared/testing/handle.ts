import type { Event } from '../events/envelope';
import { handleBatch } from '../messaging/handle-batch';
import { isPassing } from '../messaging/failure';
import type { HandlerTable } from '../messaging/handler';
import type { Database } from '../service/database';
import { transactionsOf } from './test-database';

/**
 * Handles events as the consumer runtime would, in one transaction and with the dedupe, without a
 * broker; a deadlock or a serialisation failure is tried again, as there.
 * @returns the ids of the events that were new
 */
export async function handle(
  database: Database,
  consumer: string,
  handlers: HandlerTable,
  ...events: Event[]
): Promise<Set<string>> {
  const batch = events.map((event) => ({ event, attempt: 1 }));
  for (let tries = 0; ; tries++) {
    try {
      return await handleBatch(transactionsOf(database), consumer, handlers, batch);
    } catch (error) {
      if (!isPassing(error) || tries > 20) throw error;
    }
  }
}

/** The events in the outbox, oldest first. */
export async function outbox(database: Database): Promise<Event[]> {
  const rows = await database.outboxEvent.findMany({ orderBy: { seq: 'asc' } });
  return rows.map((row) => row.body as unknown as Event);
}

/** Empties the outbox, as a relay would. @returns what was in it */
export async function drainOutbox(database: Database): Promise<Event[]> {
  const events = await outbox(database);
  await database.outboxEvent.deleteMany();
  return events;
}
