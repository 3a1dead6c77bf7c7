import type { Client } from 'pg';
import { countIn } from '../../analytics-service/count-in';
import { handlers } from '../../analytics-service/handlers';
import { isEventType, type EventType } from '../../shared/events/contracts';
import { parseMessage, type Event } from '../../shared/events/envelope';
import { isPassing } from '../../shared/messaging/failure';
import { subscribedTypes } from '../../shared/messaging/handler';
import type { Database } from '../../shared/service/database';
import { begin, deleteOthers, goLive, holdAlone } from './generations';
import { eventsBefore, historyBegins } from './history';

const SERVICE = 'analytics-service';

export interface RebuildOptions {
  /** A session of its own. */
  client: Client;
  database: Database;
  stopping: AbortSignal;
  /** Told after each page how many events were counted. */
  progress?: (counted: number) => void;
  pageSize?: number;
}

export interface Rebuilt {
  /** False where it was told to stop: then all is as it was. */
  done: boolean;
  counted: number;
  /** Events of the log that no version of the contract can read. */
  unreadable: number;
  since: Date;
}

/**
 * Counts everything anew from the history, in a generation of its own, while new events are counted in both.
 *
 * Every event is in one of three places: handled before all handlers counted in both, and then in what
 * {@link eventsBefore} reads; handled after that, and then counted by its handler; or still to come. What is in
 * two of them is counted once, since the counts remember each order's facts.
 */
export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { client, stopping, pageSize, progress } = options;
  await holdAlone(client);
  await deleteOthers(client);
  const begun = await begin(client);
  const result: Rebuilt = { done: false, counted: 0, unreadable: 0, since: new Date() };
  try {
    for await (const bodies of eventsBefore(client, subscribedTypes(handlers), begun.at, pageSize)) {
      if (stopping.aborted) return result;
      const events = bodies.flatMap(read);
      await count(options, events, begun.id);
      result.unreadable += bodies.length - events.length;
      result.counted += events.length;
      progress?.(result.counted);
    }
    result.since = await historyBegins(client);
    // First, so that whoever is killed in between has forgotten too much, which changes no count.
    await forgetTheForgotten(client, begun.at);
    await goLive(client, begun.id, result.since);
    result.done = true;
    return result;
  } finally {
    // What was shown before or, where it was not finished, what was begun. Killed, the next rebuild does it.
    await deleteOthers(client);
  }
}

const accepts = (type: EventType) => handlers[type as keyof typeof handlers] !== undefined;

function read(body: string): Event[] {
  const parsed = parseMessage(Buffer.from(body), (type) => isEventType(type) && accepts(type));
  return parsed.ok ? [parsed.event] : [];
}

const MOST_TRIES = 10;

/** A deadlock with a handler, or a lock that one holds for long, passes. */
async function count(
  { database, stopping }: RebuildOptions,
  events: readonly Event[],
  id: number,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await database.$transaction((tx) => countIn(tx, events, id));
    } catch (error) {
      if (!isPassing(error) || tries >= MOST_TRIES || stopping.aborted) throw error;
    }
  }
}

/** Events that are in no history were not counted: should one come again, it has to be. */
async function forgetTheForgotten(client: Client, before: string): Promise<void> {
  await client.query(
    `DELETE FROM processed_events p WHERE consumer = $1 AND processed_at < $2::timestamptz
       AND NOT EXISTS (SELECT FROM event_log e WHERE e.event_id = p.event_id)
       AND NOT EXISTS (SELECT FROM outbox_events o WHERE o.event_id = p.event_id)`,
    [SERVICE, before],
  );
}
