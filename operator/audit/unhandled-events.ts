import { Prisma } from '../../shared/service/database';
import { graceBegan, graceBeganFor, pausedOfLate, type Remedy, type Settings } from './check';

// A subscription is recorded after its queue is bound. An event that was confirmed before the binding may
// be marked published after that, but not by more than the relay waits for a confirm.
const MARKED_LATE = '30 seconds';

/**
 * Published events, one row for each consumer that had subscribed by then and has not handled it, with how
 * that stands ({@link Pending}).
 * @param which a condition on `event_log e`
 * @param where one on `processed_events p`, where that narrows down what has to be read
 */
export const unhandled = (
  which: Prisma.Sql,
  settings: Settings,
  where = Prisma.sql`true`,
): Prisma.Sql => Prisma.sql`
  WITH missing AS MATERIALIZED (
    SELECT DISTINCT e.event_id, e.type, e.subject, e.published_at, s.consumer
    FROM event_log e JOIN subscriptions s ON s.event_type = e.type
      AND (e.created_at >= s.since OR e.published_at >= s.since + ${MARKED_LATE}::interval)
      AND (s.until IS NULL OR e.published_at < s.until)
    WHERE ${which} AND e.event_id >= ${settings.judgedFrom.processedEvents}::uuid
      AND NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = s.consumer AND p.event_id = e.event_id AND ${where})
  )
  SELECT m.event_id, m.type, m.subject, m.consumer,
    CASE WHEN f.outcome IN ('DEAD_LETTERED', 'DISCARDED') THEN f.failed_at ELSE m.published_at END AS waiting_since, CASE
    WHEN f.outcome = 'DISCARDED' THEN 'discarded'
    WHEN f.outcome = 'DEAD_LETTERED' AND (m.consumer, m.event_id) IN (${goneIn(settings)}) THEN 'gone'
    WHEN f.outcome = 'DEAD_LETTERED' AND f.failed_at < ${graceBeganFor(settings.deadLetterGraceMs)} THEN 'old dead letter'
    WHEN f.outcome = 'DEAD_LETTERED' THEN 'dead letter'
    WHEN m.published_at >= ${graceBegan(settings)} THEN 'under way'
    /* Waiting in a retry queue, whatever ladder it is of. */
    WHEN f.outcome = 'RETRIED' AND f.retry_at >= ${graceBegan(settings)} THEN 'under way'
    /* Failed, and waiting in one of the retry queues; or replayed. */
    WHEN f.failed_at >= ${graceBegan(settings)} - CASE f.outcome WHEN 'RETRIED' THEN ${settings.longestRetryMs}::float8 ELSE 0 END
      * interval '1 millisecond' THEN 'under way'
    WHEN m.consumer IN (${pausedOfLate(settings)}) THEN 'under way'
    ELSE 'late' END AS state
  FROM missing m LEFT JOIN LATERAL (
    SELECT d.outcome, d.failed_at, d.retry_at FROM delivery_failures d
    WHERE d.event_id = m.event_id AND d.consumer = m.consumer ORDER BY d.id DESC LIMIT 1) f ON true`;

const goneIn = ({ gone }: Settings): Prisma.Sql => Prisma.sql`
  SELECT * FROM unnest(${gone.map(({ consumer }) => consumer)}::text[], ${gone.map(({ event_id }) => event_id)}::uuid[])`;

/** Whether the relay stands still because somebody wants it so. */
export const relayPaused = (settings: Settings): Prisma.Sql =>
  Prisma.sql`'outbox-publisher' IN (${pausedOfLate(settings)})`;

/** An event that somebody still has to publish or to handle. */
export interface Pending {
  subject: string;
  type: string;
  event_id: string;
  consumer: string;
  waiting_since: Date;
  /**
   * `dead letter`: in its queue, for a person to decide; `old dead letter`: for too long; `gone`: in no queue any more;
   * `discarded`: a person has decided against it.
   */
  state: 'under way' | 'late' | 'dead letter' | 'old dead letter' | 'gone' | 'discarded';
}

/** The events among the remedies that are pending about these subjects, in the outbox or at their consumer. */
export function pendingAbout(
  subjects: readonly string[],
  remedies: readonly Remedy[],
  settings: Settings,
): Prisma.Sql {
  const types = remedies.map(({ type }) => type);
  const consumers = remedies.map(({ consumer }) => consumer);
  const which = Prisma.sql`e.subject = ANY(${subjects}::text[]) AND e.type = ANY(${types}::text[])`;
  return Prisma.sql`
    SELECT event_id::text, type, subject, 'outbox-publisher' AS consumer, created_at AS waiting_since,
      CASE WHEN created_at >= ${graceBegan(settings)} OR ${relayPaused(settings)} THEN 'under way' ELSE 'late' END AS state
    FROM outbox_events WHERE subject = ANY(${subjects}::text[]) AND type = ANY(${types}::text[])
    UNION ALL
    SELECT event_id::text, type, subject, consumer, waiting_since, state FROM (${unhandled(which, settings)}) u
    WHERE (type, consumer) IN (SELECT * FROM unnest(${types}::text[], ${consumers}::text[]))`;
}
