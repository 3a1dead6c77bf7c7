import type { Logger } from '../../shared/service/logger';
import { spanLogFields, type Span } from '../../shared/tracing/span';
import type { Outcome } from './settle';

/** Says in the log what was not sent, and what becomes of it. */
export function tellOutcome(
  log: Logger,
  { notification, status, error, retryMs }: Outcome,
  span?: Span,
): void {
  if (status === 'SENT') return;
  const { id, channel, eventId, orderId, attempt, correlationId } = notification;
  const fields = {
    notification_id: id,
    channel,
    event_id: eventId,
    order_id: orderId ?? undefined,
    correlation_id: correlationId,
    ...spanLogFields(span),
    attempt,
    error,
    retry_in_ms: status === 'PENDING' ? Math.round(retryMs ?? 0) : undefined,
  };
  if (status === 'DROPPED') log.info(fields, 'a notification is not sent: it was dropped');
  else if (status === 'FAILED') log.error(fields, 'a notification failed for good');
  else log.warn(fields, 'a notification was not sent, and will be tried again');
}
