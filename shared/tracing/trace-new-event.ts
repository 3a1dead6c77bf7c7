import type { Origin } from '../events/announce';
import { Common, isTracing, KIND, startSpan } from './span';
import {
  newSpanId,
  newTraceId,
  readTraceContext,
  SAMPLED,
  writeTraceparent,
  type TraceContext,
} from './trace-context';

interface NewEvent {
  id: string;
  type: string;
  subject: string;
}

interface Attributes {
  traceparent: string;
  tracestate?: string | undefined;
}

/**
 * The attributes by which an event is part of a trace (https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md):
 * where that is recorded, of a span that says when it was made; else of what caused it, so that a process without
 * tracing breaks no trace.
 */
export function traceNewEvent(origin: Origin, { id, type, subject }: NewEvent): Attributes {
  const cause = origin.within ?? readTraceContext(origin.traceparent, origin.tracestate);
  if (!isTracing()) return attributesOf(cause ?? unrecorded(SAMPLED));
  const span = startSpan(NAME, KIND.producer, cause, commonOf(type))
    ?.set('messaging.message.id', id)
    .set('messaging.message.conversation_id', origin.correlationid)
    .set('ordermesh.subject', subject);
  span?.end();
  return attributesOf(span ?? cause ?? unrecorded(0));
}

/** What is kept of an origin where something is done about it later. */
export const traceOf = ({ within, traceparent, tracestate }: Origin): Partial<Attributes> =>
  within ? attributesOf(within) : { traceparent, tracestate };

/** For a chain that begins here, with a request, and is recorded by nobody in this process. */
export const beginUntraced = (): TraceContext => unrecorded(isTracing() ? 0 : SAMPLED);

const unrecorded = (flags: number): TraceContext => ({ traceId: newTraceId(), spanId: newSpanId(), flags });

const attributesOf = (context: TraceContext): Attributes => ({
  traceparent: writeTraceparent(context),
  tracestate: context.state,
});

const DESTINATION = 'ordermesh.events';
const NAME = `create ${DESTINATION}`;

const commons = new Map<string, Common>();

/** https://opentelemetry.io/docs/specs/semconv/messaging/ */
function commonOf(type: string): Common {
  let common = commons.get(type);
  if (!common) {
    common = new Common({
      'messaging.system': 'rabbitmq',
      'messaging.operation.type': 'create',
      'messaging.operation.name': 'create',
      'messaging.destination.name': DESTINATION,
      'messaging.rabbitmq.destination.routing_key': type,
    });
    commons.set(type, common);
  }
  return common;
}
