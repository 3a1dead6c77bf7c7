import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import type { PublishOutcome } from '../shared/messaging/publisher';
import { Common, errorTypeOf, isTracing, KIND, startSpan, type Span } from '../shared/tracing/span';
import { readTraceContext, type TraceContext } from '../shared/tracing/trace-context';
import type { OutboxRow } from './outbox-rows';

// Read from the text, as what else the message needs of it: the attributes come before the data.
const TRACEPARENT = /"traceparent":\s*"([^"\\]{55,200})"/;
const TRACESTATE = /"tracestate":\s*("(?:[^"\\]|\\.)*")/;
const ATTRIBUTES_END = '"data":';
const MOST_ATTRIBUTES = 4_096;

/**
 * A span from an event's publication until the broker has confirmed it, beneath the one of its making; what is consumed
 * is beneath this one. One is begun for each attempt.
 */
export function traceSending(row: OutboxRow): Span | undefined {
  if (!isTracing() || row.body === null) return undefined;
  const span = startSpan(`send ${EVENTS_EXCHANGE}`, KIND.producer, madeUnder(row.body), commonOf(row.type))
    ?.set('messaging.message.id', row.event_id)
    .set('messaging.message.conversation_id', row.correlation_id)
    .set('ordermesh.subject', row.subject);
  if (row.attempts > 0) span?.set('ordermesh.attempt', row.attempts + 1);
  return span;
}

/** The message's headers, by which a consumer finds the span of its sending. */
export const traceHeaders = (span: Span | undefined): Record<string, unknown> | undefined =>
  span && {
    traceparent: span.traceparent,
    ...(span.state === undefined ? {} : { tracestate: span.state }),
  };

export function endSending(span: Span | undefined, outcome: PublishOutcome): void {
  if (outcome.kind === 'refused') span?.fail('refused', outcome.error);
  // Where nobody subscribes to it that is as it should be; else it is said by the next attempt.
  else if (outcome.kind === 'unroutable') span?.set('ordermesh.outcome', 'unroutable');
  span?.end();
}

export const endUnanswered = (span: Span | undefined, error: Error): void =>
  span?.fail(errorTypeOf(error), error.message).end();

function madeUnder(body: string): TraceContext | undefined {
  const head = body.slice(0, MOST_ATTRIBUTES);
  const end = head.indexOf(ATTRIBUTES_END);
  const attributes = end < 0 ? head : head.slice(0, end);
  const traceparent = TRACEPARENT.exec(attributes)?.[1];
  const tracestate = traceparent && TRACESTATE.exec(attributes)?.[1];
  return readTraceContext(traceparent, tracestate && JSON.parse(tracestate));
}

const commons = new Map<string, Common>();
/** Nearly all are types of the mesh; of what somebody else has written into the outbox there may be any. */
const MOST_COMMONS = 200;

function commonOf(type: string): Common {
  let common = commons.get(type);
  if (common) return common;
  common = new Common({
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'send',
    'messaging.operation.name': 'send',
    'messaging.destination.name': EVENTS_EXCHANGE,
    'messaging.rabbitmq.destination.routing_key': type,
  });
  if (commons.size < MOST_COMMONS) commons.set(type, common);
  return common;
}
