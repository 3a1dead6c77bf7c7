import { newId } from '../../shared/ids';
import { afterCommit } from '../../shared/messaging/after-commit';
import type { Prisma } from '../../prisma/generated/client';
import type { Tx } from '../../shared/service/database';
import { waiting } from '../waiting';

/** A notification to be sent: one for each event, recipient and channel. */
export interface NewNotification {
  /** Where somebody has been told it already; else it is made. */
  id?: string;
  eventId: string;
  eventSource: string;
  eventType: string;
  channel: 'EMAIL' | 'SLACK' | 'WEBHOOK';
  /** An address, or the id of an endpoint. */
  recipient: string;
  /** The channel in small letters, then `:` and whatever else fails together: `email`, `webhook:<endpoint>`. */
  lane: string;
  kind?: string;
  orderId?: string;
  restaurantId?: string;
  correlationId: string;
  /** W3C Trace Context of what it is recorded under, where that is traced. */
  traceparent?: string;
  tracestate?: string;
  data?: Prisma.InputJsonValue;
  /** Its place in the order's life: it waits until those before it are settled. Without, it waits for none. */
  sequence?: number;
  /** It is dropped once one of the same order, recipient and lane from this place on is known. */
  staleFrom?: number;
  /** It waits, for some minutes at most, until something is on record about an event of this type about its order. */
  expects?: string;
  /** Not before. */
  afterMs?: number;
  /** It goes out together with others of the same key that are recorded before the first of them goes out. */
  gatherKey?: string;
  /** It is on record, but not sent, for this reason. */
  dropped?: string;
}

type Row = NewNotification & { id: string; gatheredInto?: string };

/**
 * Records what is to be sent. What is recorded already stays as it is; so nothing is sent twice for one event,
 * recipient and channel. Sending is the delivery's part: nothing external belongs into a transaction.
 */
export async function recordNotifications(tx: Tx, notifications: readonly NewNotification[]): Promise<void> {
  if (notifications.length === 0) return;
  const rows: Row[] = notifications.map((one) => ({ ...one, id: one.id ?? newId() }));
  await gather(tx, rows);
  // A busy batch for a thousand endpoints is more than one statement should carry.
  for (let from = 0; from < rows.length; from += AT_ONCE) await insert(tx, rows.slice(from, from + AT_ONCE));
  if (rows.some(({ dropped }) => dropped === undefined)) afterCommit(tx, () => waiting.channels.give());
}

const AT_ONCE = 1_000;

async function insert(tx: Tx, rows: readonly Row[]): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO notifications (id, event_id, event_source, event_type, channel, recipient, lane, kind, order_id,
      restaurant_id, correlation_id, data, sequence, stale_from, expects, gather_key, gathered_into, last_error, traceparent, tracestate, status, next_attempt_at)
    SELECT id, "eventId", "eventSource", "eventType", channel, recipient, lane, kind, "orderId",
      "restaurantId", "correlationId", data, sequence, "staleFrom", expects, "gatherKey", "gatheredInto", dropped, traceparent, tracestate,
      CASE WHEN dropped IS NOT NULL THEN 'DROPPED' WHEN "gatheredInto" IS NOT NULL THEN 'GATHERED' ELSE 'PENDING' END,
      CASE WHEN dropped IS NULL AND "gatheredInto" IS NULL
        THEN clock_timestamp() + make_interval(secs => coalesce("afterMs", 0) / 1000.0) END
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS n (id uuid, "eventId" uuid, "eventSource" text, "eventType" text,
      channel text, recipient text, lane text, kind text, "orderId" uuid, "restaurantId" uuid, "correlationId" text,
      data json, sequence int, "staleFrom" int, expects text, "gatherKey" text, "gatheredInto" uuid, dropped text, traceparent text, tracestate text, "afterMs" float8)
    ON CONFLICT (event_id, event_source, channel, recipient) WHERE channel <> 'LOG' DO NOTHING`;
}

/**
 * Has notifications of one key go out with the first of them. That one is locked until the commit, so that it does not
 * go out in between; and so is the key, or two transactions would each make a first one.
 */
async function gather(tx: Tx, rows: Row[]): Promise<void> {
  const gathering = rows.filter((row) => row.gatherKey && row.dropped === undefined);
  const keys = [...new Set(gathering.map((row) => row.gatherKey!))].sort();
  if (keys.length === 0) return;
  // One that is on record already must not become the first of its key: those that follow it would go out with a row
  // that is never written.
  const known = await knownAmong(tx, gathering);
  for (const key of keys)
    await tx.$queryRaw`SELECT 1 AS ok FROM pg_advisory_xact_lock(hashtext('notifications'), hashtext(${key}))`;
  const open = await tx.$queryRaw<{ id: string; key: string }[]>`
    SELECT id, gather_key AS key FROM notifications
    WHERE gather_key = ANY (${keys}) AND status = 'PENDING' AND attempts = 0 ORDER BY id FOR UPDATE`;
  const first = new Map(open.map(({ id, key }) => [key, id]));
  for (const row of gathering) {
    if (known.has(nameOf(row))) continue;
    const into = first.get(row.gatherKey!);
    if (into) row.gatheredInto = into;
    else first.set(row.gatherKey!, row.id);
  }
}

const nameOf = (row: Pick<NewNotification, 'eventId' | 'eventSource' | 'channel' | 'recipient'>) =>
  JSON.stringify([row.eventId, row.eventSource, row.channel, row.recipient]);

async function knownAmong(tx: Tx, rows: Row[]): Promise<Set<string>> {
  const known = await tx.$queryRaw<Parameters<typeof nameOf>[0][]>`
    SELECT event_id AS "eventId", event_source AS "eventSource", channel, recipient FROM notifications
    WHERE event_id = ANY (${rows.map((row) => row.eventId)}::uuid[]) AND channel <> 'LOG'`;
  return new Set(known.map(nameOf));
}
