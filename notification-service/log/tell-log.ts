import type { Logger } from '../../shared/service/logger';
import { spanLogFields } from '../../shared/tracing/span';
import type { TraceContext } from '../../shared/tracing/trace-context';

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
  traceparent?: string | null;
  tracestate?: string | null;
}

/**
 * Writes one. It may throw: the notification then waits for its next turn. It may be called twice with the same
 * notification, should the process die in between.
 * @param span of the telling, where that is traced
 */
export type Teller = (notification: LoggedNotification, span?: TraceContext) => Promise<void>;

/** Tells the log. */
export function tellLog(log: Logger): Teller {
  return async (
    { id, eventId, eventType, audience, orderId, menuItemId, restaurantId, correlationId, title, text },
    span,
  ) => {
    log.info(
      {
        notification_id: id,
        event_id: eventId,
        event_type: eventType,
        order_id: orderId ?? undefined,
        menu_item_id: menuItemId ?? undefined,
        restaurant_id: restaurantId,
        correlation_id: correlationId,
        ...spanLogFields(span),
        audience,
        text,
      },
      `notification: ${title}`,
    );
  };
}
