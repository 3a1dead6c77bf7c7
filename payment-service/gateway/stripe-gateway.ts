import Stripe from 'stripe';
import { z } from 'zod';
import {
  GatewaySetupError,
  NoAnswerError,
  type Answer,
  type Gateway,
  type GatewayPayment,
  type Money,
} from './gateway';
import { toMinorUnits } from './minor-units';
import { noOf } from './stripe-error';
import { AUTHENTICATION_REQUIRED, paymentOf } from './stripe-payment';

export interface StripeOptions {
  secretKey: string;
  /** Instead of https://api.stripe.com: a proxy, or a test's server. */
  apiUrl?: string;
  timeoutMs: number;
}

type Refused = Extract<Answer, { kind: 'refused' }>;

const refundShape = z.object({
  status: z.string().nullable(),
  failure_reason: z.string().nullish(),
  payment_intent: z.unknown(),
});

const CHARGE = { expand: ['latest_charge'] };

/**
 * Stripe's Payment Intents, authorised and captured apart: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
 *
 * Stripe keeps an idempotency key for 24 hours at least, and with it the answer, a 500 included. The library repeats
 * a request once, with its key, when the connection closes on it; it does not do so otherwise.
 */
export function stripeGateway({ secretKey, apiUrl, timeoutMs }: StripeOptions): Gateway {
  const stripe = new Stripe(secretKey, {
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    telemetry: false,
    ...(apiUrl ? addressOf(apiUrl) : {}),
  });

  const ask = (call: () => Promise<unknown>, token?: string): Promise<Answer> =>
    call().then(
      (intent) => answerOf(paymentOf(intent)),
      (error: unknown) => noOf(error, token),
    );

  return {
    name: 'stripe',
    open: async ({ orderId, paymentId, amount, currency }, idempotencyKey) => {
      const minor = toMinorUnits(amount, currency);
      if (minor === undefined) return notRepresentable({ amount, currency });
      return stripe.paymentIntents
        .create(
          {
            amount: minor,
            currency: currency.toLowerCase(),
            capture_method: 'manual',
            automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
            metadata: { order_id: orderId, payment_id: paymentId },
          },
          { idempotencyKey },
        )
        .then(
          (intent) => ({ kind: 'done', reference: paymentOf(intentWithoutCharge(intent)).reference }),
          (error: unknown) => ({ ...noOf(error), kind: 'refused' }),
        );
    },
    authorize: (reference, token, idempotencyKey) =>
      ask(
        () =>
          stripe.paymentIntents.confirm(
            reference,
            // Fails where the customer would have to authenticate, rather than wait for nobody.
            { ...methodOf(token), error_on_requires_action: true, ...CHARGE },
            { idempotencyKey },
          ),
        token,
      ),
    capture: async (reference, money, idempotencyKey) => {
      const minor = toMinorUnits(money.amount, money.currency);
      if (minor === undefined) return notRepresentable(money);
      return ask(() =>
        stripe.paymentIntents.capture(reference, { amount_to_capture: minor, ...CHARGE }, { idempotencyKey }),
      );
    },
    void: (reference, idempotencyKey) =>
      ask(() => stripe.paymentIntents.cancel(reference, CHARGE, { idempotencyKey })),
    refund: async (reference, money, idempotencyKey) => {
      const minor = toMinorUnits(money.amount, money.currency);
      if (minor === undefined) return notRepresentable(money);
      return stripe.refunds
        .create(
          { payment_intent: reference, amount: minor, expand: ['payment_intent.latest_charge'] },
          { idempotencyKey },
        )
        .then(refundOf, (error: unknown) => noOf(error));
    },
    read: (reference) =>
      stripe.paymentIntents.retrieve(reference, CHARGE).then(paymentOf, (error: unknown) => {
        const { code } = noOf(error);
        throw new GatewaySetupError(
          `Stripe does not show us ${reference} (${code}); is it another account's?`,
        );
      }),
  };
}

/** A fresh one has no charge, so the id of one is nothing to expand. */
const intentWithoutCharge = (intent: object) => ({ ...intent, latest_charge: null });

/** Another address of the API, with whatever path it has before `/v1`. */
function addressOf(apiUrl: string): Pick<Stripe.StripeConfig, 'host' | 'port' | 'protocol' | 'httpClient'> {
  const { hostname, port, protocol, pathname } = new URL(apiUrl);
  const http = protocol === 'http:';
  const prefix = pathname.replace(/\/+$/, '');
  const client = Stripe.createNodeHttpClient();
  const send = client.makeRequest.bind(client);
  client.makeRequest = (host, onPort, path, ...rest) => send(host, onPort, prefix + path, ...rest);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port || (http ? 80 : 443),
    protocol: http ? 'http' : 'https',
    ...(prefix === '' ? {} : { httpClient: client }),
  };
}

/** `pm_…` is a payment method by itself; everything else, `tok_…` above all, a card. */
function methodOf(token: string): Stripe.PaymentIntentConfirmParams {
  if (token.startsWith('pm_')) return { payment_method: token };
  // Left out of the library's types, because raw card numbers go there too; tokens are in the API's reference.
  const card = { type: 'card', card: { token } };
  return { payment_method_data: card as Stripe.PaymentIntentConfirmParams.PaymentMethodData };
}

const answerOf = (payment: GatewayPayment): Answer =>
  payment.status === 'declined'
    ? {
        kind: 'declined',
        code: payment.declineCode ?? 'card_declined',
        message:
          payment.declineCode === AUTHENTICATION_REQUIRED
            ? 'The card needs its holder to authenticate, which is not possible here.'
            : 'The card was declined.',
      }
    : { kind: 'done', payment };

/** A pending refund counts as done: the bank takes days. */
function refundOf(answer: unknown): Answer {
  const refund = refundShape.safeParse(answer);
  if (!refund.success) throw new NoAnswerError('Stripe answered with something else than a refund');
  const { status, failure_reason, payment_intent } = refund.data;
  if (status === 'succeeded' || status === 'pending')
    return { kind: 'done', payment: paymentOf(payment_intent) };
  const code = failure_reason ?? `refund_${status}`;
  return { kind: 'refused', code, message: `The refund is ${status} at Stripe.` };
}

function notRepresentable({ amount, currency }: Money): Refused {
  const message = `${currency} has no unit small enough for ${amount}.`;
  return { kind: 'refused', code: 'amount_not_representable', message };
}
