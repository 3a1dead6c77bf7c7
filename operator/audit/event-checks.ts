import { Prisma } from '../../shared/service/database';
import { countIn, graceBegan, inRange, type Check, type Pass } from './check';
import { relayPaused, unhandled } from './unhandled-events';

const handledByAll: Check = {
  name: 'events-handled',
  promise: 'every published event is handled by every subscriber',
  find: (range, settings) => Prisma.sql`
    SELECT event_id::text AS subject,
      CASE WHEN state = 'under way' THEN state WHEN state IN ('dead letter', 'discarded') THEN 'warning' ELSE 'violation' END AS verdict,
      format('%s about %s %s %s, since %s', type, subject,
        CASE state WHEN 'dead letter' THEN 'is a dead letter of' WHEN 'old dead letter' THEN 'is a dead letter of'
          WHEN 'gone' THEN 'was a dead letter, and is in no queue, of' WHEN 'discarded' THEN 'was discarded, a dead letter of'
          ELSE 'is not handled by' END, consumer,
        to_char(waiting_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS problem
    FROM (${unhandled(inRange('e.event_id', range), settings, inRange('p.event_id', range))}) u`,
};

/** Published events, against what consumers have handled. */
export const eventPass: Pass = {
  unit: 'events',
  walk: { table: 'event_log', column: 'event_id' },
  after: ({ judgedFrom }) => judgedFrom.processedEvents,
  count: countIn('event_log', 'event_id'),
  checks: [handledByAll],
};

const published: Check = {
  name: 'outbox',
  promise: 'no event waits unpublished',
  // Young ones are the relay's daily work. A refusal is tried again by itself, but somebody should know of it.
  find: (_range, settings) => Prisma.sql`
    SELECT event_id::text AS subject,
      CASE WHEN created_at < ${graceBegan(settings)} AND NOT ${relayPaused(settings)} THEN 'violation' WHEN attempts > 0 THEN 'warning' ELSE 'under way' END AS verdict,
      format('%s about %s waits since %s', type, subject, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
        || CASE WHEN attempts > 0 THEN format(', refused %s times: %s', attempts, last_error) ELSE '' END AS problem
    FROM outbox_events`,
};

/** Events that are not published yet: a table that is small while all is well. */
export const outboxPass: Pass = {
  unit: 'waiting events',
  count: () => Prisma.sql`SELECT count(*)::int AS count FROM outbox_events`,
  checks: [published],
};

const notifiedOnce: Check = {
  name: 'notifications-once',
  promise: 'no one is notified twice about the same event over the same channel',
  find: (range) => Prisma.sql`
    SELECT event_id::text AS subject, format('%s notifications for %s over %s', count(*), coalesce(audience, recipient), channel) AS problem
    FROM notifications WHERE ${inRange('event_id', range)}
    GROUP BY event_id, event_source, channel, audience, recipient HAVING count(*) > 1`,
};

/** What customers and staff were told. */
export const notificationPass: Pass = {
  unit: 'notifications',
  walk: { table: 'notifications', column: 'event_id' },
  count: countIn('notifications', 'event_id'),
  checks: [notifiedOnce],
};
