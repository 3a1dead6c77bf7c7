import { briefly } from '../../shared/messaging/failure';
import { bare, type Database, type Tx } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { pause } from '../../shared/service/pause';
import type { Stop } from '../../shared/service/run-service';
import { alwaysWell, type DeliveryHealth } from '../delivery/delivery-health';
import { waiting } from '../waiting';
import { recordNotifications } from '../delivery/record-notifications';
import { recoverSome, sendAgain } from './send-again';
import { webhook } from './record-webhooks';
import { sampleEvent } from './sample-event';
import type { WebhookRequest } from './webhook-request';
import { TEST } from './webhook-channel';

/** Between two looks: one request often follows another. */
const REST_MS = { first: 250, longest: 1_000 };
/** For how long one that failed is left alone. */
const REST_SECONDS = 30;

/** Does what order-api wants sent: tests, and what is to be sent again. Instances share the work. */
export function workRequests(
  database: Database,
  log: Logger,
  { share, during }: DeliveryHealth = alwaysWell,
): Stop {
  const stopping = new AbortController();
  const running = (async () => {
    for (let restMs = REST_MS.first; !stopping.signal.aborted;) {
      const worked =
        share('webhook') > 0 &&
        (await during('the work on what is to be sent again', () => workOne(database, log)).catch(
          (error: unknown) => {
            log.warn({ error: briefly(error) }, 'could not read what is to be sent again');
            return false;
          },
        ));
      if (worked) {
        waiting.channels.give();
        restMs = REST_MS.first;
      } else {
        await pause(restMs, stopping.signal);
        restMs = Math.min(2 * restMs, REST_MS.longest);
      }
    }
  })();
  return async () => {
    stopping.abort();
    await running;
  };
}

/** One request, or a part of one, in one transaction. @returns whether there was one */
export async function workOne(database: Database, log: Logger): Promise<boolean> {
  const [some] = await bare(database).$queryRaw<unknown[]>`SELECT 1 AS some FROM webhook_requests LIMIT 1`;
  if (!some) return false;
  let id: string | undefined;
  try {
    return await database.$transaction(async (tx) => {
      const [request] = await tx.$queryRaw<WebhookRequest[]>`
        SELECT r.id, r.endpoint_id, e.restaurant_id, r.kind, r.event_type, r.delivery_id, r.since, r.after_delivery,
          r.after_event, r.requested_at
        FROM webhook_requests r JOIN webhook_endpoints e ON e.id = r.endpoint_id
        WHERE r.not_before <= now() ORDER BY r.not_before LIMIT 1 FOR UPDATE OF r SKIP LOCKED`;
      if (!request) return false;
      id = request.id;
      if (await work(tx, request)) await tx.$executeRaw`DELETE FROM webhook_requests WHERE id = ${id}::uuid`;
      return true;
    });
  } catch (error) {
    if (id === undefined) throw error;
    log.warn(
      { request_id: id, error: briefly(error) },
      `could not send again; next try in ${REST_SECONDS} s`,
    );
    await database.$executeRaw`
      UPDATE webhook_requests SET not_before = now() + make_interval(secs => ${REST_SECONDS}) WHERE id = ${id}::uuid`;
    return true;
  }
}

/** @returns whether that was all of it */
async function work(tx: Tx, request: WebhookRequest): Promise<boolean> {
  switch (request.kind) {
    case 'TEST': {
      const event = sampleEvent(request.event_type!, request.restaurant_id);
      const { orderId: _, sequence: __, ...sample } = webhook(request.endpoint_id, event);
      await recordNotifications(tx, [{ ...sample, id: request.id, kind: TEST }]);
      return true;
    }
    case 'RESEND':
      await sendAgain(tx, request.endpoint_id, [request.delivery_id!]);
      return true;
    default:
      return recoverSome(tx, request);
  }
}
