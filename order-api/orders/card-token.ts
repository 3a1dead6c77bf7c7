import { sealCardToken, type CardTokenKeys } from '../../shared/payment/card-token';
import { Prisma } from '../../shared/service/database';
import type { Decimal } from '../../shared/money';
import { Problem, unprocessable } from '../http/problem';
import type { Payment } from './fields';

/** The problem of routes whose order may be paid by card. */
export const NO_CARDS = { 'card-payments-not-set-up': 'Card payments are not set up; nothing was done' };

/** @throws {Problem} 422 where a card is to pay nothing: no gateway takes that */
export function refuseCardForNothing(payment: Payment | undefined, total: Decimal): void {
  if (payment?.method !== 'CARD' || total.gt(0)) return;
  const detail = 'the order comes to 0.00, which no card can pay; use CASH';
  throw unprocessable([{ pointer: '#/payment/method', detail }]);
}

/** A card token that only payment-service can read, as a row. */
export interface SealedCard {
  order_id: string;
  key_id: string | null;
  /** In base64. */
  ciphertext: string;
}

/**
 * Seals the card token of an order; none where none is needed.
 * @throws {Problem} 503 where there is no key to seal it with
 */
export function sealCard(
  orderId: string,
  payment: Payment | undefined,
  keys: CardTokenKeys | undefined,
): SealedCard[] {
  if (payment?.method !== 'CARD') return [];
  if (!keys) {
    const detail = 'Orders cannot be paid by card here: CARD_TOKEN_KEY is not set. Nothing was done.';
    throw new Problem(503, 'Service Unavailable', detail, { type: 'card-payments-not-set-up' });
  }
  const { keyId, bytes } = sealCardToken(keys, orderId, payment.token ?? '');
  return [{ order_id: orderId, key_id: keyId, ciphertext: Buffer.from(bytes).toString('base64') }];
}

/** The INSERT that keeps card tokens beside their orders, as a part of a statement's WITH. */
export const insertCards = (
  cards: readonly SealedCard[],
  which: Prisma.Sql = Prisma.empty,
): Prisma.Sql => Prisma.sql`
  INSERT INTO card_tokens (order_id, key_id, ciphertext)
  SELECT order_id, key_id, decode(ciphertext, 'base64')
  FROM json_to_recordset(${JSON.stringify(cards)}::json) AS c (order_id uuid, key_id text, ciphertext text) ${which}`;
