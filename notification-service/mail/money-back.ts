import type { MoneyBack } from './mail-data';

/** What is known of a cancelled order's payment. */
export interface PaidSoFar {
  method: string;
  reason: string;
  previousStatus: string;
  /** Whether it is known to have been charged. */
  charged: boolean;
}

/** What becomes of the money: a card is charged only once the order is being prepared. */
export function moneyBack({ method, reason, previousStatus, charged }: PaidSoFar): MoneyBack {
  if (method !== 'CARD') return 'cash';
  if (charged) return 'refunded';
  if (reason === 'PAYMENT_FAILED') return 'not-charged';
  return previousStatus === 'PLACED' ? 'released' : 'returned';
}
