import Stripe from 'stripe';
import { GatewayBusyError, GatewaySetupError, NoAnswerError, retryAfterMs, type Answer } from './gateway';

type No = Exclude<Answer, { kind: 'done' }>;

/**
 * What an error says: https://docs.stripe.com/error-handling. Stripe's message may quote a token that it does
 * not know, so it is taken out.
 * @throws {NoAnswerError} {GatewaySetupError} and whatever is not Stripe's
 */
export function noOf(error: unknown, token?: string): No {
  if (!(error instanceof Stripe.errors.StripeError)) throw error;
  const { code, decline_code, statusCode, requestId } = error;
  const message = token ? error.message.replaceAll(token, '(token)') : error.message;
  // https://docs.stripe.com/rate-limits, and #object-lock-timeouts; 409: a request with the same key is in progress.
  if (statusCode === 429 || statusCode === 409) {
    const header = (error.headers as Record<string, string> | undefined)?.['retry-after'];
    throw new GatewayBusyError(
      `Stripe asks to be asked later (${statusCode}, ${code ?? error.type})`,
      retryAfterMs(header),
    );
  }
  if (error instanceof Stripe.errors.StripeCardError)
    return { kind: 'declined', code: decline_code || code || 'card_declined', message };
  if (error instanceof Stripe.errors.StripeInvalidRequestError)
    return { kind: 'refused', code: code || 'invalid_request', message };
  if (error instanceof Stripe.errors.StripeIdempotencyError)
    return { kind: 'refused', code: code || 'idempotency_error', message };
  if (
    error instanceof Stripe.errors.StripeAuthenticationError ||
    error instanceof Stripe.errors.StripePermissionError
  )
    throw new GatewaySetupError(
      `Stripe does not take calls from us (${statusCode}): check STRIPE_SECRET_KEY`,
    );
  // Connection and API errors (5xx), and those that are yet to be invented.
  const about = [error.type, statusCode, code, requestId].filter(Boolean).join(', ');
  // A 500 that it has answered once it answers again: https://docs.stripe.com/api/idempotent_requests
  const keySpent = (statusCode ?? 0) >= 500;
  throw new NoAnswerError(`no answer from Stripe (${about})${causeOf(error)}`, { keySpent });
}

/** Why a connection failed, `ECONNREFUSED`: a system's code, nothing that was sent. */
function causeOf(error: unknown): string {
  const { detail } = error as { detail?: { code?: unknown } | string };
  const code = typeof detail === 'object' ? detail.code : undefined;
  return typeof code === 'string' ? `: ${code}` : '';
}
