import type {
  Timeline,
  TimelineConsumer,
  TimelineEvent,
  TimelinePayment,
  TimelinePaymentMove,
  Wait,
} from '../../shared/timeline/timeline';
import { oneLine, printable, table } from '../command-line/table';

/** A timeline for a person: what the order waits for first, then how it came to that. */
export function timelineAsText(timeline: Timeline): string {
  const { order_id, status, version, as_of, waiting_for, also_waiting_for, events, history } = timeline;
  return [
    `Order ${order_id} is ${status}, version ${version}, as of ${as_of}`,
    '',
    ...(waiting_for ? waitLines('waits for', waiting_for) : ['It waits for nothing.']),
    ...also_waiting_for.flatMap((wait) => waitLines('and for', wait)),
    '',
    'EVENTS',
    ...leftOut(timeline.events_left_out),
    ...(events.length > 0 ? events.flatMap((event) => eventLines(event, '')) : ['none on record']),
    ...(timeline.payment ? ['', ...paymentLines(timeline.payment)] : []),
    '',
    ...leftOut(timeline.history_left_out),
    table(
      ['MOVED', 'FROM', 'TO', 'BY', 'REASON', 'NOTE'],
      history.map(({ at, from, to, actor, reason, note }) => [
        at,
        from ?? '',
        to,
        actor,
        reason ?? '',
        note ?? '',
      ]),
    ),
  ].join('\n');
}

const waitLines = (what: string, { code, since, service, sentence }: Wait): string[] => [
  `${what.padEnd(10)}${service === 'order-api' ? 'people, who say so at order-api' : service}, since ${since} (${code})`,
  `          ${oneLine(sentence)}`,
];

/** A tree by its indentation: what an event caused is below it, further to the right. */
function eventLines(event: TimelineEvent, indent: string): string[] {
  const { id, type, written_at, published_at, publish_ms, refused, consumers, caused } = event;
  const published = published_at
    ? `published after ${publish_ms} ms`
    : refused
      ? `refused ${refused.attempts} times: ${oneLine(refused.error)}; next ${refused.next_attempt_at}`
      : 'not published';
  return [
    `${indent}${printable(type)}  ${id}  ${written_at}, ${published}`,
    ...consumers.flatMap((one) => consumerLines(one, `${indent}    `)),
    ...caused.flatMap((one) => eventLines(one, `${indent}  `)),
  ];
}

function consumerLines(consumer: TimelineConsumer, indent: string): string[] {
  const { service, state, attempts, handle_ms, failures, failures_left_out } = consumer;
  const facts = [
    state,
    handle_ms === null ? '' : `after ${handle_ms} ms`,
    attempts > 1 ? `attempt ${attempts}` : '',
  ];
  return [
    `${indent}${printable(service).padEnd(22)}${facts.filter(Boolean).join(', ')}`,
    ...leftOut(failures_left_out).map((line) => `${indent}  ${line}`),
    ...failures.map(
      ({ at, outcome, attempt, reason, error, retry_at }) =>
        `${indent}  ${at}  ${outcome} attempt ${attempt}, ${oneLine(`${reason}: ${error}`)}${retry_at && outcome === 'RETRIED' ? `; again ${retry_at}` : ''}`,
    ),
  ];
}

function paymentLines(payment: TimelinePayment): string[] {
  const { state, amount, currency, gateway, gateway_reference, operation, attempts, last_error } = payment;
  return [
    `PAYMENT ${payment.id} is ${state}: ${amount.toFixed(2)} ${currency}${gateway ? `, ${gateway} ${printable(gateway_reference ?? '')}` : ''}`,
    ...(operation && payment.next_attempt_at
      ? [
          `asked ${attempts} times to ${operation}, next ${payment.next_attempt_at}${last_error ? `; last error: ${oneLine(last_error)}` : ''}`,
        ]
      : []),
    ...(payment.review ? [`in review: ${payment.review.operation}, ${oneLine(payment.review.reason)}`] : []),
    ...leftOut(payment.moves_left_out),
    table(
      ['MOVED', 'FROM', 'TO', 'ANSWER', 'ASKED', 'MS', 'EARLIER ERROR'],
      payment.moves.map((move) => moveRow(move)),
    ),
  ];
}

const moveRow = ({ at, from, to, cause, attempts, answer_ms, last_error }: TimelinePaymentMove): string[] => [
  at,
  from ?? '',
  to,
  cause,
  attempts === null ? '' : String(attempts),
  answer_ms === null ? '' : String(answer_ms),
  last_error ?? '',
];

const leftOut = (count: number): string[] => (count > 0 ? [`(${count} older ones are not shown)`] : []);
