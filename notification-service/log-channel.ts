import type { Notification } from '../prisma/generated/client';
import type { Logger } from '../shared/service/logger';

/** What a channel is given. */
export type StoredNotification = Omit<Notification, 'createdAt' | 'batchId'>;

/**
 * A way to reach people. It may throw: the notification then waits for its next turn. It may be called
 * twice with the same notification, should the process die in between: pass the id on as idempotency key.
 */
export type Channel = (notification: StoredNotification) => Promise<void>;

/** Tells the log. */
export function logChannel(log: Logger): Channel {
  return async ({
    id,
    eventId,
    eventType,
    audience,
    orderId,
    menuItemId,
    restaurantId,
    correlationId,
    title,
    text,
  }) => {
    log.info(
      {
        notification_id: id,
        event_id: eventId,
        event_type: eventType,
        order_id: orderId ?? undefined,
        menu_item_id: menuItemId ?? undefined,
        restaurant_id: restaurantId,
        correlation_id: correlationId,
        audience,
        text,
      },
      `notification: ${title}`,
    );
  };
}
