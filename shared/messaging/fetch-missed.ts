import { firstIdOf } from '../history/partitions';
import { bare, type Database } from '../service/database';
import type { Logger } from '../service/logger';
import { within } from '../service/within';
import { countMissed } from './consumer-metrics';
import { headers } from './dead-letter';
import { toMessage, type StoredEvent } from './event-message';
import { LEASE_SECONDS } from './progress';
import type { Publisher } from './publisher';
import { serviceNames, WORK_KEY } from './topology';

export interface FetchMissedOptions {
  /** The consumer's name. */
  name: string;
  database: Database;
  log: Logger;
  publisher: () => Publisher | undefined;
  /** One instance looks at a time, and so often. */
  turnMs: number;
  /** What is marked as published in one order may be committed in another, within this time. */
  settlingMs: number;
}

export interface Missed {
  /** Looks once, if it is this instance's turn. @returns how many events it found missing */
  look(): Promise<number>;
}

/** The very first look, of a consumer that has been at work before there was a watermark, goes back so far. */
const FIRST_LOOK_BACK = '10 minutes';
const MOST_AT_A_TIME = 500;
/** What was sent again may wait behind a long queue: it is not sent once more before. */
const AGAIN_AFTER_MS = 60_000;
/** An alarm of the broker may hold one up, and the bindings are to be looked after all the same. */
const SENDING_MS = 15_000;
/** An event is published within this time of its writing, or its partition is not looked at. */
const OLDEST_MS = 2 * 86_400_000;
/** A retry queue is given this time to bring back what it held. */
const RETRY_GRACE_SECONDS = 60;
/** What should have come back is looked for so long: until then it is on its way, as a PostgreSQL interval. */
export const RETRIES_AWAITED = '1 day';

/**
 * Finds the events that were published for this consumer and never reached it, and sends them to its own queue again:
 * what was published while a binding, its queue or the exchange was gone, what an administrator purged or let expire,
 * what went down with a broker's disk. They are those of its types in the relay's log that it has neither handled
 * nor set aside, published before everything that any of its instances still holds (see {@link recordProgress}).
 *
 * A watermark remembers up to where nothing is missing, so that each event is looked at about once. An event that was
 * not missing after all is a duplicate, and ignored.
 */
export function createMissed(options: FetchMissedOptions): Missed {
  const { name, database, log, publisher, turnMs, settlingMs } = options;
  const sentAt = new Map<string, number>();

  return {
    look: async () => {
      const turn = await takeTurn(database, name, turnMs, settlingMs);
      if (!turn?.upTo) return 0;
      const missing = await findMissing(database, name, { ...turn, upTo: turn.upTo });
      await sendAgain(missing);
      return missing.length;
    },
  };

  async function sendAgain(events: readonly LoggedEvent[]): Promise<void> {
    const now = Date.now();
    for (const [id, at] of sentAt) if (now - at > AGAIN_AFTER_MS) sentAt.delete(id);
    await Promise.all(events.filter(({ event_id }) => !sentAt.has(event_id)).map(send));
  }

  async function send(event: LoggedEvent): Promise<void> {
    const open = publisher();
    if (!open) return;
    const to = { exchange: serviceNames(name).exchange, routingKey: WORK_KEY };
    const message = toMessage(event, to);
    if (event.failed_attempts) message.properties.headers = { [headers.attempts]: event.failed_attempts };
    const { kind } = await within(SENDING_MS, open.publish(message));
    if (kind !== 'routed') return; // its queue is restored first; it is found again
    countMissed(name);
    sentAt.set(event.event_id, Date.now());
    const about = { event_id: event.event_id, event_type: event.type, correlation_id: event.correlation_id };
    log.warn(about, 'published, but never delivered: sent again');
  }
}

interface Turn {
  /** The watermark, to the microsecond. */
  from: string;
  fromMs: number;
  /** The moment up to which all live instances have provably done what was published; null where that is unknown. */
  upTo: string | null;
}

