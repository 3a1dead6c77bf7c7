import { newId } from '../shared/ids';

export type Operation = 'open' | 'authorize' | 'capture' | 'void' | 'refund';

/** A payment as it is answered. Amounts have two decimals; the four counts are of successes. */
export interface Payment {
  id: string;
  order_id: string;
  payment_id: string;
  status: 'open' | 'authorized' | 'captured' | 'voided' | 'refunded' | 'declined';
  amount: string;
  currency: string;
  authorized_amount: string;
  captured_amount: string;
  refunded_amount: string;
  /** Why the last attempt to authorise it was declined; null when it was not. */
  decline_code: string | null;
  created_at: string;
  authorizations: number;
  captures: number;
  voids: number;
  refunds: number;
}

/** What is known of a payment beside what is answered. */
export interface Account {
  payment: Payment;
  /** The test token that it was last authorised or declined with; undefined where that was no test token. */
  card?: string;
  /** How many requests have met with a card's mishaps, by `operation:token`. */
  met: Record<string, number>;
}

export interface Money {
  amount: string;
  currency: string;
}

/** What a request wants done with a payment that is there. */
export type Wish =
  | { operation: 'authorize'; token: string }
  | { operation: 'capture' | 'refund'; money: Money }
  | { operation: 'void' };

export interface ErrorBody {
  error: { code: string; decline_code?: string; message: string };
}

/** An answer that says no. */
export const no = (status: number, code: string, message: string, decline_code?: string) => ({
  status,
  body: {
    error: { code, ...(decline_code ? { decline_code } : {}), message },
  } satisfies ErrorBody as ErrorBody,
});

/** A payment that was just opened: nothing has been tried yet. */
export const newPayment = (orderId: string, paymentId: string, money: Money): Payment => ({
  id: `pay_${newId()}`,
  order_id: orderId,
  payment_id: paymentId,
  status: 'open',
  ...money,
  authorized_amount: '0.00',
  captured_amount: '0.00',
  refunded_amount: '0.00',
  decline_code: null,
  created_at: new Date().toISOString(),
  authorizations: 0,
  captures: 0,
  voids: 0,
  refunds: 0,
});
