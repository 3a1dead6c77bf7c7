import { sealCardToken } from '../../shared/payment/card-token';
import { Prisma } from '../../shared/service/database';
import type { Decimal } from '../../shared/money';
import { Problem, unprocessable } from '../http/problem';
import type { Payment } from './fields';

/** What OpenAPI says of a 503 where an order may be paid by card. */
export const CARDS_OR_DATABASE =
  'The database does not answer, try again after `Retry-After`; or card payments are not set up (`card-payments-not-set-up`)';

/** @throws {Problem} 422 where a card is to pay nothing: no gateway takes that */
export function refuseCardForNothing(payment: Payment | undefined, total: Decimal): void {
  if (payment?.method !== 'CARD' || total.gt(0)) return;
  const detail = 'the order comes to 0.00, which no card can pay; use CASH';
  throw unprocessable([{ pointer: '#/payment/method', detail }]);
}

/**
 * The part of a statement's WITH that keeps a card token, sealed, beside its order; empty where none is needed.
 * @throws {Problem} 503 where there is no key to seal it with
 */
export function keepCardToken(
  orderId: string,
  payment: Payment | undefined,
  key: Buffer | undefined,
): Prisma.Sql {
  if (payment?.method !== 'CARD') return Prisma.empty;
  if (!key) {
    const detail = 'Orders cannot be paid by card here: CARD_TOKEN_KEY is to be set. Nothing was done.';
    throw new Problem(503, 'Service Unavailable', detail, { type: 'card-payments-not-set-up' });
  }
  const sealed = sealCardToken(key, orderId, payment.token ?? '');
  return Prisma.sql`, card AS (
    INSERT INTO card_tokens (order_id, ciphertext) VALUES (${orderId}::uuid, ${sealed})
  )`;
}
