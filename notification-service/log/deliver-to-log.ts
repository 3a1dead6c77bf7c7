import { newId } from '../../shared/ids';
import { briefly } from '../../shared/messaging/failure';
import { bare, type Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import type { Stop } from '../../shared/service/run-service';
import { alwaysWell, type DeliveryHealth } from '../delivery/delivery-health';
import { countAttempt } from '../delivery/delivery-metrics';
import { errorTypeOf, spanLogFields } from '../../shared/tracing/span';
import { traceTelling } from '../delivery/trace-telling';
import type { LoggedNotification, Teller } from './tell-log';
import { pause } from '../../shared/service/pause';
import { waiting } from '../waiting';

/** For what other instances have left. */
const LOOK_EVERY_MS = 2_000;
/** Between two looks, so that each finds more. */
const GATHER_MS = 250;
const BATCHES = 20;
const LEASE = '30 seconds';
/** A slow channel is told no more in this round: what was told has to be noted well within the lease. */
const TELL_MS = 10_000;

type Batched = LoggedNotification & { batchId: string };

/**
 * Writes stored notifications to the log, oldest batch first, and notes each batch as delivered. Several
 * instances share the work: each leases what it takes, and what a dead one had leased comes back.
 */
export function deliverToLog(
  database: Database,
  tellOne: Teller,
  log: Logger,
  { share, during }: DeliveryHealth = alwaysWell,
  lookEveryMs = LOOK_EVERY_MS,
): Stop {
  const stopping = new AbortController();

  async function deliverSome(): Promise<number> {
    const batches = await lease(database);
    if (batches.length === 0) return 0;
    const told: Batched[] = [];
    const untold: Batched[] = [];
    const enough = performance.now() + TELL_MS;
    for (const notification of await read(database, batches)) {
      const taken = performance.now() < enough && (await tell(notification));
      (taken ? told : untold).push(notification);
    }
    await settle(database, batches, told, untold);
    return batches.length;
  }

  async function tell(notification: Batched): Promise<boolean> {
    const span = traceTelling(notification, 'log');
    try {
      await tellOne(notification, span);
      countAttempt('LOG', 'SENT');
      return true;
    } catch (error) {
      countAttempt('LOG', 'PENDING');
      log.warn(
        { notification_id: notification.id, ...spanLogFields(span), error: briefly(error) },
        'not delivered, will be tried again',
      );
      span?.fail(errorTypeOf(error));
      return false;
    } finally {
      span?.end();
    }
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      const seen = waiting.log.given;
      const gathered = pause(GATHER_MS, stopping.signal);
      const count =
        share('log') === 0
          ? 0
          : await during('the delivery to the log', deliverSome).catch((error: unknown) => {
              log.warn({ error: briefly(error) }, 'could not read or note the waiting notifications');
              return 0;
            });
      if (count === BATCHES) continue;
      await waiting.log.after(seen, lookEveryMs, stopping.signal);
      await gathered;
    }
  })();

  return async () => {
    stopping.abort();
    await running;
  };
}

async function lease(database: Database): Promise<string[]> {
  const leased = await bare(database).$queryRaw<{ id: string }[]>`
    UPDATE notification_batches SET leased_until = now() + ${LEASE}::interval
    WHERE id = ANY (ARRAY(
      SELECT id FROM notification_batches
      WHERE delivered_at IS NULL AND (leased_until IS NULL OR leased_until < now())
      ORDER BY created_at LIMIT ${BATCHES} FOR UPDATE SKIP LOCKED))
    RETURNING id`;
  return leased.map(({ id }) => id);
}

/** Not in the statement that leases: that one would not see what another instance has just moved. */
async function read(database: Database, batches: string[]): Promise<Batched[]> {
  const notifications = await database.$queryRaw<Batched[]>`
    SELECT id, batch_id AS "batchId", event_id AS "eventId", event_type AS "eventType", audience, order_id AS "orderId",
      menu_item_id AS "menuItemId", restaurant_id AS "restaurantId", title, text, correlation_id AS "correlationId",
      traceparent, tracestate
    FROM notifications WHERE batch_id = ANY (${batches}::uuid[])`;
  // An ORDER BY could have PostgreSQL read the whole table in this order, where a batch is thought to be large.
  return notifications.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Notes as delivered the batches of which something was told. The rest of such a batch becomes a batch of its
 * own, to be tried when a lease would run out; one of which nothing was told waits until its own does.
 */
async function settle(
  database: Database,
  batches: string[],
  told: Batched[],
  untold: Batched[],
): Promise<void> {
  const begun = new Set(told.map(({ batchId }) => batchId));
  const notBegun = new Set(untold.map(({ batchId }) => batchId).filter((id) => !begun.has(id)));
  const rest = untold.filter(({ batchId }) => begun.has(batchId));
  const next = new Map(rest.map(({ batchId }) => [batchId, newId()]));
  await database.$executeRaw`
    WITH moved AS (
      UPDATE notifications AS n SET batch_id = rest.batch_id
      FROM unnest(${rest.map(({ id }) => id)}::uuid[], ${rest.map(({ batchId }) => next.get(batchId))}::uuid[]) AS rest (id, batch_id)
      WHERE n.id = rest.id
      RETURNING n.batch_id),
    again AS (
      INSERT INTO notification_batches (id, leased_until)
      SELECT DISTINCT batch_id, now() + ${LEASE}::interval FROM moved)
    UPDATE notification_batches SET delivered_at = now()
    WHERE id = ANY (${batches.filter((id) => !notBegun.has(id))}::uuid[])`;
}
