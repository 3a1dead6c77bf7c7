import type { EventType } from '../events/contracts';
import { identityOf, type Event } from '../events/envelope';
import { writeOutbox } from '../outbox/write-outbox';
import { Prisma, type Tx } from '../service/database';
import { write, type Transactions } from '../service/transaction';
import { committed } from './after-commit';
import type { Handler, HandlerTable } from './handler';

/** An event as it was delivered: with the number of this attempt, 1 for the first. */
export interface Attempt {
  event: Event;
  attempt: number;
}

export interface HandleOptions {
  /** How long it waits for a lock, where not as long as the session may. */
  lockTimeoutMs?: number | undefined;
  /** Some of them may well have been handled before. */
  suspect?: boolean | undefined;
}

/**
 * Handles deliveries of one type in one transaction: marks the events processed, hands the new ones
 * to the handler, writes what it announces to the outbox, commits. All or nothing.
 *
 * Where statements are sent without waiting for those before, the handler is not kept waiting for which of the events
 * are new: nearly always all of them are. If one is not, that transaction is rolled back, and in a second one the
 * handler is given the others.
 * @returns what identifies the events that were new; the others had been handled before
 */
export async function handleBatch(
  transactions: Transactions,
  consumer: string,
  handlers: HandlerTable,
  batch: readonly Attempt[],
  options: HandleOptions = {},
): Promise<Set<string>> {
  const type = batch[0]?.event.type;
  if (!type) return new Set();
  const handler = handlers[type] as Handler<EventType>;
  const events = new Map(batch.map(({ event }) => [identityOf(event), event]));

  const inTransaction = async (work: (tx: Tx) => Promise<Set<string>>) => {
    let own: Tx | undefined;
    const fresh = await transactions.$transaction(async (tx) => {
      own = tx;
      if (options.lockTimeoutMs !== undefined)
        await write(tx, Prisma.sql`SELECT set_config('lock_timeout', ${`${options.lockTimeoutMs}ms`}, true)`);
      return work(tx);
    });
    if (own) committed(own);
    return fresh;
  };

  const inTurn = () =>
    inTransaction(async (tx) => {
      const fresh = await markProcessed(tx, consumer, batch);
      const toHandle = [...events].filter(([identity]) => fresh.has(identity)).map(([, event]) => event);
      if (toHandle.length > 0) await writeOutbox(tx, consumer, await handler(tx, toHandle));
      return fresh;
    });

  let someAreKnown = false;
  const atOnce = () =>
    inTransaction(async (tx) => {
      const marking = markProcessed(tx, consumer, batch);
      const handling = (async () => handler(tx, [...events.values()]))();
      // Its failure may only be that it was given too much; and nothing of it may come after the end of the transaction.
      const [marked, handled] = await Promise.allSettled([marking, handling]);
      if (marked.status === 'rejected') throw marked.reason;
      someAreKnown = marked.value.size < events.size;
      if (someAreKnown) throw new Error('some were handled before'); // rolls back, and is not heard of outside
      if (handled.status === 'rejected') throw handled.reason;
      await writeOutbox(tx, consumer, handled.value);
      return marked.value;
    });

  if (options.suspect || !transactions.isPipeline) return inTurn();
  return atOnce().catch((error: unknown) => {
    if (someAreKnown) return inTurn(); // whatever failed: it may have been what was done before
    throw error;
  });
}

/**
 * Claims the events for this consumer. A concurrent transaction with the same event waits here for the
 * other to end, and gets it only if that one rolled back. In id order, so that two such wait in turn.
 * (Rows without a source are older than the column. `OFFSET` has them looked up one by one: made into a join, which seems
 * cheaper where hardly any are expected, the index would be read from end to end.)
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
      WHERE p.consumer = ${consumer} AND p.event_id = e.event_id AND p.source = '' OFFSET 0)
    ORDER BY event_id, source
    ON CONFLICT DO NOTHING
    RETURNING event_id AS id, source`;
  return new Set(fresh.map(identityOf));
}
