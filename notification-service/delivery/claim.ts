import { newId } from '../../shared/ids';
import { bare, type Prisma, type Database } from '../../shared/service/database';
import type { Outgoing } from './channel';

/** Until then nobody else takes what was claimed; whoever is at it renews it. */
export const LEASE_MS = 60_000;

/** How long one waits for what comes before it. That may have become a dead letter. */
const PATIENCE_MS = 600_000;

export interface Claimed extends Outgoing {
  /** Whoever settles it has to show this: it may be somebody else's by then. */
  claim: string;
  /** A later one of its order is known, and makes it pointless. */
  stale: boolean;
  /** Others go out with it, perhaps. */
  gathers: boolean;
  /** Their `traceparent`, of those that have one. */
  gatheredTraces?: string[];
}

/** How many may be claimed. */
export interface Room {
  overall: number;
  /** In a lane, by the channel that it begins with: `email`, `webhook`. */
  usual: Record<string, number>;
  /** In lanes in which it is another number. */
  lanes: Record<string, number>;
}

export interface Claims {
  claimed: Claimed[];
  /**
   * Until the next is due in a lane with room, in milliseconds: `Infinity` where nothing waits, 0 or less where what is due
   * waits for another of its order, or is somebody else's.
   */
  nextInMs: number;
}

/**
 * Claims what is due, for as long as the lease: the oldest of each lane first, then the second of each, so that a lane
 * with much to send does not keep the others waiting. What follows something unsettled of its order and recipient waits.
 *
 * Lanes are found by going from one to the next in the index, which costs one look-up for each lane in which something
 * waits, however much that is. A claim counts as an attempt, so what kills its process is not tried for ever.
 */
export async function claimDue(database: Database, room: Room): Promise<Claims> {
  const claim = newId();
  const rows = await bare(database).$queryRaw<(Claimed & { nextInMs: number | null })[]>`
    WITH RECURSIVE lanes AS (
      (SELECT lane FROM notifications WHERE status = 'PENDING' ORDER BY lane LIMIT 1)
      UNION ALL
      SELECT (SELECT n.lane FROM notifications n WHERE n.status = 'PENDING' AND n.lane > l.lane ORDER BY n.lane LIMIT 1)
      FROM lanes l WHERE l.lane IS NOT NULL),
    open AS MATERIALIZED (
      SELECT l.lane, coalesce(other.room, usual.room, 0) AS room FROM lanes l
      LEFT JOIN json_each_text(${JSON.stringify(room.lanes)}::json) AS o (lane, text) ON o.lane = l.lane
      LEFT JOIN json_each_text(${JSON.stringify(room.usual)}::json) AS u (channel, text) ON u.channel = split_part(l.lane, ':', 1)
      CROSS JOIN LATERAL (SELECT o.text::int AS room) AS other
      CROSS JOIN LATERAL (SELECT u.text::int AS room) AS usual
      WHERE l.lane IS NOT NULL),
    due AS (
      SELECT n.id, n.next_attempt_at, row_number() OVER (PARTITION BY open.lane ORDER BY n.next_attempt_at) AS place
      FROM open CROSS JOIN LATERAL (
        SELECT id, next_attempt_at FROM notifications n
        WHERE n.status = 'PENDING' AND n.lane = open.lane AND n.next_attempt_at <= now() AND NOT EXISTS (
          SELECT FROM notifications e WHERE e.status = 'PENDING' AND e.lane = n.lane AND e.recipient = n.recipient
            AND e.order_id = n.order_id AND e.sequence < n.sequence)
          AND (n.expects IS NULL OR n.created_at < now() - make_interval(secs => ${PATIENCE_MS / 1000}) OR EXISTS (
            SELECT FROM notifications p WHERE p.order_id = n.order_id AND p.event_type = n.expects))
        ORDER BY n.next_attempt_at LIMIT open.room FOR UPDATE OF n SKIP LOCKED) AS n
      WHERE open.room > 0),
    chosen AS MATERIALIZED (SELECT id FROM due ORDER BY place, next_attempt_at LIMIT ${room.overall}),
    next AS (
      SELECT min(n.next_attempt_at) AS at FROM open CROSS JOIN LATERAL (
        SELECT next_attempt_at FROM notifications n WHERE n.status = 'PENDING' AND n.lane = open.lane
        ORDER BY n.next_attempt_at LIMIT 1) AS n
      WHERE open.room > 0),
    claimed AS (
      UPDATE notifications AS n SET claim = ${claim}::uuid, attempts = attempts + 1,
        next_attempt_at = now() + make_interval(secs => ${LEASE_MS / 1000})
      WHERE n.id = ANY (ARRAY(SELECT id FROM chosen))
      RETURNING n.id, n.claim, n.event_id AS "eventId", n.event_type AS "eventType", n.channel, n.recipient, n.lane, n.kind,
        n.order_id AS "orderId", n.restaurant_id AS "restaurantId", n.correlation_id AS "correlationId", n.traceparent, n.tracestate, n.data,
        n.attempts AS attempt, n.gather_key IS NOT NULL AS gathers,
        n.stale_from IS NOT NULL AND EXISTS (
          SELECT FROM notifications AS later
          WHERE later.order_id = n.order_id AND later.lane = n.lane AND later.recipient = n.recipient
            AND (later.sequence >= n.stale_from
              OR later.sequence > n.sequence AND (later.status = 'SENT' OR later.claim IS NOT NULL))) AS stale)
    SELECT claimed.*, (extract(epoch FROM next.at - now()) * 1000)::float8 AS "nextInMs"
    FROM next LEFT JOIN claimed ON true`;
  const claimed = rows.flatMap(({ nextInMs: _, ...one }) => (one.id === null ? [] : [one]));
  await addGathered(database, claimed);
  return { claimed, nextInMs: rows[0]?.nextInMs ?? Infinity };
}

async function addGathered(database: Database, claimed: Claimed[]): Promise<void> {
  for (const one of claimed) one.gathered = [];
  const gathering = new Map(claimed.filter(({ gathers }) => gathers).map((one) => [one.id, one]));
  if (gathering.size === 0) return;
  const others = await database.$queryRaw<
    { into: string; data: Prisma.JsonValue; traceparent: string | null }[]
  >`
    SELECT gathered_into AS into, data, traceparent FROM notifications
    WHERE gathered_into = ANY (${[...gathering.keys()]}::uuid[]) ORDER BY id`;
  for (const { into, data, traceparent } of others) {
    const one = gathering.get(into);
    one?.gathered.push(data);
    if (one && traceparent) (one.gatheredTraces ??= []).push(traceparent);
  }
}
