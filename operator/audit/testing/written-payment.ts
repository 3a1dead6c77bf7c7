import { newId } from '../../../shared/ids';
import type { noRows } from './rows';

type Rows = ReturnType<typeof noRows>;

/** A payment by the traces that it leaves. */
export interface PaymentStory {
  /** Its states, each with what brought it there. */
  moves: [state: string, cause: string][];
  /** What its ledger has, whole. */
  ledger?: string[];
  /** Where it differs from the order's: a sum that the gateway made of it. */
  amount?: string;
  /** Only a state with a time for it is one in which the gateway is asked. */
  nextAttemptAt?: Date;
  attempts?: number;
  lastError?: string;
  updatedAt?: Date;
}

const EVENTS: Record<string, string> = {
  AUTHORIZED: 'payment.authorized.v1',
  CAPTURED: 'payment.completed.v1',
  VOIDED: 'payment.voided.v1',
  REFUNDED: 'payment.refunded.v1',
};

/** Tells of an order's payment. @returns the types of the events about it */
export function tellPayment(
  rows: Pick<Rows, 'payment' | 'paymentMove' | 'paymentLedger'>,
  order: { id: string; restaurantId: string; at: Date },
  story: PaymentStory,
): string[] {
  const { moves, ledger = [], amount = '300.00', ...rest } = story;
  const [id, orderId] = [newId(), order.id];
  const state = moves.at(-1)?.[0] ?? 'AUTHORIZING';
  const reference = moves.length > 1 ? `pay_${orderId}` : null;
  rows.payment.push({
    id,
    orderId,
    restaurantId: order.restaurantId,
    amount: '300.00',
    currency: 'INR',
    state,
    gateway: reference && 'simulator',
    gatewayReference: reference,
    reviewOperation: state === 'REVIEW' ? 'CAPTURE' : null,
    correlationId: 'c',
    createdAt: order.at,
    updatedAt: order.at,
    ...rest,
  });
  let fromState: string | null = null;
  for (const [toState, cause] of moves) {
    rows.paymentMove.push({ paymentId: id, orderId, fromState, toState, cause, movedAt: order.at });
    fromState = toState;
  }
  for (const kind of ledger) {
    const money = { amount, currency: 'INR', gatewayReference: reference };
    rows.paymentLedger.push({ paymentId: id, orderId, kind, ...money, recordedAt: order.at });
  }
  const declined = moves.filter(([, cause]) => cause === 'declined');
  return [...ledger.map((kind) => EVENTS[kind] ?? ''), ...declined.map(() => 'payment.failed.v1')];
}
