import type { RequestRecord } from './book';
import { shownToken } from './cards';
import type { ErrorBody, Money, Payment, Wish } from './payment';

/** A request that is well formed, about a payment that is there or to be opened. */
export interface Asked {
  key: string;
  fingerprint: string;
  orderId: string;
  /** The simulator's id of the payment; none where one is to be opened. */
  id?: string;
  wish: Wish | { operation: 'open'; paymentId: string; money: Money };
}

/** What was asked for, but for what came of it. */
export const describe = (
  { key, orderId, wish }: Asked,
  payment: string | null,
): Omit<RequestRecord, 'outcome' | 'status' | 'code' | 'answer'> => ({
  at: new Date().toISOString(),
  operation: wish.operation,
  idempotency_key: key,
  order_id: orderId,
  payment,
  ...('token' in wish ? { token: shownToken(wish.token) } : {}),
  ...('money' in wish ? wish.money : {}),
  replayed: false,
});

/** What an answer says of the request. */
export function outcomeOf({ status, body }: { status: number; body: Payment | ErrorBody }) {
  if (!('error' in body)) return { outcome: 'done', status, code: null } as const;
  const { code, decline_code } = body.error;
  return { outcome: status === 402 ? 'declined' : 'refused', status, code: decline_code ?? code } as const;
}
