import type { Database } from '../../../shared/service/database';
import type { BookedPayment } from '../gateway-books';

const NOTHING = {
  currency: 'INR',
  authorized_amount: '0.00',
  captured_amount: '0.00',
  refunded_amount: '0.00',
  authorizations: 0,
  captures: 0,
  refunds: 0,
};

/** A payment in a gateway's books, opened and no more, but for what is said. */
export const bookedPayment = (order_id: string, has: Partial<BookedPayment> = {}): BookedPayment => ({
  id: `pay_${order_id}`,
  order_id,
  status: 'open',
  ...NOTHING,
  ...has,
});

/** What the gateway has in its books where all went as our own ledger says. */
export async function bookedAsKept(database: Database): Promise<BookedPayment[]> {
  const [payments, ledger] = await Promise.all([
    database.payment.findMany({ where: { gatewayReference: { not: null } }, orderBy: { orderId: 'asc' } }),
    database.paymentLedger.findMany(),
  ]);
  return payments.map(({ orderId }) => {
    const amountOf = (kind: string) =>
      ledger.find((entry) => entry.orderId === orderId && entry.kind === kind)?.amount.toFixed(2);
    const [authorized, captured, refunded] = ['AUTHORIZED', 'CAPTURED', 'REFUNDED'].map(amountOf);
    return bookedPayment(orderId, {
      status: amountOf('VOIDED') ? 'voided' : refunded ? 'refunded' : captured ? 'captured' : 'authorized',
      authorized_amount: authorized ?? '0.00',
      captured_amount: captured ?? '0.00',
      refunded_amount: refunded ?? '0.00',
      authorizations: authorized ? 1 : 0,
      captures: captured ? 1 : 0,
      refunds: refunded ? 1 : 0,
    });
  });
}