/** @returns undefined where another instance has just looked */
async function takeTurn(
  database: Database,
  consumer: string,
  turnMs: number,
  settlingMs: number,
): Promise<Turn | undefined> {
  const [turn] = await bare(database).$queryRaw<Turn[]>`
    INSERT INTO consumer_watermarks AS w (consumer, complete_to, checked_at)
    SELECT ${consumer}, greatest(min(since), now() - ${FIRST_LOOK_BACK}::interval), now()
    FROM subscriptions WHERE consumer = ${consumer} AND until IS NULL
    HAVING count(*) > 0
    ON CONFLICT (consumer) DO UPDATE SET checked_at = now()
    WHERE w.checked_at < now() - ${turnMs}::float8 * interval '1 millisecond'
    RETURNING complete_to::text AS from, extract(epoch FROM complete_to)::float8 * 1000 AS "fromMs", (
      SELECT (min(p.caught_up_at) - ${settlingMs}::float8 * interval '1 millisecond')::text FROM consumer_progress p
      WHERE p.consumer = w.consumer AND p.updated_at > now() - ${LEASE_SECONDS}::float8 * interval '1 second') AS "upTo"`;
  return turn;
}

/** What a retry queue did not bring back goes on with its attempts, or its ladder had no end while that is so. */
type LoggedEvent = StoredEvent & { failed_attempts: number | null };

/**
 * Finds what is missing, with what should have come back long ago, from a retry queue or by a replay: the queue was deleted,
 * purged, or let it expire. The watermark moves to just before the first that is missing, so that it is looked at
 * again until it is handled.
 */
const findMissing = (
  database: Database,
  consumer: string,
  { from, fromMs, upTo }: Turn & { upTo: string },
): Promise<LoggedEvent[]> =>
  bare(database).$queryRaw<LoggedEvent[]>`
    WITH missing AS (
      SELECT e.event_id, e.type, e.correlation_id, e.created_at, e.body, e.published_at
      FROM event_log e
      JOIN subscriptions s ON s.consumer = ${consumer} AND s.event_type = e.type AND s.until IS NULL
      WHERE e.published_at > ${from}::timestamptz AND e.published_at <= ${upTo}::timestamptz
        AND e.published_at >= s.since AND e.event_id >= ${firstIdOf(Math.floor(fromMs) - OLDEST_MS)}::uuid
        AND NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = ${consumer} AND p.event_id = e.event_id)
        AND NOT EXISTS (SELECT FROM delivery_failures f WHERE f.consumer = ${consumer} AND f.event_id = e.event_id)
      ORDER BY e.published_at, e.event_id LIMIT ${MOST_AT_A_TIME}
    ), moved AS (
      UPDATE consumer_watermarks SET complete_to = greatest(complete_to,
        coalesce((SELECT min(published_at) FROM missing), ${upTo}::timestamptz) - interval '1 microsecond')
      WHERE consumer = ${consumer}
    ), overdue AS (
      SELECT e.event_id, e.type, e.correlation_id, e.created_at, e.body, e.published_at,
        CASE f.outcome WHEN 'RETRIED' THEN f.attempt END AS failed_attempts
      FROM delivery_failures f
      JOIN event_log e ON e.event_id = f.event_id
      WHERE f.consumer = ${consumer}
        AND EXISTS (SELECT FROM subscriptions s WHERE s.consumer = f.consumer AND s.event_type = e.type)
        AND f.retry_at > now() - ${RETRIES_AWAITED}::interval
        AND f.retry_at < ${upTo}::timestamptz - ${RETRY_GRACE_SECONDS}::float8 * interval '1 second'
        AND NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = f.consumer AND p.event_id = f.event_id)
        AND NOT EXISTS (SELECT FROM delivery_failures g WHERE g.consumer = f.consumer AND g.event_id = f.event_id AND g.id > f.id)
      ORDER BY f.retry_at LIMIT ${MOST_AT_A_TIME}
    ), found AS (SELECT *, NULL::int AS failed_attempts FROM missing UNION ALL SELECT * FROM overdue)
    SELECT event_id::text, type, correlation_id, created_at, body::text AS body, failed_attempts
    FROM found ORDER BY published_at, event_id`;
