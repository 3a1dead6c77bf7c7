import { Decimal, formatPrice } from '../shared/money';
import type { Answer, Gateway, GatewayPayment, Money } from './gateway/gateway';
import {
  operations,
  type PaymentCause,
  type ReviewedOperation,
  type WorkingState,
} from '../shared/payment/payment-lifecycle';
import { storableText } from '../shared/storable-text';
import type { Payment } from './payments';

/** What the gateway made of it. */
export interface Finding {
  cause: PaymentCause;
  /** As the gateway has it; absent where it never had it. */
  found?: GatewayPayment;
  declineCode?: string;
  review?: { operation: ReviewedOperation; reason: string };
}

/** What asking needs of the database, between calls: never within a transaction. */
export interface PaymentDesk {
  /** Keeps the gateway's reference. @returns false where the payment has moved on, and must not be asked for */
  keepReference(payment: Payment, reference: string): Promise<boolean>;
  /** The order's card token; whether it is lost, or was deleted because the payment has moved on. */
  readToken(payment: Payment): Promise<{ token: string } | 'lost' | 'moved on'>;
}

/**
 * Asks the gateway what the payment's state wants of it, each operation under an idempotency key of its own,
 * the same however often it is asked, until the gateway has spent it on an error. A new key is no danger: all
 * that moves money is about one reference, and the whole amount. Where the gateway says no to something other than a card, what
 * it has is read before anything is made of the refusal.
 * @returns undefined where the payment has moved on meanwhile
 * @throws {NoAnswerError} {GatewaySetupError} as the port does
 */
export async function askGateway(
  gateway: Gateway,
  desk: PaymentDesk,
  payment: Payment,
): Promise<Finding | undefined> {
  const finding = await ask(gateway, desk, payment);
  if (!finding) return undefined;
  const { declineCode, review } = finding; // a stranger's words
  return {
    ...finding,
    declineCode: declineCode && storableText(declineCode),
    review: review && { ...review, reason: storableText(review.reason) },
  };
}

async function ask(gateway: Gateway, desk: PaymentDesk, payment: Payment): Promise<Finding | undefined> {
  switch (operations[payment.state as WorkingState]) {
    case 'AUTHORIZE':
      return authorize(gateway, desk, payment);
    case 'CAPTURE':
      return capture(gateway, payment);
    case 'VOID':
      return release(gateway, payment);
    case 'REFUND':
      return refund(gateway, payment);
    case 'RESOLVE':
      return resolve(gateway, payment);
    default:
      return undefined;
  }
}

async function authorize(
  gateway: Gateway,
  desk: PaymentDesk,
  payment: Payment,
): Promise<Finding | undefined> {
  const reference = payment.gateway_reference ?? (await open(gateway, payment));
  if (typeof reference !== 'string') return { cause: 'declined', declineCode: reference.code };
  if (!payment.gateway_reference && !(await desk.keepReference(payment, reference))) return undefined;
  const card = await desk.readToken(payment);
  // Somebody else has the payment, or had it: this process stood still meanwhile.
  if (card === 'moved on') return undefined;
  if (card === 'lost') return declineForGood(gateway, { ...payment, gateway_reference: reference });
  try {
    return withoutToken(await authorizeWith(gateway, payment, reference, card.token), card.token);
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(card.token, TOKEN);
    throw error;
  }
}

async function authorizeWith(
  gateway: Gateway,
  payment: Payment,
  reference: string,
  token: string,
): Promise<Finding> {
  const answer = await gateway.authorize(reference, token, keyOf(payment, 'authorize'));
  if (answer.kind === 'declined') return { cause: 'declined', declineCode: answer.code };
  const found = answer.kind === 'done' ? answer.payment : await gateway.read(reference);
  if (found.status === 'authorized')
    return checked(payment, 'AUTHORIZE', found, found.authorized, 'authorized');
  if (!isZero(found.captured)) {
    const reason = `asked to authorise, the gateway has ${found.captured} ${found.currency} ${found.status}`;
    return { cause: 'mismatch', found, review: { operation: 'AUTHORIZE', reason } };
  }
  const declineCode = answer.kind === 'refused' ? answer.code : (found.declineCode ?? found.status);
  return { cause: 'declined', found, declineCode };
}

/** What stands in place of a token that the gateway has quoted. */
const TOKEN = '(token)';

/** A gateway's words are kept and shown, and may quote the token. */
function withoutToken(finding: Finding, token: string): Finding {
  const clean = (words: string | undefined) => words?.replaceAll(token, TOKEN);
  const { declineCode, found, review } = finding;
  return {
    ...finding,
    declineCode: clean(declineCode),
    found: found && { ...found, declineCode: clean(found.declineCode) },
    review: review && { ...review, reason: review.reason.replaceAll(token, TOKEN) },
  };
}

