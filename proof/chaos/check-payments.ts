import { groupBy } from '../../shared/group-by';
import type { BookedPayment } from './gateway';
import { judgePayment, type PaidOrder } from './judge-payment';
import { query } from './query';

/** What became of all payments, in the gateway's books. */
export interface PaymentCounts {
  authorized: number;
  captured: number;
  voided: number;
  refunded: number;
  declined: number;
}

/** Every payment at the gateway and here, against its order and one another. */
export async function checkPayments(
  databaseUrl: string,
  books: readonly BookedPayment[],
): Promise<{ violations: string[]; counts: PaymentCounts }> {
  const orders = await query<PaidOrder>(
    databaseUrl,
    `SELECT o.id::text, o.status, o.cancel_reason, o.payment_method, o.total_amount::text AS total, o.currency,
       EXISTS (SELECT FROM order_status_history h WHERE h.order_id = o.id AND h.to_status = 'PLACED') AS placed,
       (SELECT coalesce(json_agg(json_build_object('state', p.state, 'reference', p.gateway_reference,
         'review_reason', p.review_reason)), '[]') FROM payments p WHERE p.order_id = o.id) AS payments,
       (SELECT coalesce(json_agg(json_build_object('kind', l.kind, 'amount', l.amount::text,
         'currency', l.currency)), '[]') FROM payment_ledger l WHERE l.order_id = o.id) AS ledger
     FROM orders o ORDER BY o.id`,
  );
  const strange = await query<{ order_id: string }>(
    databaseUrl,
    `SELECT order_id::text FROM (SELECT order_id FROM payments UNION SELECT order_id FROM payment_ledger) AS paid
     WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = paid.order_id)`,
  );
  const tokens = await query<{ order_id: string }>(databaseUrl, 'SELECT order_id::text FROM card_tokens');
  const booked = groupBy(books, (one) => one.order_id);
  const known = new Set(orders.map(({ id }) => id));
  return {
    violations: [
      ...orders.flatMap((order) => judgePayment(order, booked.get(order.id) ?? [])),
      ...strange.map(({ order_id: id }) => `a payment for order ${id}, which does not exist`),
      ...books
        .filter(({ order_id: id }) => !known.has(id))
        .map(({ id, order_id }) => `${id} at the gateway is for order ${order_id}, which does not exist`),
      ...tokens.map(({ order_id: id }) => `the card token of order ${id} is still there`),
    ],
    counts: {
      authorized: times(books, 'authorizations'),
      captured: times(books, 'captures'),
      voided: books.filter(({ status, authorizations }) => status === 'voided' && authorizations > 0).length,
      refunded: times(books, 'refunds'),
      declined: books.filter(({ status }) => status === 'declined').length,
    },
  };
}

const times = (books: readonly BookedPayment[], of: 'authorizations' | 'captures' | 'refunds') =>
  books.reduce((sum, one) => sum + one[of], 0);
