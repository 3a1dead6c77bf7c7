import { amountAsNumber } from '../money';
import { msBetween } from './causal-tree';
import { operationOf } from './judge-order';
import type { ChangeRecord, PaymentMoveRecord, Records } from './records';
import type { TimelineChange, TimelinePayment, TimelinePaymentMove } from './timeline';

export const showChange = (change: ChangeRecord): TimelineChange => ({
  version: change.version,
  from: change.from_status,
  to: change.to_status,
  actor: change.actor,
  reason: change.reason,
  note: change.note,
  caused_by: change.caused_by,
  at: change.moved_at.toISOString(),
});

export function showPayment({ payment: known }: Records): TimelinePayment | null {
  if (!known) return null;
  const { payment, moves, ledger } = known;
  return {
    id: payment.id,
    state: payment.state,
    amount: amountAsNumber(payment.amount),
    currency: payment.currency,
    gateway: payment.gateway,
    gateway_reference: payment.gateway_reference,
    decline_code: payment.decline_code,
    operation: operationOf(payment),
    attempts: payment.attempts,
    asked_at: payment.asked_at?.toISOString() ?? null,
    next_attempt_at: payment.next_attempt_at?.toISOString() ?? null,
    last_error: payment.last_error,
    review: payment.review_operation
      ? { operation: payment.review_operation, reason: payment.review_reason ?? '' }
      : null,
    moves: moves.map(showMove).reverse(),
    moves_left_out: (moves[0]?.total ?? 0) - moves.length,
    ledger: ledger
      .map(({ recorded_at, kind, amount, currency }) => ({
        at: recorded_at.toISOString(),
        kind,
        amount: amountAsNumber(amount),
        currency,
      }))
      .reverse(),
  };
}

const showMove = (move: PaymentMoveRecord): TimelinePaymentMove => ({
  at: move.moved_at.toISOString(),
  from: move.from_state,
  to: move.to_state,
  cause: move.cause,
  caused_by: move.caused_by,
  attempts: move.attempts,
  asked_at: move.asked_at?.toISOString() ?? null,
  answer_ms: move.asked_at ? msBetween(move.asked_at, move.moved_at) : null,
  last_error: move.last_error,
  operator: move.operator,
  note: move.note,
});
