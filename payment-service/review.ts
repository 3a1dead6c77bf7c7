import { Prisma, type Database, type ModelTx } from '../shared/service/database';
import {
  isWorking,
  settlements,
  type PaymentCause,
  type PaymentState,
} from '../shared/payment/payment-lifecycle';
import { lockPayments, movePayments, type News, type Payment } from './payments';
import { settlePayment } from './settle-payment';

/** An operator cannot have this done; the message says why. */
export class ReviewError extends Error {
  override name = 'ReviewError';
}

export type Operator = NonNullable<News['operator']>;

/** A payment that somebody should look at. */
export interface PaymentInQuestion {
  order_id: string;
  order_status: string | null;
  state: PaymentState;
  amount: Prisma.Decimal;
  currency: string;
  gateway: string | null;
  gateway_reference: string | null;
  /** What the gateway refused, and its words; null for one that is only slow. */
  review_operation: string | null;
  review_reason: string | null;
  attempts: number;
  last_error: string | null;
  since: Date;
}

/** Payments in review, the longest waiting first. */
export const findInReview = (database: Database, limit: number): Promise<PaymentInQuestion[]> =>
  find(database, Prisma.sql`p.state = 'REVIEW'`, limit);

/** Payments about which the gateway has been asked, without an end, for longer than `olderThanMs`; the longest first. */
export const findStuck = (
  database: Database,
  olderThanMs: number,
  limit: number,
): Promise<PaymentInQuestion[]> =>
  find(
    database,
    Prisma.sql`p.next_attempt_at IS NOT NULL AND p.updated_at < now() - ${olderThanMs}::float8 * interval '1 millisecond'`,
    limit,
  );

const find = (database: Database, which: Prisma.Sql, limit: number): Promise<PaymentInQuestion[]> =>
  database.$queryRaw<PaymentInQuestion[]>`
    SELECT p.order_id, o.status AS order_status, p.state, p.amount, p.currency, p.gateway, p.gateway_reference,
      p.review_operation, p.review_reason, p.attempts, p.last_error, p.updated_at AS since
    FROM payments p LEFT JOIN orders o ON o.id = p.order_id
    WHERE ${which} ORDER BY p.updated_at, p.order_id LIMIT ${limit}`;

/** All that is known of an order's payment. @throws {ReviewError} where the order has none */
export async function readPayment(database: Database, orderId: string) {
  const [payment, moves, ledger, order] = await database.$transaction([
    database.payment.findUnique({ where: { orderId } }),
    database.paymentMove.findMany({ where: { orderId }, orderBy: { id: 'asc' } }),
    database.paymentLedger.findMany({ where: { orderId }, orderBy: { id: 'asc' } }),
    database.order.findUnique({ where: { id: orderId } }),
  ]);
  if (!payment) throw noPayment(orderId, order?.paymentMethod);
  return { payment, moves, ledger, order };
}

/**
 * Has what the gateway refused tried again, under a new idempotency key; whoever works on payments takes it up.
 * @returns the payment as it is then
 * @throws {ReviewError} where it is not in review
 */
export async function retryPayment(
  database: Database,
  orderId: string,
  operator: Operator,
): Promise<Payment> {
  return database.$transaction(async (tx) => {
    const payment = await lockInReview(tx, orderId);
    const moved = await movePayments(tx, [{ payment, cause: 'tried_again', operator }]);
    if (moved.length === 0) {
      const { review_operation: operation } = payment;
      const ways = operation ? settlements[operation].join(' or ') : 'nothing';
      throw new ReviewError(`Its ${operation} cannot be tried again; settle it as ${ways}.`);
    }
    return payment;
  });
}

/**
 * Takes an operator's word for what became of what the gateway refused: what is new goes into the ledger, the
 * events about it go out, and the payment goes on from there.
 * @returns the payment as it is then
 * @throws {ReviewError} where it is not in review, or cannot have gone that way
 */
export async function settleReview(
  database: Database,
  orderId: string,
  cause: PaymentCause,
  operator: Operator,
): Promise<Payment> {
  return database.$transaction(async (tx) => {
    const payment = await lockInReview(tx, orderId);
    const operation = payment.review_operation;
    const possible = operation ? settlements[operation] : [];
    if (!possible.includes(cause))
      throw new ReviewError(`Its ${operation} can be settled as ${possible.join(' or ')}, not as ${cause}.`);
    if (cause === 'authorized') await refuseShortAuthorization(tx, payment);
    const finding = cause === 'declined' ? { cause, declineCode: 'declined_by_operator' } : { cause };
    const settled = await settlePayment(tx, payment, finding, operator);
    if (!settled?.moved) throw new Error(`the payment of order ${orderId} changed under its lock`);
    return settled.payment;
  });
}

/** An order that is prepared on less than it comes to could not be charged. @throws {ReviewError} */
async function refuseShortAuthorization(tx: ModelTx, payment: Payment): Promise<void> {
  const held = await tx.paymentLedger.findFirst({ where: { paymentId: payment.id, kind: 'AUTHORIZED' } });
  if (!held || (held.amount.gte(payment.amount) && held.currency === payment.currency)) return;
  const asked = `${payment.amount.toFixed(2)} ${payment.currency}`;
  throw new ReviewError(
    `The gateway holds ${held.amount.toFixed(2)} ${held.currency} of ${asked}, so the order could not be charged. ` +
      'Settle it as declined: the order is cancelled, and what is held is released.',
  );
}

async function lockInReview(tx: ModelTx, orderId: string): Promise<Payment> {
  const payment = (await lockPayments(tx, [orderId])).get(orderId);
  if (payment?.state === 'REVIEW') return payment;
  if (payment)
    throw new ReviewError(
      `It is ${payment.state}, not in REVIEW${isWorking(payment.state) ? ': the gateway is being asked' : ''}.`,
    );
  const order = await tx.order.findUnique({ where: { id: orderId } });
  throw noPayment(orderId, order?.paymentMethod);
}

function noPayment(orderId: string, paymentMethod: string | undefined): ReviewError {
  if (!paymentMethod) return new ReviewError(`There is no order ${orderId}.`);
  return new ReviewError(
    paymentMethod === 'CARD'
      ? `payment-service does not know of order ${orderId} yet.`
      : `Order ${orderId} is paid by ${paymentMethod}.`,
  );
}