async function open(gateway: Gateway, payment: Payment): Promise<string | { code: string }> {
  const request = { ...moneyOf(payment), paymentId: payment.id, orderId: payment.order_id };
  const opened = await gateway.open(request, keyOf(payment, 'open'));
  return opened.kind === 'done' ? opened.reference : opened;
}

/** Without a token nobody can be asked again: whatever may still be on its way is kept from taking effect. */
async function declineForGood(gateway: Gateway, payment: Payment): Promise<Finding> {
  const { found } = await release(gateway, payment);
  return { cause: 'declined', found, declineCode: 'card_token_missing' };
}

async function capture(gateway: Gateway, payment: Payment): Promise<Finding> {
  const reference = referenceOf(payment);
  const answer = await gateway.capture(reference, moneyOf(payment), keyOf(payment, 'capture'));
  const found = await whatItHas(gateway, reference, answer);
  if (found.status === 'captured') return checked(payment, 'CAPTURE', found, found.captured, 'captured');
  return refused('CAPTURE', answer, found);
}

async function release(gateway: Gateway, payment: Payment): Promise<Finding> {
  const reference = referenceOf(payment);
  const answer = await gateway.void(reference, keyOf(payment, 'void'));
  const found = await whatItHas(gateway, reference, answer);
  if (found.status === 'voided')
    return { cause: isZero(found.authorized) ? 'never_authorized' : 'voided', found };
  if (found.status === 'captured') return { cause: 'captured', found };
  return refused('VOID', answer, found);
}

/**
 * Gives back what is left of what was captured: somebody may have refunded a part of it, or all, at the gateway's desk.
 * What is only held is released. The amount is in the key, because it may be another the next time; no danger, as
 * the gateway returns no more than it has taken.
 */
async function refund(gateway: Gateway, payment: Payment): Promise<Finding> {
  const reference = referenceOf(payment);
  const before = await gateway.read(reference);
  if (before.status === 'authorized') return release(gateway, payment);
  const left = new Decimal(before.captured).minus(before.refunded);
  if (before.status === 'refunded' && left.isZero()) return { cause: 'refunded', found: before };
  const money = { amount: formatPrice(left), currency: before.currency };
  const answer = await gateway.refund(reference, money, `${keyOf(payment, 'refund')}:${money.amount}`);
  const found = await whatItHas(gateway, reference, answer);
  if (found.status !== 'refunded') return refused('REFUND', answer, found);
  if (new Decimal(found.refunded).eq(found.captured)) return { cause: 'refunded', found };
  const reason = `refunded ${found.refunded} of ${found.captured} ${found.currency}`;
  return { cause: 'mismatch', found, review: { operation: 'REFUND', reason } };
}

/** The order is cancelled, and an answer was never heard: reads what the gateway has. */
async function resolve(gateway: Gateway, payment: Payment): Promise<Finding> {
  const found = await gateway.read(referenceOf(payment));
  switch (found.status) {
    // Cancelled there too, so that a request that is still on its way finds nothing to authorise.
    case 'open':
    case 'declined':
      return release(gateway, payment);
    case 'voided':
      return { cause: isZero(found.authorized) ? 'never_authorized' : 'voided', found };
    default:
      return { cause: found.status, found };
  }
}

const whatItHas = (gateway: Gateway, reference: string, answer: Answer): Promise<GatewayPayment> =>
  answer.kind === 'done' ? Promise.resolve(answer.payment) : gateway.read(reference);

function checked(
  payment: Payment,
  operation: ReviewedOperation,
  found: GatewayPayment,
  amount: string,
  cause: PaymentCause,
): Finding {
  const asked = moneyOf(payment);
  if (new Decimal(amount).eq(asked.amount) && found.currency === asked.currency) return { cause, found };
  const reason = `asked for ${asked.amount} ${asked.currency}, the gateway has ${amount} ${found.currency}`;
  return { cause: 'mismatch', found, review: { operation, reason } };
}

function refused(operation: ReviewedOperation, answer: Answer, found: GatewayPayment): Finding {
  const why = answer.kind === 'done' ? 'no reason given' : `${answer.code}: ${answer.message}`;
  const reason = `${why} (the payment is ${found.status} at the gateway)`;
  return { cause: 'refused', found, review: { operation, reason } };
}

const isZero = (amount: string) => new Decimal(amount).isZero();
const moneyOf = (payment: Payment): Money => ({
  amount: formatPrice(payment.amount),
  currency: payment.currency,
});
const keyOf = (payment: Payment, operation: string) => `${payment.id}:${operation}:${payment.round}`;

function referenceOf(payment: Payment): string {
  if (payment.gateway_reference) return payment.gateway_reference;
  throw new Error(`payment ${payment.id} is ${payment.state} and has no reference`);
}
