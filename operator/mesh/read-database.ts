import { firstIdOf } from '../../shared/history/partitions';
import { LEASE_SECONDS } from '../../shared/messaging/progress';
import { currentConsumers } from '../../shared/messaging/subscriptions';
import type { Database } from '../../shared/service/database';
import { MISSING_KEY } from '../../shared/payment/card-token';
import type { Pause } from '../../shared/service/pauses';
import { PRESENT_SECONDS } from '../../shared/service/presence';
import { readPauses } from '../../shared/service/read-pauses';
import type { HopState, InstanceState } from './mesh-state';

/** What the tables tell of the mesh. */
export interface Tables {
  now: Date;
  consumers: { service: string; types: string[] }[];
  instances: (Omit<InstanceState, 'started_at' | 'seen_at'> & {
    service: string;
    per_second: number | null;
    started_at: Date;
    seen_at: Date;
  })[];
  progress: { consumer: string; behind_seconds: number }[];
  pauses: Pause[];
  published: { type: string; per_second: number }[];
  outbox: { waiting: number; refused: number; oldest_seconds: number };
  orders: Record<string, number>;
  ordersPerSecond: number;
  hops: HopState[];
  troubles: Troubles;
}

/** What needs somebody, as far as tables tell. */
export interface Troubles {
  inReview: number;
  /** Payments that wait for a key which payment-service does not have. */
  tokensUnreadable: number;
  notSent: number;
  webhooksOff: number;
  /** PLACED for longer than any should be. */
  stuck: number;
  oldestStuck: string | null;
}

/** Counts that may be large are no more exact beyond it. */
const MOST_COUNTED = 10_000;
const RATE_SECONDS = 10;
const HOP_EVENTS = 50;
/** An order that is PLACED for so long, by default, would be cancelled if nothing of it were under way. */
const STUCK_AFTER = '15 minutes';
const DAY_MS = 86_400_000;
/** An event is published within this time of its writing, or it is not looked at. */
const OLDEST_MS = 2 * DAY_MS;
const RECENT_MS = 10 * 60_000;

/** Reads them: each look is by an index, or of a table that stays small; but for the count of orders. */
export async function readTables(database: Database, countOrders: OrderCount): Promise<Tables> {
  const [clock] = await database.$queryRaw<{ now: Date }[]>`SELECT now() AS now`;
  const now = clock!.now;
  return {
    now,
    consumers: await currentConsumers(database),
    instances: await readInstances(database),
    progress: await readProgress(database),
    pauses: await readPauses(database),
    published: await readPublished(database, now),
    outbox: await readOutbox(database),
    orders: await countOrders(database),
    ordersPerSecond: await readOrderRate(database),
    hops: await readHops(database, now),
    troubles: await readTroubles(database, now),
  };
}

const readInstances = (database: Database) =>
  database.$queryRaw<Tables['instances']>`
    SELECT service, instance, host, pid, version, ready, reasons, paused, per_second, started_at, seen_at
    FROM service_instances WHERE seen_at > now() - ${PRESENT_SECONDS}::float8 * interval '1 second'
    ORDER BY service, started_at, instance`;

const readProgress = (database: Database) =>
  database.$queryRaw<Tables['progress']>`
    SELECT consumer, greatest(0, extract(epoch FROM now() - min(caught_up_at)))::float8 AS behind_seconds
    FROM consumer_progress
    WHERE updated_at > now() - ${LEASE_SECONDS}::float8 * interval '1 second' AND caught_up_at > 'epoch'
    GROUP BY consumer`;

const readPublished = (database: Database, now: Date) =>
  database.$queryRaw<Tables['published']>`
    SELECT type, count(*)::float8 / ${RATE_SECONDS}::float8 AS per_second FROM event_log
    WHERE type = ANY(ARRAY(SELECT DISTINCT event_type FROM subscriptions WHERE until IS NULL))
      AND published_at > now() - ${RATE_SECONDS}::float8 * interval '1 second'
      AND event_id >= ${firstIdOf(now.getTime() - OLDEST_MS)}::uuid
    GROUP BY type`;

async function readOutbox(database: Database): Promise<Tables['outbox']> {
  const [row] = await database.$queryRaw<Tables['outbox'][]>`
    SELECT count(*)::int AS waiting, (count(*) FILTER (WHERE attempts > 0))::int AS refused,
      coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds
    FROM outbox_events`;
  return row!;
}

