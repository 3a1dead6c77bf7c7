import { firstIdOf } from '../history/partitions';
import { Prisma } from '../service/database';
import { inRange, type Check } from './check';

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
  // Too few is wrong only where the log still has that time; too many always is. Ids tell their time: of a
  // long log only the days are looked into in which these orders moved, and one more.
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
      SELECT id AS order_id, type, count(*) AS events FROM (
        SELECT o.id, w.type FROM orders o JOIN outbox_events w ON w.subject = o.id::text WHERE ${inRange('o.id', range)}
        UNION ALL
        SELECT o.id, e.type FROM orders o JOIN event_log e ON e.subject = o.id::text
        WHERE ${inRange('o.id', range)} AND e.event_id >= ${idBefore(range.after)}::uuid AND e.event_id <= (
          SELECT ${lastIdOf(Prisma.sql`max(moved_at) + interval '1 day'`)}
          FROM order_status_history WHERE ${inRange('order_id', range)})
      ) events JOIN announced USING (type)
      GROUP BY id, type
    )
    SELECT order_id::text AS subject,
      format('%s is announced %s times for %s moves', type, coalesce(events, 0), coalesce(moves, 0)) AS problem
    FROM moved FULL JOIN told USING (order_id, type)
    WHERE coalesce(events, 0) > coalesce(moves, 0) OR (coalesce(events, 0) < moves AND in_log)`,
};

/** The moment that a UUIDv7 begins with, in milliseconds. */
const millisecondsOf = (id: string) => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
const timeOf = (id: string) => Prisma.sql`to_timestamp(${millisecondsOf(id) / 1000}::float8)`;

/** The least id of the minute before: no two clocks differ by more. */
const idBefore = (id: string) => firstIdOf(Math.max(0, millisecondsOf(id) - 60_000));

/** The greatest id of a moment. */
const lastIdOf = (time: Prisma.Sql) =>
  Prisma.sql`(lpad(to_hex((extract(epoch FROM ${time}) * 1000)::bigint), 12, '0') || repeat('f', 20))::uuid`;

/** Orders' moves against the events about them. */
export const announcementChecks: readonly Check[] = [announcedOnce];
