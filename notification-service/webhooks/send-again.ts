import { isEventType } from '../../shared/events/contracts';
import { parseMessage, type Event } from '../../shared/events/envelope';
import { firstIdOf } from '../../shared/history/partitions';
import type { Tx } from '../../shared/service/database';
import { recordNotifications } from '../delivery/record-notifications';
import { IS_ON } from './find-endpoints';
import { webhook } from './record-webhooks';
import type { WebhookRequest } from './webhook-request';

const DELIVERIES = 1_000;
const EVENTS = 2_000;
/** By how much the clocks that ids are made by may be apart. What is read twice is recorded once. */
const CLOCKS_MS = 5 * 60_000;

/** Has deliveries begin anew, whatever became of them; one that is being sent at this moment is left alone. */
export const sendAgain = (tx: Tx, endpointId: string, ids: readonly string[]): Promise<number> =>
  tx.$executeRaw`
    UPDATE notifications SET status = 'PENDING', attempts = 0, next_attempt_at = now(), sent_at = NULL,
      kind = CASE WHEN kind = 'HELD' THEN NULL ELSE kind END
    WHERE id = ANY (${ids as string[]}::uuid[]) AND channel = 'WEBHOOK' AND recipient = ${endpointId} AND claim IS NULL`;

/**
 * A part of a recovery: first what failed or was dropped is sent again, then what is in the history and was never
 * recorded for the endpoint, because it was off. @returns whether that was the last part
 */
export async function recoverSome(tx: Tx, request: WebhookRequest): Promise<boolean> {
  const [endpoint] = await tx.$queryRaw<{ since: Date; event_types: string[]; now: Date }[]>`
    SELECT greatest(e.created_at, ${request.since}::timestamptz) AS since, e.event_types, now() AS now
    FROM webhook_endpoints e WHERE e.id = ${request.endpoint_id}::uuid AND ${IS_ON}`;
  if (!endpoint) return true; // it was switched off again
  const first = firstIdOf(endpoint.since);
  if (request.after_event === null) {
    const ids = await unsent(tx, request.endpoint_id, request.after_delivery ?? first);
    await sendAgain(tx, request.endpoint_id, ids);
    const isLast = ids.length < DELIVERIES;
    await tx.$executeRaw`
      UPDATE webhook_requests SET after_delivery = ${ids.at(-1) ?? first}::uuid, after_event = ${isLast ? first : null}::uuid
      WHERE id = ${request.id}::uuid`;
    return false;
  }
  const page = await missed(tx, request, endpoint.event_types);
  await recordNotifications(
    tx,
    page.events.map((event) => webhook(request.endpoint_id, event)),
  );
  if (page.last === undefined) return true;
  await tx.$executeRaw`
    UPDATE webhook_requests SET after_event = ${page.last}::uuid WHERE id = ${request.id}::uuid`;
  return false;
}

async function unsent(tx: Tx, endpointId: string, after: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM notifications
    WHERE channel = 'WEBHOOK' AND recipient = ${endpointId} AND id > ${after}::uuid AND status IN ('FAILED', 'DROPPED')
      AND kind IS DISTINCT FROM 'TEST'
    ORDER BY id LIMIT ${DELIVERIES}`;
  return rows.map(({ id }) => id);
}

/** The next of the history up to the moment of the request: what came later was recorded as it came. */
async function missed(
  tx: Tx,
  { restaurant_id, after_event, requested_at }: WebhookRequest,
  types: string[],
): Promise<{ events: Event[]; last: string | undefined }> {
  const rows = await tx.$queryRaw<{ id: string; wanted: boolean; body: unknown }[]>`
    WITH page AS (
      SELECT event_id, type, body FROM event_log
      WHERE event_id > ${after_event}::uuid AND event_id < ${firstIdOf(requested_at.getTime() + CLOCKS_MS)}::uuid
      ORDER BY event_id LIMIT ${EVENTS}),
    wanted AS (
      SELECT event_id FROM page
      WHERE (${types}::text[] = '{}' OR type = ANY (${types}::text[]))
        AND (${restaurant_id}::uuid IS NULL OR ${restaurant_id}::uuid = coalesce((body->'data'->>'restaurant_id')::uuid,
          (SELECT m.restaurant_id FROM menu_items m WHERE m.id = (body->'data'->>'menu_item_id')::uuid))))
    SELECT page.event_id AS id, wanted.event_id IS NOT NULL AS wanted, CASE WHEN wanted.event_id IS NOT NULL THEN body END AS body
    FROM page LEFT JOIN wanted USING (event_id) ORDER BY page.event_id`;
  const events = rows
    .filter(({ wanted }) => wanted)
    .map(({ body }) => parseMessage(Buffer.from(JSON.stringify(body)), isEventType))
    .flatMap((parsed) => (parsed.ok ? [parsed.event] : [])); // one of a type that is no more
  return { events, last: rows.length < EVENTS ? undefined : rows.at(-1)?.id };
}
