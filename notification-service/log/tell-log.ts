import type { Logger } from '../../shared/service/logger';

/** What is written to the log. */
export interface LoggedNotification {
  id: string;
  eventId: string;
  eventType: string;
  audience: string;
  orderId: string | null;
  menuItemId: string | null;
  restaurantId: string;
  title: string;
  text: string;
  correlationId: string;
}

/**
 * Writes one. It may throw: the notification then waits for its next turn. It may be called twice with the same
 * notification, should the process die in between.
 */
export type Teller = (notification: LoggedNotification) => Promise<void>;

/** Tells the log. */
export function tellLog(log: Logger): Teller {
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
