import { z } from 'zod';
import type { EventType } from '../shared/events/contracts';
import { holdUp, overdueBefore, readPausedTime } from '../shared/lifecycle/deadline-moment';
import { draftDeadline } from '../shared/lifecycle/draft-deadline';
import { moveOrders } from '../shared/lifecycle/move-orders';
import type { OrderStatus } from '../shared/lifecycle/order-lifecycle';
import { briefly } from '../shared/messaging/failure';
import { RETRIES_AWAITED } from '../shared/messaging/fetch-missed';
import { LEASE_SECONDS } from '../shared/messaging/progress';
import type { Worker, WorkerContext } from '../shared/messaging/run-consumer';
import { writeOutbox } from '../shared/outbox/write-outbox';
import { duration, readConfig } from '../shared/service/config';
import { bare, Prisma, type Database, type Tx } from '../shared/service/database';
import type { Stop } from '../shared/service/run-service';
import { pause } from '../shared/service/pause';

const config = z.object({
  /** How long an order may stay PLACED. */
  ORDER_DEADLINE: duration('15m'),
  DRAFT_DEADLINE: draftDeadline,
  /** How often it looks for them. */
  ORDER_DEADLINE_EVERY: duration('5s'),
});

const BATCH = 100;

/** A worker that cancels orders which have been PLACED for too long, though the mesh is not behind, and old drafts. */
export const expireOrders: Worker = () => {
  const deadlines = readConfig(config);
  return (context) => expireUntilStopped(context, deadlines);
};

function expireUntilStopped(
  { database, log, pauses, during }: WorkerContext,
  { ORDER_DEADLINE, DRAFT_DEADLINE, ORDER_DEADLINE_EVERY }: z.infer<typeof config>,
): Stop {
  const stopping = new AbortController();

  /** @returns whether there may be more */
  async function sweep(): Promise<boolean> {
    if (!(await anyOld(database, ORDER_DEADLINE, DRAFT_DEADLINE))) return false;
    const expired = await expireSome(database, ORDER_DEADLINE);
    for (const order of expired) log.warn(order, 'order cancelled: PLACED for too long');
    const drafts = await expireDrafts(database, DRAFT_DEADLINE);
    for (const order of drafts) log.info(order, 'draft cancelled: unchanged for too long');
    return expired.length === BATCH || drafts.length === BATCH;
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      try {
        const isMore =
          pauses.share('status-service') > 0 && (await during('the sweep for overdue orders', sweep));
        if (isMore) continue;
      } catch (error) {
        log.warn({ error: briefly(error) }, 'could not check for overdue orders');
      }
      await pause(ORDER_DEADLINE_EVERY, stopping.signal);
    }
  })();
  return async () => {
    stopping.abort();
    await running;
  };
}

/** Whether any is old enough to be overdue, were nothing ever paused: at most times none is, and that is quickly told. */
async function anyOld(database: Database, placedMs: number, draftMs: number): Promise<boolean> {
  const [row] = await bare(database).$queryRaw<{ any: boolean }[]>`
    SELECT EXISTS (SELECT FROM orders WHERE status = 'PLACED' AND placed_at < clock_timestamp() - ${inMs(placedMs)})
      OR EXISTS (SELECT FROM orders WHERE status = 'DRAFT' AND updated_at < clock_timestamp() - ${inMs(draftMs)}) AS any`;
  return row?.any ?? false;
}

const inMs = (ms: number) => Prisma.sql`${ms}::float8 * interval '1 millisecond'`;

interface ExpiredOrder {
  order_id: string;
  correlation_id: string;
}

/**
 * Cancels a batch of orders that were placed more than `deadlineMs` ago and are still PLACED, each by the
 * same compare-and-set as every move: one that has just become PREPARING is left alone. The time in which something that
 * they wait for was paused is not counted.
 * @returns those that it cancelled
 */
export async function expireSome(database: Database, deadlineMs: number): Promise<ExpiredOrder[]> {
  const paused = await readPausedTime(database);
  const before = new Date(overdueBefore(paused.now, deadlineMs, paused.of(holdUp.placed)));
  return cancelLate(database, await findOverdue(database, before), 'PLACED');
}

/**
 * Cancels a batch of drafts that nobody has touched for `deadlineMs`; one that has just been approved is left alone. The
 * time in which nobody could approve it is not counted.
 * @returns those that it cancelled
 */
export async function expireDrafts(database: Database, deadlineMs: number): Promise<ExpiredOrder[]> {
  const paused = await readPausedTime(database);
  const before = new Date(overdueBefore(paused.now, deadlineMs, paused.of(holdUp.draft)));
  const old = await database.$queryRaw<ExpiredOrder[]>`
    SELECT id AS order_id, correlation_id FROM orders
    WHERE status = 'DRAFT' AND updated_at < ${before}::timestamptz
    ORDER BY updated_at LIMIT ${BATCH}`;
  return cancelLate(database, old, 'DRAFT');
}

async function cancelLate(
  database: Database,
  late: readonly ExpiredOrder[],
  onlyFrom: OrderStatus,
): Promise<ExpiredOrder[]> {
  if (late.length === 0) return [];
  return database.$transaction(async (tx) => {
    const free = await lockFree(tx, late);
    const outcomes = await moveOrders(
      tx,
      free.map(({ order_id, correlation_id }) => ({
        orderId: order_id,
        to: 'CANCELLED',
        actor: 'MESH',
        reason: 'TIMEOUT',
        onlyFrom,
        origin: { correlationid: correlation_id },
      })),
    );
    const announcements = outcomes.flatMap((outcome) =>
      outcome.kind === 'moved' ? outcome.announcements : [],
    );
    await writeOutbox(tx, 'status-service', announcements);
    return free.filter((_, index) => outcomes[index]?.kind === 'moved');
  });
}

