import { MAX_CRASHES } from '../messaging/crash-suspects';
import type { Pause } from '../service/pauses';
import type { Operation } from '../payment/payment-lifecycle';
import { operationOf, type Owed } from './judge-order';
import type { Ahead } from './read-records';
import type { OrderRecord, PaymentRecord } from './records';
import type { Standing } from './judge-delivery';

/** What a sentence needs beside what is owed. */
export interface Circumstances {
  order: OrderRecord;
  draftDeadlineMs: number;
  /** How many are before the event, where it is in a line. */
  ahead: Ahead;
}

/** Says in a sentence what an order waits for, and why that does not come. */
export function explain(owed: Owed, circumstances: Circumstances): string {
  const { code, standing, payment, service, toDo } = owed;
  const { order, draftDeadlineMs } = circumstances;
  if (code === 'approval')
    return `It is a draft and waits to be approved; unless it is changed, it is cancelled at ${moment(new Date(order.updated_at.getTime() + draftDeadlineMs))}.`;
  if (code === 'staff')
    return order.status === 'PREPARING'
      ? 'Nothing is missing: staff has to send it out (OUT_FOR_DELIVERY).'
      : 'Nothing is missing: it is on its way, and staff has to say when it is DELIVERED.';
  if (owed.pause) return `${standing?.service ?? service} is to ${toDo}; ${whoPaused(owed.pause)}.`;
  if (standing)
    return `${standing.service} is to ${toDo}; ${whyNotHandled(owed, standing, circumstances.ahead)}.`;
  if (payment) return `${service} is to ${toDo}; ${whyNotAnswered(owed, payment, order)}.`;
  return `${service} is to ${toDo}; nothing on record tells why it has not: the history may be older than what is kept, or was changed by hand. npm run audit checks it.`;
}

const whoPaused = ({ part, by, since, why }: Pause) =>
  `${part} is paused by ${by} since ${moment(since)}: ${plain(why)}. It goes on when somebody says so: npm run mesh -- resume ${part}`;

function whyNotHandled(
  { code }: Owed,
  { event, service, failure, delivery, consumer }: Standing,
  ahead: Ahead,
): string {
  const { type } = event;
  // Its retry queue should have given it back by then.
  const overdue = failure?.outcome === 'RETRIED' ? failure.retry_at : undefined;
  const failed = failure && `${failure.reason}: ${plain(failure.error)}`;
  switch (code) {
    case 'relay_away':
      return `${type} is not published, because no outbox-publisher is at work: none runs, or none reaches RabbitMQ`;
    case 'publishing_refused':
      return `RabbitMQ did not take ${type} (${times(event.attempts)}: ${plain(event.last_error ?? 'no reason given')}); it is tried again at ${moment(event.next_attempt_at)}`;
    case 'not_published':
      return ahead.count > 0
        ? `${type} is not published yet: ${others(ahead)} are before it`
        : `${type} is next to be published, and that RabbitMQ has it is not on record yet`;
    case 'service_away':
      return consumer?.heard_at
        ? `${service} is away: no instance of it has reported from its queue since ${moment(consumer.heard_at)}`
        : `${service} is away: no instance of it runs, or none reaches its queue`;
    case 'queued':
      if (overdue)
        return `attempt ${failure?.attempt} at ${type} failed (${failed}); it was to be tried again at ${moment(overdue)}, and is in its queue or in its hands since, or has been lost: then it is fetched within about a minute`;
      return ahead.count > 0
        ? `${type} is in its queue behind ${others(ahead)}`
        : `${type} is next in its queue, or in its hands`;
    case 'crashing':
      return `${service} has died at least ${times((delivery?.starts ?? 2) - 1)} with ${type} in hand; after ${times(MAX_CRASHES)} that becomes a dead letter`;
    case 'retrying':
      return `attempt ${failure?.attempt} at ${type} failed (${failed}); it is tried again at ${moment(failure?.retry_at)}`;
    case 'dead_letter':
      return `${type} is a dead letter of ${service} since ${moment(failure?.failed_at)} (${failed}). Nothing happens until somebody decides: npm run dlq -- show ${event.event_id}`;
    case 'discarded':
      return `${type} was a dead letter of ${service} (${failure?.reason}), and was ${plain(failure?.error ?? 'discarded')} at ${moment(failure?.failed_at)}`;
    case 'missed':
      return `${type} was published and never reached ${service}, which has done all that came after it; it fetches what it missed within seconds`;
    case 'not_subscribed':
      return `${type} did not go to ${service}, which had not subscribed to it when it was published. npm run migrate subscribes it, npm run backfill gives it the past`;
    default:
      return `${type} is not handled`;
  }
}

function whyNotAnswered({ code }: Owed, payment: PaymentRecord, { id, now }: OrderRecord): string {
  const operation = words[operationOf(payment) ?? 'RESOLVE'];
  const asked =
    payment.attempts > 0
      ? `asked ${times(payment.attempts)} to ${operation}`
      : `not yet asked to ${operation}`;
  const error = payment.last_error && `, last: ${plain(payment.last_error)}`;
  switch (code) {
    case 'payment_in_review':
      return `the gateway refused to ${operation} for good, or has another sum (${plain(payment.review_reason ?? 'no reason given')}). An operator has to settle it: npm run payments -- show ${id}`;
    case 'service_away':
      return `it is away: the gateway should have been asked to ${operation} at ${moment(payment.next_attempt_at)}, and no instance runs${error ?? ''}`;
    case 'gateway_no_answer':
      return `the gateway does not answer (${asked}${error ?? ''}); it is asked again by ${moment(payment.next_attempt_at)}`;
    case 'gateway_asked':
      return `the gateway is being asked to ${operation} since ${moment(payment.asked_at)}, and has not answered yet`;
    default:
      return payment.next_attempt_at && payment.next_attempt_at < now
        ? `the gateway should have been asked to ${operation} at ${moment(payment.next_attempt_at)}, and nobody has taken that up yet${error ?? ''}`
        : `the gateway is to be asked to ${operation} at ${moment(payment.next_attempt_at)}`;
  }
}

/** What the gateway is asked for, after "to". */
const words: Record<Operation, string> = {
  AUTHORIZE: 'authorise',
  CAPTURE: 'capture',
  VOID: 'release',
  REFUND: 'refund',
  RESOLVE: 'say what became of it',
};

const times = (count: number) => (count === 1 ? 'once' : `${count} times`);
const others = ({ count, atLeast }: Ahead) =>
  `${atLeast ? 'at least ' : ''}${count === 1 ? '1 other' : `${count} others`}`;
/** To the second, in UTC. */
const moment = (at: Date | null | undefined) =>
  at ? at.toISOString().replace(/\.\d+Z$/, 'Z') : 'an unknown time';
/** Without the full stop that the sentence has of its own. */
const plain = (text: string) => text.replace(/[.\s]+$/, '');
