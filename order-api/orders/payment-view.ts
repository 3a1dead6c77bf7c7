import { z } from 'zod';
import { paymentMethods } from '../../shared/events/contracts';
import { paymentStates } from '../../shared/payment/payment-lifecycle';
import { amountAsNumber } from '../../shared/money';
import { Prisma } from '../../shared/service/database';
import { amount, openEnum } from '../http/fields';

const states = ['ON_DELIVERY', 'PENDING', ...paymentStates] as const;

/** Where the payment of an order stands. */
export const paymentAnswer = z
  .object({
    method: openEnum(paymentMethods),
    state: openEnum(
      states,
      'ON_DELIVERY for cash; of a card PENDING until payment-service has it, and then where it stands: ',
    ),
    decline_code: z
      .string()
      .nullable()
      .meta({ description: "Why the card was declined, in the gateway's words" }),
    amount,
    captured_amount: amount,
    refunded_amount: amount,
  })
  .nullable()
  .meta({ description: 'null while it is a DRAFT: a draft has no payment' });

/** Of an order's row: what payment-service has of it, or nothing. */
export interface PaymentRow {
  state: string;
  decline_code: string | null;
  /** Decimals as text. */
  amount: string;
  captured: string;
  refunded: string;
  /** RFC 3339. */
  changed_at: string;
}

/** Reads a {@link PaymentRow} beside a row of `orders`. */
export const PAYMENT = Prisma.sql`(
    SELECT json_build_object('state', p.state, 'decline_code', p.decline_code, 'amount', p.amount::text,
      'captured', coalesce(sum(l.amount) FILTER (WHERE l.kind = 'CAPTURED'), 0)::text,
      'refunded', coalesce(sum(l.amount) FILTER (WHERE l.kind = 'REFUNDED'), 0)::text, 'changed_at', p.updated_at)
    FROM payments p LEFT JOIN payment_ledger l ON l.order_id = p.order_id
    WHERE p.order_id = orders.id GROUP BY p.id
  ) AS paid`;

interface PaidOrder {
  status: string;
  payment_method: string;
  total_amount: Prisma.Decimal;
  paid: PaymentRow | null;
}

export function showPayment({
  status,
  payment_method: method,
  total_amount,
  paid,
}: PaidOrder): z.output<typeof paymentAnswer> {
  if (status === 'DRAFT') return null;
  const nothing = { decline_code: null, captured_amount: 0, refunded_amount: 0 };
  if (method === 'CASH' || !paid) {
    const state = method === 'CASH' ? 'ON_DELIVERY' : 'PENDING';
    return { method, state, amount: amountAsNumber(total_amount), ...nothing };
  }
  return {
    method,
    state: paid.state,
    decline_code: paid.decline_code,
    amount: amountAsNumber(paid.amount),
    captured_amount: amountAsNumber(paid.captured),
    refunded_amount: amountAsNumber(paid.refunded),
  };
}
