/**
 * The port to a payment gateway. A payment is opened there first, which moves no money and gives it a
 * reference; everything after that is about the reference. So where a payment stands can always be read,
 * even when the answer to a call was lost and the card token is gone; and cancelling it at the gateway is
 * final, whatever request may still be on its way.
 *
 * Every call but `read` carries an idempotency key: asked again with the same key, the gateway
 * does nothing a second time and answers as it did.
 *
 * A call resolves when the gateway has answered, be it no. It rejects with {@link NoAnswerError} where the
 * outcome is unknown, and with {@link GatewaySetupError} where the gateway does not take calls from us.
 */
export interface Gateway {
  readonly name: 'simulator' | 'stripe';
  open(payment: OpenRequest, idempotencyKey: string): Promise<Opened>;
  authorize(reference: string, token: string, idempotencyKey: string): Promise<Answer>;
  capture(reference: string, money: Money, idempotencyKey: string): Promise<Answer>;
  /** Releases an authorisation, or makes sure that there will never be one. */
  void(reference: string, idempotencyKey: string): Promise<Answer>;
  refund(reference: string, money: Money, idempotencyKey: string): Promise<Answer>;
  read(reference: string): Promise<GatewayPayment>;
}

/** A decimal amount with two places, `"900.00"`, and its ISO 4217 currency. */
export interface Money {
  amount: string;
  currency: string;
}

export interface OpenRequest extends Money {
  paymentId: string;
  orderId: string;
}

export type Opened =
  | { kind: 'done'; reference: string }
  /** The gateway will never take this payment: an amount or currency that it does not do. */
  | { kind: 'refused'; code: string; message: string };

export type Answer =
  | { kind: 'done'; payment: GatewayPayment }
  /** The card's issuer, or the gateway, said no; `code` as the gateway has it: `insufficient_funds`. */
  | { kind: 'declined'; code: string; message: string }
  /** The gateway does not do that with this payment. */
  | { kind: 'refused'; code: string; message: string };

/** A payment as the gateway has it. */
export interface GatewayPayment {
  reference: string;
  status: 'open' | 'authorized' | 'captured' | 'voided' | 'refunded' | 'declined';
  currency: string;
  /** What was ever authorised, captured, refunded; `"0.00"` where nothing was. */
  authorized: string;
  captured: string;
  refunded: string;
  /** Why the last attempt to authorise it was declined. */
  declineCode?: string;
}

/** Nobody knows whether the gateway did it: a timeout, a broken connection, a 5xx. Ask again with the same key. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError';
  /** Set where the gateway keeps the failure under its key, and would only repeat it. */
  readonly keySpent: boolean;
  constructor(message: string, options: { keySpent?: boolean } = {}) {
    super(message);
    this.keySpent = options.keySpent ?? false;
  }
}

/** The gateway is well, and asks to be asked later: too many requests, or another one about the same payment. */
export class GatewayBusyError extends NoAnswerError {
  override name = 'GatewayBusyError';
  constructor(
    message: string,
    /** As its `Retry-After` says; 0 where it says nothing. */
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

/** `Retry-After` in seconds, as milliseconds; an hour at most, and 0 for what is no number of seconds. */
export const retryAfterMs = (header: string | null | undefined): number => {
  const seconds = Number(header ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 3_600) * 1_000 : 0;
};

/** The gateway was not asked at all, because it has not been answering: nothing was done. */
export class GatewayUnavailableError extends NoAnswerError {
  override name = 'GatewayUnavailableError';
}

/** The gateway does not know us: a wrong key, a wrong address. Nothing was done; an operator has to act. */
export class GatewaySetupError extends Error {
  override name = 'GatewaySetupError';
}
