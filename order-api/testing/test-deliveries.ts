import { newId } from '../../shared/ids';
import type { Database } from '../../shared/service/database';

interface Given {
  id?: string;
  status?: string;
  kind?: string;
  last_error?: string;
}

/** A delivery to a webhook, as notification-service records it. @returns its id */
export async function giveDelivery(
  database: Database,
  webhookId: string,
  { id = newId(), status = 'SENT', kind, last_error }: Given = {},
): Promise<string> {
  await database.$executeRaw`
    INSERT INTO notifications (id, event_id, event_source, event_type, channel, recipient, lane, kind, order_id, correlation_id, status, last_error)
    VALUES (${id}::uuid, ${newId()}::uuid, '/order-api', 'order.placed.v1', 'WEBHOOK', ${webhookId}, ${`webhook:${webhookId}`}, ${kind ?? null},
      ${newId()}::uuid, 'c-1', ${status}, ${last_error ?? null})`;
  return id;
}

/** An attempt at a delivery. */
export const giveAttempt = (
  database: Database,
  deliveryId: string,
  detail: object,
  latencyMs = 12,
): Promise<number> => database.$executeRaw`
  INSERT INTO notification_attempts (notification_id, attempt, attempted_at, latency_ms, outcome, detail)
  VALUES (${deliveryId}::uuid, 1, now(), ${latencyMs}, 'PENDING', ${JSON.stringify(detail)}::json)`;
