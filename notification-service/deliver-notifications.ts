import { briefly } from '../shared/messaging/failure';
import type { Database } from '../shared/service/database';
import type { Logger } from '../shared/service/logger';
import type { Stop } from '../shared/service/run-service';
import type { Channel, StoredNotification } from './log-channel';
import { pause } from '../shared/service/pause';

const POLL_MS = 250;
const BATCH = 500;
const LEASE = '30 seconds';

/**
 * Hands stored notifications to the channel, oldest first, and notes each as delivered. Several
 * instances share the work: each leases what it takes, and what a dead one had leased comes back.
 */
export function deliverNotifications(database: Database, channel: Channel, log: Logger): Stop {
  const stopping = new AbortController();

  async function deliverSome(): Promise<number> {
    const leased = await lease(database);
    const delivered: string[] = [];
    for (const notification of leased) {
      try {
        await channel(notification);
        delivered.push(notification.id);
      } catch (error) {
        log.warn(
          { notification_id: notification.id, error: briefly(error) },
          'not delivered, will be tried again',
        );
      }
    }
    if (delivered.length > 0)
      await database.$executeRaw`UPDATE notifications SET delivered_at = now() WHERE id = ANY(${delivered}::uuid[])`;
    return leased.length;
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      const count = await deliverSome().catch((error: unknown) => {
        log.warn({ error: briefly(error) }, 'could not read the waiting notifications');
        return 0;
      });
      if (count < BATCH) await pause(POLL_MS, stopping.signal);
    }
  })();

  return async () => {
    stopping.abort();
    await running;
  };
}

async function lease(database: Database): Promise<StoredNotification[]> {
  const leased = await database.$queryRaw<StoredNotification[]>`
    UPDATE notifications SET leased_until = now() + ${LEASE}::interval
    WHERE id = ANY (ARRAY(
      SELECT id FROM notifications
      WHERE delivered_at IS NULL AND (leased_until IS NULL OR leased_until < now())
      ORDER BY created_at, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))
    RETURNING id, event_id AS "eventId", event_type AS "eventType", audience, order_id AS "orderId",
      menu_item_id AS "menuItemId", restaurant_id AS "restaurantId", title, text, correlation_id AS "correlationId"`;
  return leased.sort((a, b) => (a.id < b.id ? -1 : 1));
}
