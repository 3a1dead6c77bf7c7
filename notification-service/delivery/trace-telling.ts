import { Common, KIND, startSpan, type Span } from '../../shared/tracing/span';
import { readTraceContext } from '../../shared/tracing/trace-context';
import type { Settlement } from './channel';

interface Told {
  id: string;
  eventId: string;
  eventType: string;
  orderId: string | null;
  correlationId: string;
  traceparent?: string | null;
  tracestate?: string | null;
  attempt?: number;
  /** Of the others that go out with it. */
  gatheredTraces?: readonly string[];
}

/**
 * A span for an attempt to tell somebody, in the trace of the event that it is about.
 * @param channel in small letters: `log`, `email`
 * @returns undefined where the event's trace is not recorded
 */
export function traceTelling(notification: Told, channel: string): Span | undefined {
  const cause = readTraceContext(notification.traceparent, notification.tracestate);
  const kind = channel === 'log' ? KIND.internal : KIND.client;
  const span =
    cause && startSpan(`notify ${channel}`, kind, cause, commonOf(channel, notification.eventType));
  if (!span) return undefined;
  span
    .set('ordermesh.notification_id', notification.id)
    .set('ordermesh.event_id', notification.eventId)
    .set('ordermesh.order_id', notification.orderId)
    .set('messaging.message.conversation_id', notification.correlationId);
  if (notification.attempt && notification.attempt > 1) span.set('ordermesh.attempt', notification.attempt);
  for (const traceparent of notification.gatheredTraces ?? []) span.link(readTraceContext(traceparent));
  return span;
}

const OUTCOMES = { SENT: 'sent', PENDING: 'retried', FAILED: 'failed', DROPPED: 'dropped' } as const;

/** Not with what the other side said: that may quote an address. The log has it. */
export function endTelling(span: Span | undefined, { status, detail }: Settlement): void {
  if (!span) return;
  span.set('ordermesh.outcome', OUTCOMES[status]);
  if (typeof detail?.status === 'number') span.set('http.response.status_code', detail.status);
  if (status === 'PENDING' || status === 'FAILED') span.fail(OUTCOMES[status]);
  span.end();
}

const commons = new Map<string, Common>();

/** Channels and types are few. */
function commonOf(channel: string, type: string): Common {
  const name = `${channel} ${type}`;
  const common =
    commons.get(name) ?? new Common({ 'ordermesh.channel': channel, 'ordermesh.event_type': type });
  commons.set(name, common);
  return common;
}
