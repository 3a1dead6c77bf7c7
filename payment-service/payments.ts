import type { Origin } from '../shared/events/announce';
import { afterCommit } from '../shared/messaging/after-commit';
import { Prisma, type Tx } from '../shared/service/database';
import { Signal } from '../shared/service/signal';
import { traceOf } from '../shared/tracing/trace-new-event';
import {
  isWorking,
  nextState,
  type PaymentCause,
  type PaymentFacts,
  type PaymentState,
  type ReviewedOperation,
} from '../shared/payment/payment-lifecycle';

/** A row of `payments`. */
export interface Payment {
  id: string;
  order_id: string;
  restaurant_id: string;
  customer_id: string | null;
  amount: Prisma.Decimal;
  currency: string;
  state: PaymentState;
  order_cancelled: boolean;
  gateway: string | null;
  gateway_reference: string | null;
  review_operation: ReviewedOperation | null;
  round: number;
  attempts: number;
  correlation_id: string;
  caused_by: string | null;
  traceparent: string | null;
  tracestate: string | null;
}

/** Something that was learned of a payment. */
export interface News {
  payment: Payment;
  cause: PaymentCause;
  /** The event that brought it: whatever follows belongs to its chain. */
  origin?: Origin;
  declineCode?: string;
  /** What goes into review, and why. */
  review?: { operation: ReviewedOperation; reason: string };
  /** Who says so, where a person does. */
  operator?: { name: string; note: string };
}

/** Given when a payment may have become due in this process, so that its worker need not wait for its next look. */
export const due = new Signal();

/** To be said of a handler's transaction in which a payment becomes due. */
export const dueAfterCommit = (tx: Tx): void => afterCommit(tx, () => due.give());

/** The columns of a {@link Payment}. */
export const PAYMENT_COLUMNS = Prisma.raw(
  'id, order_id, restaurant_id, customer_id, amount, currency, state, order_cancelled, gateway, gateway_reference, ' +
    'review_operation, round, attempts, correlation_id, caused_by, traceparent, tracestate',
);

/** The payments of orders, locked in the order of the orders' ids. */
export async function lockPayments(tx: Tx, orderIds: readonly string[]): Promise<Map<string, Payment>> {
  const rows = await tx.$queryRaw<Payment[]>`
    SELECT ${PAYMENT_COLUMNS} FROM payments WHERE order_id = ANY(${[...new Set(orderIds)].sort()}::uuid[])
    ORDER BY order_id FOR UPDATE`;
  return new Map(rows.map((row) => [row.order_id, row]));
}

const factsOf = (payment: Payment): PaymentFacts => ({
  state: payment.state,
  opened: payment.gateway_reference !== null,
  asked: payment.attempts > 0,
  orderCancelled: payment.order_cancelled,
  reviewOperation: payment.review_operation,
});

/**
 * Moves locked payments as the lifecycle has it: the only code that changes a payment's state. Each
 * move is kept in `payment_moves`; a state in which the gateway is to be asked is due at once.
 * @returns those that moved; the others had nothing to make of their news
 */
export async function movePayments(tx: Tx, news: readonly News[]): Promise<News[]> {
  const moves = news.flatMap((one) => {
    const { payment, cause, origin, review } = one;
    const from = payment.state;
    if (cause === 'order_cancelled') payment.order_cancelled = true;
    const to = nextState(factsOf(payment), cause);
    if (!to || to === from) return [];
    payment.state = to;
    payment.attempts = 0;
    payment.review_operation = to === 'REVIEW' ? (review?.operation ?? null) : null;
    if (cause === 'tried_again') payment.round += 1;
    if (origin) {
      payment.correlation_id = origin.correlationid;
      payment.caused_by = origin.causationid ?? null;
      const { traceparent = null, tracestate = null } = traceOf(origin);
      payment.traceparent = traceparent;
      payment.tracestate = tracestate;
    }
    return [{ one, from, to }];
  });
  const cancelled = news.filter(({ cause }) => cause === 'order_cancelled').map(({ payment }) => payment.id);
  if (cancelled.length > 0)
    await tx.$executeRaw`
      UPDATE payments SET order_cancelled = true WHERE id = ANY(${cancelled}::uuid[]) AND NOT order_cancelled`;
  if (moves.length === 0) return [];
  const rows = moves.map(({ one: { payment, cause, origin, declineCode, review, operator }, from, to }) => ({
    payment_id: payment.id,
    order_id: payment.order_id,
    from_state: from,
    to_state: to,
    cause,
    caused_by: origin?.causationid,
    operator: operator?.name,
    note: operator?.note,
    working: isWorking(to),
    decline_code: declineCode,
    review_operation: payment.review_operation,
    review_reason: to === 'REVIEW' ? review?.reason : null,
    round: payment.round,
    correlation_id: payment.correlation_id,
    chained_by: payment.caused_by,
    traceparent: payment.traceparent,
    tracestate: payment.tracestate,
  }));
  await tx.$executeRaw`
    WITH moves AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS m (
        payment_id uuid, order_id uuid, from_state text, to_state text, cause text, caused_by uuid, operator text, note text,
        working boolean, decline_code text, review_operation text, review_reason text, round int, correlation_id text,
        chained_by uuid, traceparent text, tracestate text)
    ), history AS (
      /* With what the gateway was asked in the state that is left: the row is as it was before the UPDATE below. */
      INSERT INTO payment_moves (payment_id, order_id, from_state, to_state, cause, caused_by, operator, note,
        attempts, asked_at, last_error)
      SELECT m.payment_id, m.order_id, m.from_state, m.to_state, m.cause, m.caused_by, m.operator, m.note,
        CASE WHEN p.asked_at IS NOT NULL THEN p.attempts END, p.asked_at, p.last_error
      FROM moves m JOIN payments p ON p.id = m.payment_id
    )
    UPDATE payments p SET state = m.to_state, attempts = 0, asked_at = NULL, next_attempt_at = CASE WHEN m.working THEN now() END,
      last_error = NULL, decline_code = coalesce(m.decline_code, p.decline_code), review_operation = m.review_operation,
      review_reason = m.review_reason, round = m.round, correlation_id = m.correlation_id, caused_by = m.chained_by,
      traceparent = m.traceparent, tracestate = m.tracestate, updated_at = now()
    FROM moves m WHERE p.id = m.payment_id`;
  if (moves.some(({ to }) => isWorking(to))) dueAfterCommit(tx);
  return moves.map(({ one }) => one);
}

/** Card tokens that have served, or will never be needed. */
export async function forgetTokens(tx: Tx, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return;
  await tx.$executeRaw`DELETE FROM card_tokens WHERE order_id = ANY(${[...orderIds].sort()}::uuid[])`;
}
