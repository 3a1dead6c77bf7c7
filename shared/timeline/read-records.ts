import { firstIdOf } from '../history/partitions';
import { LEASE_SECONDS } from '../messaging/progress';
import { someRelayOwns } from '../outbox/relay-lock';
import type { Tx } from '../service/database';
import { readPauses } from '../service/read-pauses';
import type {
  ChangeRecord,
  ConsumerRecord,
  DeliveryRecord,
  EventRecord,
  FailureRecord,
  LedgerRecord,
  OrderRecord,
  PaymentMoveRecord,
  PaymentRecord,
  Records,
} from './records';

/** Of each the newest so many are read; an order has about ten events. */
const MOST_EVENTS = 100;
const MOST_CHANGES = 100;
/** Of one event at one consumer. */
const MOST_FAILURES = 10;
/** The clocks of machines differ by less. */
const CLOCKS_MS = 12 * 3_600_000;
// A subscription is recorded after its queue is bound, and an event may be marked as published that much later.
const MARKED_LATE = '30 seconds';

/**
 * Reads what is on record of an order. Each look is by an index, at partitions from the order's own day on.
 * @param tx of one snapshot, or the records may contradict each other
 * @returns undefined where there is no such order
 */
export async function readRecords(tx: Tx, orderId: string): Promise<Records | undefined> {
  const order = await readOrder(tx, orderId);
  if (!order) return undefined;
  const events = await readEvents(tx, orderId, firstIdOf(order.created_at.getTime() - CLOCKS_MS));
  const isPublished = events.every(({ published_at }) => published_at);
  return {
    order,
    events,
    changes: await readChanges(tx, orderId),
    deliveries: await readDeliveries(tx, events),
    failures: await readFailures(tx, events),
    consumers: await readConsumers(tx),
    pauses: await readPauses(tx),
    relayIsAtWork: isPublished || (await someRelayOwns(tx)),
    keptFrom: await readKeptFrom(tx, order.now),
    payment: order.payment_method === 'CASH' ? undefined : await readPayment(tx, orderId),
  };
}

async function readOrder(tx: Tx, orderId: string): Promise<OrderRecord | undefined> {
  const [order] = await tx.$queryRaw<OrderRecord[]>`
    SELECT o.id, o.status, o.version, o.payment_method, o.created_at, o.placed_at, o.updated_at, now() AS now,
      r.state AS reservation, t.stock_deducted_at, t.payment_authorized_at
    FROM orders o LEFT JOIN stock_reservations r ON r.order_id = o.id LEFT JOIN order_state_tracking t ON t.order_id = o.id
    WHERE o.id = ${orderId}::uuid`;
  return order;
}

const readChanges = (tx: Tx, orderId: string) =>
  tx.$queryRaw<ChangeRecord[]>`
    SELECT version, from_status, to_status, actor, reason, note, caused_by, moved_at, (count(*) OVER ())::int AS total
    FROM order_status_history WHERE order_id = ${orderId}::uuid ORDER BY version DESC LIMIT ${MOST_CHANGES}`;

async function readEvents(tx: Tx, orderId: string, floor: string): Promise<EventRecord[]> {
  const rows = await tx.$queryRaw<EventRecord[]>`
    SELECT event_id, type, source, causation_id, seq::text, created_at, published_at, attempts, next_attempt_at, last_error,
      (count(*) OVER ())::int AS total
    FROM (
      SELECT event_id, type, body->>'source' AS source, causation_id, seq, created_at, NULL::timestamptz AS published_at,
        attempts, next_attempt_at, last_error
      FROM outbox_events WHERE subject = ${orderId}
      UNION ALL
      SELECT event_id, type, body->>'source', causation_id, seq, created_at, published_at, 0, NULL, NULL
      FROM event_log WHERE subject = ${orderId} AND event_id >= ${floor}::uuid
    ) e ORDER BY created_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT ${MOST_EVENTS}`;
  // One that was written twice may be in both.
  const published = new Set(rows.filter((row) => row.published_at).map((row) => row.event_id));
  return rows.filter((row) => row.published_at || !published.has(row.event_id));
}

const readDeliveries = (tx: Tx, events: readonly EventRecord[]) =>
  tx.$queryRaw<DeliveryRecord[]>`
    WITH consumers AS MATERIALIZED (SELECT DISTINCT consumer FROM subscriptions)
    SELECT e.event_id, c.consumer, p.processed_at, p.attempts, k.starts
    FROM json_to_recordset(${JSON.stringify(events)}::json)
      AS e (event_id uuid, type text, created_at timestamptz, published_at timestamptz)
    CROSS JOIN consumers c
    LEFT JOIN LATERAL (
      SELECT processed_at, attempts FROM processed_events
      WHERE consumer = c.consumer AND event_id = e.event_id LIMIT 1) p ON true
    LEFT JOIN crash_suspects k ON k.consumer = c.consumer AND k.event_id = e.event_id
    WHERE p.processed_at IS NOT NULL OR EXISTS (
      SELECT FROM subscriptions s WHERE s.consumer = c.consumer AND s.event_type = e.type
        AND (e.published_at IS NULL OR e.created_at >= s.since OR e.published_at >= s.since + ${MARKED_LATE}::interval)
        AND (s.until IS NULL OR e.published_at < s.until))
    ORDER BY c.consumer`;

