import { z } from 'zod';
import { NoAnswerError, type GatewayPayment } from './gateway';
import { fromMinorUnits } from './minor-units';

const minor = z.number().int().nonnegative();

/** What is read of a PaymentIntent, its latest charge expanded: https://docs.stripe.com/api/payment_intents/object */
const intentShape = z.object({
  id: z.string().min(1),
  status: z.enum([
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'processing',
    'requires_capture',
    'canceled',
    'succeeded',
  ]),
  currency: z.string().transform((code) => code.toUpperCase()),
  amount_capturable: minor,
  amount_received: minor,
  last_payment_error: z.object({ code: z.string().nullish(), decline_code: z.string().nullish() }).nullish(),
  latest_charge: z
    .object({
      amount: minor,
      amount_refunded: minor,
      captured: z.boolean(),
      status: z.enum(['succeeded', 'pending', 'failed']),
    })
    .nullish(),
});
type Intent = z.output<typeof intentShape>;

/** There is nobody who could authenticate: to us the card is declined. Stripe's own name for it. */
export const AUTHENTICATION_REQUIRED = 'authentication_required';

/**
 * A PaymentIntent as the port has it. Money counts as refunded when Stripe has taken on the refund, which may
 * be pending for days.
 * @throws {NoAnswerError} while Stripe is processing it, or where it is no PaymentIntent
 */
export function paymentOf(answer: unknown): GatewayPayment {
  const result = intentShape.safeParse(answer);
  if (!result.success) throw new NoAnswerError('Stripe answered with something else than a PaymentIntent');
  const intent = result.data;
  const { amount_received: received, latest_charge: charge } = intent;
  const money = (units: number) => fromMinorUnits(units, intent.currency);
  // A failed charge had authorised nothing. A released authorisation counts as refunded in Stripe's books.
  const authorized = charge?.status === 'succeeded' ? charge.amount : intent.amount_capturable;
  const refunded = charge?.captured ? charge.amount_refunded : 0;
  return {
    reference: intent.id,
    status: statusOf(intent, received > 0 && refunded >= received),
    currency: intent.currency,
    authorized: money(Math.max(authorized, received)),
    captured: money(received),
    refunded: money(refunded),
    declineCode: declineCodeOf(intent),
  };
}

function statusOf(intent: Intent, refunded: boolean): GatewayPayment['status'] {
  switch (intent.status) {
    case 'requires_capture':
      return 'authorized';
    case 'succeeded':
      return refunded ? 'refunded' : 'captured';
    case 'canceled':
      return 'voided';
    case 'processing':
      throw new NoAnswerError('Stripe is still processing the payment');
    default:
      return declineCodeOf(intent) ? 'declined' : 'open';
  }
}

function declineCodeOf({ status, last_payment_error: error }: Intent): string | undefined {
  if (status === 'requires_action') return AUTHENTICATION_REQUIRED;
  if (status !== 'requires_payment_method' && status !== 'requires_confirmation') return undefined;
  return error ? (error.decline_code ?? error.code ?? 'card_declined') : undefined;
}
