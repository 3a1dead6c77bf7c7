import { z } from 'zod';
import { actors, cancelReasons, orderStatuses } from '../../shared/lifecycle/order-lifecycle';
import { paymentCauses, paymentStates } from '../../shared/payment/payment-lifecycle';
import { readTimeline } from '../../shared/timeline/read-timeline';
import { deliveryStates, seriousness } from '../../shared/timeline/wait-codes';
import { amount, id, openEnum, timestamp, uuid } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { version } from './fields';
import { timelineExample } from './timeline-example';

const ms = (description: string) => z.int().meta({ description: `Milliseconds ${description}` });
const leftOut = z.int().meta({ description: 'How many older ones are not shown' });
const moment = timestamp.nullable();
const cause = uuid.nullable().meta({ description: 'The event that caused it' });

const wait = z
  .object({
    code: openEnum(seriousness),
    since: timestamp,
    service: z
      .string()
      .meta({ description: 'Who owes it; order-api where a person does', example: 'inventory-service' }),
    sentence: z.string().meta({ description: 'For people; its wording may change' }),
  })
  .meta({ id: 'Wait' });

const failure = z.object({
  at: timestamp,
  outcome: openEnum(['RETRIED', 'DEAD_LETTERED', 'REPLAYED', 'DISCARDED']),
  attempt: z.int(),
  reason: z.string(),
  error: z.string(),
  retry_at: moment,
});

const consumer = z.object({
  service: z.string(),
  state: openEnum(deliveryStates),
  attempts: z.int(),
  handled_at: moment,
  handle_ms: ms('from its publication').nullable(),
  failures: z.array(failure),
  failures_left_out: leftOut,
});

const event: z.ZodType = z
  .object({
    id: uuid,
    type: z.string(),
    source: z.string(),
    caused_by: cause,
    written_at: timestamp,
    after_cause_ms: ms('from when its cause was written').nullable(),
    published_at: moment,
    publish_ms: ms('from its writing').nullable(),
    refused: z
      .object({ attempts: z.int(), error: z.string(), next_attempt_at: timestamp })
      .nullable()
      .meta({ description: 'RabbitMQ refused it, or had no queue for it' }),
    consumers: z.array(consumer),
    get caused() {
      return z.array(event).meta({
        description: 'The events that it caused',
        type: 'array',
        items: { $ref: '#/components/schemas/TimelineEvent' },
      });
    },
  })
  .meta({ id: 'TimelineEvent' });

const payment = z.object({
  id: uuid,
  state: openEnum(paymentStates),
  amount,
  currency: z.string(),
  gateway: z.string().nullable(),
  gateway_reference: z.string().nullable(),
  decline_code: z.string().nullable(),
  operation: z.string().nullable().meta({ description: 'What the gateway is being asked for, or refused' }),
  attempts: z.int(),
  asked_at: moment,
  next_attempt_at: moment,
  last_error: z.string().nullable(),
  review: z.object({ operation: z.string(), reason: z.string() }).nullable(),
  moves: z.array(
    z.object({
      at: timestamp,
      from: openEnum(paymentStates).nullable(),
      to: openEnum(paymentStates),
      cause: openEnum(paymentCauses, "The gateway's answer, an event or an operator: "),
      caused_by: cause,
      attempts: z
        .int()
        .nullable()
        .meta({ description: 'How often the gateway was asked for it; null where it was not' }),
      asked_at: moment,
      answer_ms: ms('from the last question to the answer').nullable(),
      last_error: z.string().nullable().meta({ description: 'Why an earlier question had no answer' }),
      operator: z.string().nullable(),
      note: z.string().nullable(),
    }),
  ),
  moves_left_out: leftOut,
  ledger: z.array(z.object({ at: timestamp, kind: z.string(), amount, currency: z.string() })),
});

const timeline = z
  .object({
    order_id: uuid,
    status: z.enum(orderStatuses),
    version,
    as_of: timestamp,
    waiting_for: wait.nullable().meta({ description: 'null where it waits for nothing' }),
    also_waiting_for: z.array(wait),
    events: z.array(event),
    events_left_out: leftOut,
    payment: payment.nullable().meta({ description: 'null where it is not paid by card, or not yet' }),
    history: z.array(
      z.object({
        version,
        from: z.enum(orderStatuses).nullable(),
        to: z.enum(orderStatuses),
        actor: openEnum(actors),
        reason: openEnum(cancelReasons, 'Of a cancellation: ').nullable(),
        note: z.string().nullable(),
        caused_by: cause,
        at: timestamp,
      }),
    ),
    history_left_out: leftOut,
  })
  .meta({ id: 'Timeline' });

export const getTimeline = route({
  method: 'get',
  path: '/orders/{id}/timeline',
  name: 'getTimeline',
  example: { params: { id: exampleIds.order } },
  summary: 'What happened to an order, and what it waits for',
  description:
    'Its events as a causal tree, over all services, and its payment. For staff: it names what went wrong.',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { order: 'id' },
  answers: { 200: { description: 'As of one moment', schema: timeline, example: timelineExample } },
  async handle({ params }, { database, draftDeadlineMs }) {
    const body = await readTimeline(database, params.id, { draftDeadlineMs });
    if (!body) throw notFound(`There is no order ${params.id}.`);
    return { status: 200, body };
  },
});