const readFailures = (tx: Tx, events: readonly EventRecord[]) =>
  tx.$queryRaw<FailureRecord[]>`
    SELECT consumer, event_id, outcome, attempt, reason, error, failed_at, retry_at, total
    FROM (
      SELECT id, consumer, event_id, outcome, attempt, reason, error, failed_at, retry_at,
        row_number() OVER newest AS nth, (count(*) OVER (PARTITION BY consumer, event_id))::int AS total
      FROM delivery_failures WHERE event_id = ANY(${events.map(({ event_id }) => event_id)}::uuid[])
      WINDOW newest AS (PARTITION BY consumer, event_id ORDER BY id DESC)
    ) f WHERE nth <= ${MOST_FAILURES} ORDER BY id DESC`;

const readConsumers = (tx: Tx) =>
  tx.$queryRaw<ConsumerRecord[]>`
    WITH instances AS (
      SELECT consumer, caught_up_at, updated_at,
        updated_at > now() - ${LEASE_SECONDS}::float8 * interval '1 second' AS live
      FROM consumer_progress
    )
    SELECT consumer, (count(*) FILTER (WHERE live))::int AS live, min(caught_up_at) FILTER (WHERE live) AS reached,
      max(updated_at) AS heard_at
    FROM instances GROUP BY consumer`;

/** The first id from which on `processed_events` is sure to be complete: where its oldest partition begins, or today. */
async function readKeptFrom(tx: Tx, now: Date): Promise<string> {
  const [row] = await tx.$queryRaw<{ day: string | null }[]>`
    SELECT min(substring(c.relname FROM '_([0-9]{8})$')) AS day
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'processed_events'::regclass`;
  if (!row?.day) return firstIdOf(0);
  const oldest = Date.parse(row.day.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3'));
  return firstIdOf(Math.min(oldest, new Date(now).setUTCHours(0, 0, 0, 0)));
}

async function readPayment(tx: Tx, orderId: string): Promise<Records['payment']> {
  const [payment] = await tx.$queryRaw<PaymentRecord[]>`
    SELECT id, state, amount, currency, order_cancelled, gateway, gateway_reference, decline_code, review_operation,
      review_reason, attempts, asked_at, next_attempt_at, last_error, updated_at
    FROM payments WHERE order_id = ${orderId}::uuid`;
  if (!payment) return undefined;
  const moves = await tx.$queryRaw<PaymentMoveRecord[]>`
    SELECT from_state, to_state, cause, caused_by, attempts, asked_at, last_error, operator, note, moved_at,
      (count(*) OVER ())::int AS total
    FROM payment_moves WHERE order_id = ${orderId}::uuid ORDER BY id DESC LIMIT ${MOST_CHANGES}`;
  const ledger = await tx.$queryRaw<LedgerRecord[]>`
    SELECT kind, amount, currency, recorded_at FROM payment_ledger WHERE order_id = ${orderId}::uuid ORDER BY id DESC`;
  return { payment, moves, ledger };
}

/** How many are before something in a line. */
export interface Ahead {
  count: number;
  /** There may be more. */
  atLeast: boolean;
}

const MOST_AHEAD = 1_000;
/** An event is published within this time of its writing, or it is not counted. */
const OLDEST_MS = 2 * 86_400_000;

/**
 * How many events are before one in a consumer's queue: published before it, and neither handled nor failed. Of what
 * was published last before it, a thousand of each type are looked at, so that a long queue costs no more; and nothing
 * from before what the consumer has provably done.
 */
export async function countAhead(
  tx: Tx,
  consumer: string,
  event: EventRecord,
  reached: Date | null | undefined,
): Promise<Ahead> {
  const floor = firstIdOf((event.published_at ?? event.created_at).getTime() - OLDEST_MS);
  const [row] = await tx.$queryRaw<Ahead[]>`
    WITH this AS MATERIALIZED (SELECT published_at, seq FROM event_log WHERE event_id = ${event.event_id}::uuid)
    SELECT (count(*) FILTER (WHERE waiting))::int AS count, count(*) >= ${MOST_AHEAD} AS "atLeast" FROM (
      SELECT NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = ${consumer} AND p.event_id = e.event_id)
        AND NOT EXISTS (SELECT FROM delivery_failures f WHERE f.event_id = e.event_id AND f.consumer = ${consumer}) AS waiting
      FROM subscriptions s CROSS JOIN this CROSS JOIN LATERAL (
        SELECT event_id FROM event_log
        WHERE type = s.event_type AND event_id >= ${floor}::uuid
          AND published_at >= greatest(s.since, ${reached ?? new Date(0)}::timestamptz)
          AND published_at <= this.published_at AND (published_at < this.published_at OR seq < this.seq)
        ORDER BY published_at DESC LIMIT ${MOST_AHEAD}) e
      WHERE s.consumer = ${consumer} AND s.until IS NULL LIMIT ${MOST_AHEAD}) before`;
  return row ?? NOTHING;
}

/** How many events are to be published before one. */
export async function countUnpublishedBefore(tx: Tx, { seq }: EventRecord): Promise<Ahead> {
  const [row] = await tx.$queryRaw<Ahead[]>`
    SELECT count(*)::int AS count, count(*) >= ${MOST_AHEAD} AS "atLeast" FROM (
      SELECT FROM outbox_events WHERE seq < ${seq}::bigint AND next_attempt_at IS NULL LIMIT ${MOST_AHEAD}) before`;
  return row ?? NOTHING;
}

export const NOTHING: Ahead = { count: 0, atLeast: false };