/** Those that nobody else has locked: one order that somebody works on, or looks at in psql, holds up no others. */
async function lockFree(tx: Tx, late: readonly ExpiredOrder[]): Promise<ExpiredOrder[]> {
  const ids = late.map(({ order_id }) => order_id);
  const locked = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM orders WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED`;
  const free = new Set(locked.map(({ id }) => id));
  return late.filter(({ order_id }) => free.has(order_id));
}

// Those whose work decides whether an order goes on; that others are behind is no reason to keep a customer waiting.
const DECIDING = ['inventory-service', 'payment-service', 'status-service'];
// What is on its way between broker and consumer, and the time in which a consumer finds what it has missed.
const SLACK = '30 seconds';
const PLACED: EventType = 'order.placed.v1';
// What follows the time in the least UUIDv7 of a moment.
const LEAST_ID_TAIL = '-0000-0000-000000000000';
const LEASE = `${LEASE_SECONDS} seconds`;

/**
 * Overdue orders about which nothing is under way. While an event about an order waits in the outbox or in a retry
 * queue, or a deciding consumer has not provably come as far as its publication, the delay is the mesh's own and the
 * order is given the time. What comes back from a retry queue, or is replayed, comes behind everything else in the
 * queue: it is under way until it is handled or given up, and what should have come back is fetched (see `createMissed`).
 * A consumer has come as far as the last of its live instances; one without any has not come at all. What it has missed
 * it fetches itself, and until then that is the mesh's delay too: its watermark stands before it. A dead letter holds
 * nothing up any more.
 *
 * A payment that has begun is the gateway's to delay, for as long as the deadline, and not the mesh's: the order is
 * given the time until the gateway has been asked, and gave no answer, and is not due to be asked again.
 *
 * When an order was placed is what order-api's clock said. One that was slow must not make it overdue at once, so that
 * its event has to be as old by the database's clock.
 *
 * An order's events are made after it, so that only partitions from its own day on are read; half a day is for
 * the clocks of the machines.
 * @param before what was placed, or begun, after that is not overdue
 */
function findOverdue(database: Database, before: Date): Promise<ExpiredOrder[]> {
  return database.$queryRaw<ExpiredOrder[]>`
    WITH reached AS (
      SELECT consumer, min(caught_up_at) AS at FROM consumer_progress
      WHERE updated_at > now() - ${LEASE}::interval GROUP BY consumer
    ), deciding AS MATERIALIZED (
      SELECT s.consumer, s.event_type, r.at, w.complete_to
      FROM subscriptions s LEFT JOIN reached r USING (consumer) LEFT JOIN consumer_watermarks w USING (consumer)
      WHERE s.until IS NULL AND s.consumer = ANY(${DECIDING}::text[])
    ), overdue AS MATERIALIZED (
      SELECT id, correlation_id, placed_at, created_at FROM orders
      WHERE status = 'PLACED' AND placed_at < ${before}::timestamptz
    ), floor AS MATERIALIZED (
      SELECT overlay(lpad(to_hex((extract(epoch FROM min(created_at) - interval '12 hours') * 1000)::bigint), 12, '0')
                     || ${LEAST_ID_TAIL} PLACING '-' FROM 9 FOR 0)::uuid AS id FROM overdue
    ), published AS MATERIALIZED (
      SELECT event_id, type, subject, created_at, published_at FROM event_log
      WHERE subject = ANY(ARRAY(SELECT id::text FROM overdue)) AND event_id >= (SELECT id FROM floor)
    ), handled AS MATERIALIZED (
      SELECT consumer, event_id FROM processed_events
      WHERE consumer = ANY(${DECIDING}::text[]) AND event_id = ANY(ARRAY(SELECT event_id FROM published))
        AND event_id >= (SELECT id FROM floor)
    ), failed AS MATERIALIZED (
      SELECT DISTINCT ON (consumer, event_id) consumer, event_id, retry_at
      FROM delivery_failures
      WHERE consumer = ANY(${DECIDING}::text[]) AND event_id = ANY(ARRAY(SELECT event_id FROM published))
      ORDER BY consumer, event_id, id DESC
    ), under_way AS MATERIALIZED (
      SELECT e.subject FROM published e
      JOIN deciding d ON d.event_type = e.type
      LEFT JOIN handled h ON h.consumer = d.consumer AND h.event_id = e.event_id
      LEFT JOIN failed f ON f.consumer = d.consumer AND f.event_id = e.event_id
      WHERE h.event_id IS NULL AND CASE WHEN f.event_id IS NULL
        THEN d.at IS NULL OR d.at <= e.published_at + ${SLACK}::interval OR d.complete_to < e.published_at
        ELSE f.retry_at > now() - ${RETRIES_AWAITED}::interval END
      UNION ALL
      SELECT subject FROM published
      WHERE type = ${PLACED} AND created_at >= ${before}::timestamptz
      UNION ALL
      SELECT order_id::text FROM payments
      WHERE order_id = ANY(ARRAY(SELECT id FROM overdue)) AND state = 'AUTHORIZING'
        AND (created_at >= ${before}::timestamptz
             OR last_error IS NULL OR next_attempt_at <= now())
      UNION ALL
      SELECT subject FROM outbox_events WHERE subject = ANY(ARRAY(SELECT id::text FROM overdue))
    )
    SELECT id AS order_id, correlation_id FROM overdue
    WHERE id::text <> ALL(ARRAY(SELECT subject FROM under_way))
    ORDER BY placed_at LIMIT ${BATCH}`;
}
