import { firstIdOf } from '../../shared/history/partitions';
import { Prisma } from '../../shared/service/database';
import { inRange, type Check, type Range } from './check';
import { hadMismatch } from './payment-standing';

/** What a move to a status is announced as. The end of a DRAFT is nobody's business. */
const announcements = JSON.stringify([
  { to_status: 'PLACED', type: 'order.placed.v1' },
  { to_status: 'PREPARING', type: 'order.status.preparing.v1' },
  { to_status: 'OUT_FOR_DELIVERY', type: 'order.status.out_for_delivery.v1' },
  { to_status: 'DELIVERED', type: 'order.status.delivered.v1' },
  { to_status: 'CANCELLED', type: 'order.cancelled.v1' },
]);

const announcedOnce: Check = {
  name: 'moves-announced',
  promise: 'every move is announced exactly once',
  // Too few is wrong only where the log still has that time; too many always is.
  find: (range, { judgedFrom }) => Prisma.sql`
    WITH announced AS (
      SELECT * FROM json_to_recordset(${announcements}::json) AS a (to_status text, type text)
    ), moved AS (
      SELECT h.order_id, a.type, count(*) AS moves,
        min(h.moved_at) > ${timeOf(judgedFrom.eventLog)} + interval '1 minute' AS in_log
      FROM order_status_history h JOIN announced a USING (to_status)
      WHERE ${inRange('h.order_id', range)} AND (h.to_status <> 'CANCELLED' OR h.from_status IS DISTINCT FROM 'DRAFT')
      GROUP BY h.order_id, a.type
    ), told AS (
      SELECT order_id, type, count(DISTINCT event_id) AS events
      FROM (${eventsAbout(
        'orders',
        'id',
        range,
        Prisma.sql`
        SELECT max(moved_at) FROM order_status_history WHERE ${inRange('order_id', range)}`,
      )}) events JOIN announced USING (type)
      GROUP BY order_id, type
    )
    SELECT order_id::text AS subject,
      format('%s is announced %s times for %s moves', type, coalesce(events, 0), coalesce(moves, 0)) AS problem
    FROM moved FULL JOIN told USING (order_id, type)
    WHERE coalesce(events, 0) > coalesce(moves, 0) OR (coalesce(events, 0) < moves AND in_log)`,
};

/** What the ledger of payments gains is announced as. */
const entries = JSON.stringify([
  { kind: 'AUTHORIZED', type: 'payment.authorized.v1' },
  { kind: 'CAPTURED', type: 'payment.completed.v1' },
  { kind: 'VOIDED', type: 'payment.voided.v1' },
  { kind: 'REFUNDED', type: 'payment.refunded.v1' },
]);

/** The ledger of payments, and refused cards, against the events about them. */
export const paymentsAnnounced: Check = {
  name: 'payments-announced',
  promise: 'every payment outcome is announced exactly once',
  // Other money than was asked for is announced only if an operator takes it for right.
  find: (range, { judgedFrom }) => Prisma.sql`
    WITH announced AS (
      SELECT * FROM json_to_recordset(${entries}::json) AS a (kind text, type text)
    ), happened AS (
      SELECT l.order_id, a.type, l.recorded_at AS at
      FROM payment_ledger l JOIN announced a USING (kind) WHERE ${inRange('l.order_id', range)}
      UNION ALL
      SELECT order_id, 'payment.failed.v1', moved_at FROM payment_moves WHERE ${inRange('order_id', range)} AND cause = 'declined'
    ), facts AS (
      SELECT order_id, type, count(*) AS facts, min(at) > ${timeOf(judgedFrom.eventLog)} + interval '1 minute' AS in_log
      FROM happened GROUP BY order_id, type
    ), told AS (
      SELECT order_id, type, count(DISTINCT event_id) AS events
      FROM (${eventsAbout('payments', 'order_id', range, Prisma.sql`SELECT max(at) FROM happened`)}) events
      WHERE type = 'payment.failed.v1' OR type IN (SELECT type FROM announced)
      GROUP BY order_id, type
    )
    SELECT order_id::text AS subject,
      format('%s is announced %s times and happened %s times', type, coalesce(events, 0), coalesce(facts, 0)) AS problem
    FROM facts FULL JOIN told USING (order_id, type)
    WHERE coalesce(events, 0) > coalesce(facts, 0)
      OR (coalesce(events, 0) < facts AND in_log AND NOT ${hadMismatch('coalesce(facts.order_id, told.order_id)')})`,
};

/** The ledger of stock against the alerts: when a threshold is crossed, only the event itself knows. */
export const stockOutsAnnounced: Check = {
  name: 'stock-outs-announced',
  promise: 'each time that an item is sold out is announced exactly once',
  find: (range, { judgedFrom }) => Prisma.sql`
    SELECT m.menu_item_id::text AS subject, format('movement %s sold it out, and is announced %s times', m.id, count(e.event_id)) AS problem
    FROM stock_movements m LEFT JOIN LATERAL (
      SELECT l.event_id FROM event_log l WHERE l.subject = m.menu_item_id::text AND l.causation_id = m.caused_by AND l.type = ${SOLD_OUT}
      UNION ALL
      SELECT w.event_id FROM outbox_events w WHERE w.subject = m.menu_item_id::text AND w.causation_id = m.caused_by AND w.type = ${SOLD_OUT}
    ) e ON true
    WHERE ${inRange('m.menu_item_id', range)} AND m.balance = 0 AND m.delta < 0 AND m.caused_by IS NOT NULL
      AND m.moved_at > ${timeOf(judgedFrom.eventLog)} + interval '1 minute'
    GROUP BY m.id, m.menu_item_id HAVING count(e.event_id) <> 1`,
};

const SOLD_OUT = 'inventory.out_of_stock.v1';

/**
 * The events about whatever has an id within the range, as `order_id`, `event_id` and `type`. Ids tell their time: of a long
 * log only the days are looked into in which something happened to these, up to the `latest`, and one more.
 */
const eventsAbout = (table: string, column: string, range: Range, latest: Prisma.Sql): Prisma.Sql => {
  const [from, id] = [Prisma.raw(table), Prisma.raw(`t.${column}`)];
  return Prisma.sql`
    SELECT ${id} AS order_id, w.event_id, w.type FROM ${from} t JOIN outbox_events w ON w.subject = ${id}::text
    WHERE ${inRange(`t.${column}`, range)}
    UNION ALL
    SELECT ${id}, e.event_id, e.type FROM ${from} t JOIN event_log e ON e.subject = ${id}::text
    WHERE ${inRange(`t.${column}`, range)} AND e.event_id >= ${idBefore(range.after)}::uuid
      AND e.event_id <= (SELECT ${lastIdOf(Prisma.sql`(${latest}) + interval '1 day'`)})`;
};

/** The moment that a UUIDv7 begins with, in milliseconds. */
const millisecondsOf = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
export const timeOf = (id: string) => Prisma.sql`to_timestamp(${millisecondsOf(id) / 1000}::float8)`;

/** The least id of the minute before: no two clocks differ by more. */
const idBefore = (id: string) => firstIdOf(Math.max(0, millisecondsOf(id) - 60_000));

/** The greatest id of a moment. */
const lastIdOf = (time: Prisma.Sql) =>
  Prisma.sql`(lpad(to_hex((extract(epoch FROM ${time}) * 1000)::bigint), 12, '0') || repeat('f', 20))::uuid`;

/** Orders' moves against the events about them. */
export const announcementChecks: readonly Check[] = [announcedOnce];
