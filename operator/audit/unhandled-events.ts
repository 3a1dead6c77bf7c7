import { Prisma } from '../../shared/service/database';
import { graceBegan, type Remedy, type Settings } from './check';

// A subscription is recorded after its queue is bound. An event that was confirmed before the binding may
// be marked published after that, but not by more than the relay waits for a confirm.
const MARKED_LATE = '30 seconds';

/**
 * Published events, one row for each consumer that had subscribed by then and has not handled it, with how
 * that stands: `under way`, `dead letter` or `late`.
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
  SELECT m.event_id, m.type, m.subject, m.consumer, m.published_at AS waiting_since, CASE
    WHEN f.dead THEN 'dead letter'
    WHEN m.published_at >= ${graceBegan(settings)} THEN 'under way'
    /* Failed, and waiting in one of the retry queues. */
    WHEN f.retried_at >= ${graceBegan(settings)} - ${settings.longestRetryMs}::float8 * interval '1 millisecond' THEN 'under way'
    ELSE 'late' END AS state
  FROM missing m LEFT JOIN LATERAL (
    SELECT bool_or(d.outcome = 'DEAD_LETTERED') AS dead, max(d.failed_at) AS retried_at
    FROM delivery_failures d WHERE d.event_id = m.event_id AND d.consumer = m.consumer) f ON true`;

/** An event that somebody still has to publish or to handle. */
export interface Pending {
  subject: string;
  type: string;
  event_id: string;
  consumer: string;
  waiting_since: Date;
  state: 'under way' | 'dead letter' | 'late';
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
      CASE WHEN created_at >= ${graceBegan(settings)} THEN 'under way' ELSE 'late' END AS state
    FROM outbox_events WHERE subject = ANY(${subjects}::text[]) AND type = ANY(${types}::text[])
    UNION ALL
    SELECT event_id::text, type, subject, consumer, waiting_since, state FROM (${unhandled(which, settings)}) u
    WHERE (type, consumer) IN (SELECT * FROM unnest(${types}::text[], ${consumers}::text[]))`;
}