async function readOrderRate(database: Database): Promise<number> {
  const [row] = await database.$queryRaw<{ rate: number }[]>`
    SELECT count(*)::float8 / 60 AS rate FROM orders WHERE placed_at > now() - interval '1 minute'`;
  return row!.rate;
}

export type OrderCount = (database: Database) => Promise<Record<string, number>>;

/** Shall cost a twentieth of the time at most, however many there are: in between it tells what it has counted before. */
export function createOrderCount(now = () => performance.now()): OrderCount {
  let nextAt = -Infinity;
  let counted: Record<string, number> = {};
  return async (database) => {
    const startedAt = now();
    if (startedAt < nextAt) return counted;
    const rows = await database.$queryRaw<{ status: string; count: number }[]>`
      SELECT status, count(*)::float8 AS count FROM orders GROUP BY status ORDER BY status`;
    counted = Object.fromEntries(rows.map(({ status, count }) => [status, count]));
    nextAt = now() + (now() - startedAt) * 20;
    return counted;
  };
}

/** Of each event type the newest that were published, and how long they took to get there, and from there on. */
const readHops = (database: Database, now: Date) =>
  database.$queryRaw<HopState[]>`
    WITH subscribed AS MATERIALIZED (
      SELECT consumer, event_type, max(since) AS since FROM subscriptions WHERE until IS NULL GROUP BY 1, 2
    ), recent AS MATERIALIZED (
      SELECT t.event_type, e.event_id, e.created_at, e.published_at
      FROM (SELECT DISTINCT event_type FROM subscribed) t CROSS JOIN LATERAL (
        SELECT event_id, created_at, published_at FROM event_log
        WHERE type = t.event_type AND published_at > ${new Date(now.getTime() - RECENT_MS)}::timestamptz
          AND event_id >= ${firstIdOf(now.getTime() - OLDEST_MS)}::uuid
        ORDER BY published_at DESC LIMIT ${HOP_EVENTS}) e
    ), hops AS (
      SELECT 'outbox-publisher' AS "to", event_type, published_at - created_at AS took, false AS waits FROM recent
      UNION ALL
      SELECT s.consumer, event_type, coalesce(p.processed_at, clock_timestamp()) - r.published_at, p.processed_at IS NULL
      FROM recent r JOIN subscribed s USING (event_type)
      LEFT JOIN processed_events p ON p.consumer = s.consumer AND p.event_id = r.event_id
      WHERE r.published_at >= s.since AND (p.processed_at IS NOT NULL OR NOT EXISTS (
        SELECT FROM delivery_failures f WHERE f.event_id = r.event_id AND f.consumer = s.consumer))
    ), measured AS (
      SELECT "to", event_type, greatest(0, extract(epoch FROM took) * 1000)::float8 AS ms, waits FROM hops
    )
    SELECT "to", event_type, count(*)::int AS events, (count(*) FILTER (WHERE waits))::int AS waiting,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS median_ms, percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95_ms
    FROM measured GROUP BY "to", event_type ORDER BY p95_ms DESC`;

async function readTroubles(database: Database, now: Date): Promise<Troubles> {
  const [row] = await database.$queryRaw<Troubles[]>`
    WITH stuck AS MATERIALIZED (
      SELECT id FROM orders WHERE status = 'PLACED' AND placed_at < now() - ${STUCK_AFTER}::interval
      ORDER BY placed_at LIMIT ${MOST_COUNTED})
    SELECT (SELECT count(*) FROM payments WHERE state = 'REVIEW')::int AS "inReview",
      (SELECT count(*) FROM (SELECT FROM payments WHERE next_attempt_at IS NOT NULL
         AND starts_with(last_error, ${MISSING_KEY}) LIMIT ${MOST_COUNTED}) AS unreadable)::int AS "tokensUnreadable",
      (SELECT count(*) FROM (SELECT FROM notifications WHERE status = 'FAILED'
         AND id >= ${firstIdOf(now.getTime() - DAY_MS)}::uuid LIMIT ${MOST_COUNTED}) AS failed)::int AS "notSent",
      (SELECT count(*) FROM webhook_health h JOIN webhook_endpoints e ON e.id = h.endpoint_id
       WHERE h.disabled_at > e.enabled_at)::int AS "webhooksOff",
      (SELECT count(*) FROM stuck)::int AS stuck, (SELECT id::text FROM stuck LIMIT 1) AS "oldestStuck"`;
  return row!;
}
