import {
  isWorking,
  operations,
  repeatable,
  settlements,
  type PaymentState,
  type ReviewedOperation,
} from '../../shared/payment/payment-lifecycle';
import type { PaymentInQuestion, readPayment } from '../../payment-service/review';
import { formatPrice } from '../../shared/money';
import { oneLine, table } from '../command-line/table';

type KnownPayment = Awaited<ReturnType<typeof readPayment>>;

const operationOf = ({ state, review_operation }: PaymentInQuestion) =>
  review_operation ?? (isWorking(state) ? operations[state] : '');

export function listAsText(found: readonly PaymentInQuestion[], stuck: boolean): string {
  if (found.length === 0) return stuck ? 'No payment is stuck.' : 'No payment is in review.';
  const rows = found.map((one) => [
    one.order_id,
    one.order_status ?? '(unknown)',
    `${formatPrice(one.amount)} ${one.currency}`,
    operationOf(one),
    one.since.toISOString(),
    one.review_reason ??
      (one.last_error ? `asked ${one.attempts} times: ${one.last_error}` : '(no answer yet)'),
  ]);
  return table(['ORDER', 'ORDER IS', 'AMOUNT', stuck ? 'ASKED FOR' : 'REFUSED', 'SINCE', 'WHY'], rows);
}

/** A line for each payment. */
export const listAsJson = (found: readonly PaymentInQuestion[]): string =>
  found.map((one) => JSON.stringify({ ...one, amount: formatPrice(one.amount) })).join('\n');

export function paymentAsJson({ payment, moves, ledger, order }: KnownPayment): string {
  return JSON.stringify({
    order_id: payment.orderId,
    order_status: order?.status ?? null,
    payment_id: payment.id,
    state: payment.state,
    amount: formatPrice(payment.amount),
    currency: payment.currency,
    gateway: payment.gateway,
    gateway_reference: payment.gatewayReference,
    decline_code: payment.declineCode,
    review_operation: payment.reviewOperation,
    review_reason: payment.reviewReason,
    attempts: payment.attempts,
    next_attempt_at: payment.nextAttemptAt,
    last_error: payment.lastError,
    correlation_id: payment.correlationId,
    updated_at: payment.updatedAt,
    moves: moves.map((move) => ({
      at: move.movedAt,
      from: move.fromState,
      to: move.toState,
      cause: move.cause,
      caused_by: move.causedBy,
      operator: move.operator,
      note: move.note,
    })),
    ledger: ledger.map(({ recordedAt, kind, amount, currency, gatewayReference }) => ({
      at: recordedAt,
      kind,
      amount: formatPrice(amount),
      currency,
      gateway_reference: gatewayReference,
    })),
  });
}

export function paymentAsText({ payment, moves, ledger, order }: KnownPayment): string {
  const facts: [string, string | null | undefined][] = [
    [
      'order',
      `${payment.orderId}, ${order ? `${order.status}${order.cancelReason ? ` (${order.cancelReason})` : ''}` : 'which does not exist'}`,
    ],
    ['payment', `${payment.id}, ${payment.state} since ${payment.updatedAt.toISOString()}`],
    ['amount', `${formatPrice(payment.amount)} ${payment.currency}`],
    ['gateway', payment.gateway && `${payment.gateway}, ${payment.gatewayReference}`],
    ['declined', payment.declineCode],
    ['refused', payment.reviewOperation && `${payment.reviewOperation}: ${payment.reviewReason}`],
    [
      'asked',
      payment.nextAttemptAt && `${payment.attempts} times, due ${payment.nextAttemptAt.toISOString()}`,
    ],
    ['last error', payment.lastError],
    ['correlation', payment.correlationId],
  ];
  return [
    ...facts.flatMap(([name, value]) => (value ? [`${name.padEnd(13)}${oneLine(value)}`] : [])),
    '',
    table(
      ['MOVED', 'FROM', 'TO', 'CAUSE', 'BY', 'NOTE'],
      moves.map((move) => [
        move.movedAt.toISOString(),
        move.fromState ?? '',
        move.toState,
        move.cause,
        move.operator ?? '',
        move.note ?? '',
      ]),
    ),
    '',
    ledger.length === 0
      ? 'No money has moved.'
      : table(
          ['RECORDED', 'LEDGER', 'AMOUNT'],
          ledger.map((entry) => [
            entry.recordedAt.toISOString(),
            entry.kind,
            `${formatPrice(entry.amount)} ${entry.currency}`,
          ]),
        ),
    ...whatCanBeDone(
      payment.state as PaymentState,
      payment.reviewOperation as ReviewedOperation | null,
      payment.orderId,
    ),
  ].join('\n');
}

function whatCanBeDone(state: PaymentState, operation: ReviewedOperation | null, orderId: string): string[] {
  if (state !== 'REVIEW' || !operation) return [];
  return [
    '',
    'Look at the gateway; then one of',
    ...(repeatable[operation] ? [`  npm run payments -- retry ${orderId}`] : []),
    ...settlements[operation].map(
      (cause) => `  npm run payments -- settle ${orderId} --as ${cause} --note "…"`,
    ),
  ];
}
