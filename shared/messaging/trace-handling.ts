import type { Transactions } from '../service/transaction';
import { beneath } from '../tracing/beneath';
import { Common, errorTypeOf, isTracing, KIND, startBatch, startSpan, type Span } from '../tracing/span';
import { handledUnder } from '../tracing/span-of-event';
import { readTraceContext, type TraceContext } from '../tracing/trace-context';
import { orderIdOf } from '../events/envelope';
import type { ConsumerOutcome } from './consumer-metrics';
import type { Failure } from './dead-letter';
import type { Delivery, GoodDelivery } from './delivery';
import { sqlStateOf } from './failure';
import { EVENTS_EXCHANGE, serviceNames } from './topology';

/** How a consumer's work is told to a trace store: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
export interface HandlingTrace {
  /** Of each delivery a span of its own, in the trace of its event. */
  begin(batch: readonly Delivery[]): void;
  /** Does a batch; its statements are beneath its one event, or where there are more beneath a span that all of them lead to. */
  around<T>(
    batch: readonly GoodDelivery[],
    transactions: Transactions,
    work: (over: Transactions) => Promise<T>,
  ): Promise<T>;
}

/** @param consumer the service's name */
export function traceHandling(consumer: string): HandlingTrace {
  const { queue } = serviceNames(consumer);
  const name = `process ${queue}`;
  const batchName = `process batch ${queue}`;
  const commons = new Map<string | undefined, Common>();

  function commonOf(type: string | undefined): Common {
    const common =
      commons.get(type) ??
      new Common({
        'messaging.system': 'rabbitmq',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'process',
        'messaging.destination.name': EVENTS_EXCHANGE,
        'messaging.destination.subscription.name': queue,
        'messaging.consumer.group.name': consumer,
        ...(type === undefined ? {} : { 'messaging.rabbitmq.destination.routing_key': type }),
      });
    commons.set(type, common);
    return common;
  }

  function start(delivery: Delivery): Span | undefined {
    const { parsed, attempt, message } = delivery;
    const cause = causeOf(delivery);
    // What a stranger calls a type is no attribute that many spans have in common.
    if (!parsed.ok)
      return startSpan(name, KIND.consumer, cause, commonOf(undefined))?.set(
        'messaging.message.id',
        parsed.id,
      );
    const { event } = parsed;
    const span = startSpan(name, KIND.consumer, cause, commonOf(event.type))
      ?.set('messaging.message.id', event.id)
      .set('messaging.message.conversation_id', event.correlationid)
      .set('ordermesh.order_id', orderIdOf(event));
    if (!span) return undefined;
    if (attempt > 1) span.set('ordermesh.attempt', attempt);
    if (message.fields.redelivered) span.set('ordermesh.redelivered', true);
    handledUnder(event, span);
    return span;
  }

  return {
    begin: (batch) => {
      if (isTracing()) for (const delivery of batch) delivery.span ??= start(delivery);
    },
    around: async (batch, transactions, work) => {
      const spans = batch.flatMap(({ span }) => span ?? []);
      const [first] = spans;
      if (!first) return work(transactions);
      if (batch.length === 1) return work(beneath(transactions, first));
      const together = startBatch(batchName, commonOf(batch[0]?.parsed.event.type))?.set(
        'messaging.batch.message_count',
        batch.length,
      );
      for (const delivery of batch) if (delivery.span) together?.link(causeOf(delivery) ?? delivery.span);
      for (const span of spans) span.link(together);
      try {
        return await work(beneath(transactions, together));
      } catch (error) {
        together?.fail(sqlStateOf(error) ?? errorTypeOf(error));
        throw error;
      } finally {
        together?.end();
      }
    },
  };
}

/** Of the message where it has one, which is the sending; else of the event, which is its making. */
function causeOf({ message, parsed }: Delivery): TraceContext | undefined {
  const headers = (message.properties.headers ?? {}) as Record<string, unknown>;
  const sent = readTraceContext(headers.traceparent, headers.tracestate);
  if (sent) return sent;
  return parsed.ok ? readTraceContext(parsed.event.traceparent, parsed.event.tracestate) : undefined;
}

/** It was handled, now or before. */
export const endHandled = (
  { span }: Delivery,
  outcome: Extract<ConsumerOutcome, 'handled' | 'duplicate'>,
): void => span?.set('ordermesh.outcome', outcome).end();

/** It is set aside, to be tried again or for good. */
export const endFailed = (
  { span }: Delivery,
  { reason, error }: Failure,
  outcome: Extract<ConsumerOutcome, 'retried' | 'dead_lettered'>,
): void => span?.set('ordermesh.outcome', outcome).fail(reason, error).end();

/** The broker delivers it again, to whoever is there. */
export function endGivenUp(batch: readonly Delivery[]): void {
  for (const { span } of batch) span?.fail('given_up').end();
}
