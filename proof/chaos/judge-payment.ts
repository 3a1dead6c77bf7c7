import { Decimal } from '../../shared/money';
import type { BookedPayment } from './gateway';

/** An order in the end, with all that there is of its payment in the database. */
export interface PaidOrder {
  id: string;
  status: string;
  cancel_reason: string | null;
  payment_method: string;
  total: string;
  currency: string;
  /** Whether it ever was: a draft may not have been. */
  placed: boolean;
  payments: { state: string; reference: string | null; review_reason: string | null }[];
  ledger: { kind: string; amount: string; currency: string }[];
}

/** What a payment may be in the end, of an order that goes on and of one that is cancelled. */
const PAID = ['CAPTURED'];
const UNPAID = ['FAILED', 'VOIDED', 'REFUNDED', 'CANCELLED'];

/**
 * Holds what an order's payment became here against the gateway's books, and both against the order. Pure.
 * @param booked all that the gateway has for the order
 * @returns what is wrong, in words; nothing when all is well
 */
export function judgePayment(order: PaidOrder, booked: readonly BookedPayment[]): string[] {
  const wrong =
    order.payment_method === 'CARD' && order.placed
      ? [...judgeState(order), ...judgeMoney(order, booked), ...judgeLedger(order, booked)]
      : judgeNothing(order, booked);
  return [...wrong, ...judgeOnce(booked)].map((what) => `order ${order.id} ${what}`);
}

function judgeNothing({ payment_method, placed, payments, ledger }: PaidOrder, booked: readonly unknown[]) {
  const what = placed ? `is paid by ${payment_method}` : 'was never placed';
  return [
    ...(payments.length > 0 || ledger.length > 0 ? [`${what} and has a payment`] : []),
    ...(booked.length > 0 ? [`${what} and has a payment at the gateway`] : []),
  ];
}

function judgeState({ status, cancel_reason: reason, payments }: PaidOrder): string[] {
  const [payment, ...more] = payments;
  if (!payment) return [`is ${status} and has no payment`];
  if (more.length > 0) return [`has ${payments.length} payments`];
  const { state, review_reason: review } = payment;
  const expected = status === 'CANCELLED' ? UNPAID : PAID;
  if (!expected.includes(state))
    return [`is ${status} and its payment ${state}${review ? `: ${review}` : ''}`];
  return reason === 'PAYMENT_FAILED' && state !== 'FAILED'
    ? [`is cancelled because of ${reason} and its payment ${state}`]
    : [];
}

/** Whoever gets the goods has paid for them, and nobody else. */
function judgeMoney({ status, total, currency }: PaidOrder, booked: readonly BookedPayment[]): string[] {
  const wrong: string[] = [];
  const kept = sumOf(booked, 'captured_amount').minus(sumOf(booked, 'refunded_amount'));
  const due = status === 'CANCELLED' ? '0.00' : total;
  if (!kept.eq(due)) wrong.push(`is ${status}, and the gateway keeps ${kept.toFixed(2)} instead of ${due}`);
  const held = booked.filter((one) => one.status === 'authorized');
  if (held.length > 0 && status === 'CANCELLED')
    wrong.push(`is CANCELLED, and ${idsOf(held)} still authorized`);
  const foreign = booked.filter((one) => one.currency !== currency);
  if (foreign.length > 0)
    wrong.push(`is to be paid in ${currency}, and ${idsOf(foreign)} in another currency`);
  return wrong;
}

/** Each entry once, of what the gateway has done, all of it and nothing else. */
function judgeLedger({ ledger, payments }: PaidOrder, booked: readonly BookedPayment[]): string[] {
  const own = linesOf(ledger.map(({ kind, amount, currency }) => `${kind} ${amount} ${currency}`));
  const theirs = linesOf(booked.flatMap(entriesOf));
  const wrong = own === theirs ? [] : [`has the ledger ${own}, and at the gateway there is ${theirs}`];
  const strange = booked.filter((one) => moved(one) && one.id !== payments[0]?.reference);
  if (strange.length > 0) wrong.push(`has ${idsOf(strange)} at the gateway, of which nobody knows`);
  return wrong;
}

function entriesOf(booked: BookedPayment): string[] {
  const voided = booked.status === 'voided' ? booked.authorized_amount : '0.00';
  return [
    ['AUTHORIZED', booked.authorized_amount] as const,
    ['CAPTURED', booked.captured_amount] as const,
    ['VOIDED', voided] as const,
    ['REFUNDED', booked.refunded_amount] as const,
  ]
    .filter(([, amount]) => amount !== '0.00')
    .map(([kind, amount]) => `${kind} ${amount} ${booked.currency}`);
}

function judgeOnce(booked: readonly BookedPayment[]): string[] {
  const wrong = booked.length > 1 ? [`has ${booked.length} payments at the gateway: ${idsOf(booked)}`] : [];
  for (const what of ['authorizations', 'captures', 'refunds'] as const) {
    const times = booked.reduce((sum, one) => sum + one[what], 0);
    if (times > 1) wrong.push(`has ${times} ${what} at the gateway: ${idsOf(booked)}`);
  }
  return wrong;
}

const moved = ({ authorizations }: BookedPayment) => authorizations > 0;
const idsOf = (booked: readonly BookedPayment[]) =>
  booked.map(({ id, status }) => `${id} ${status}`).join(', ');
const sumOf = (booked: readonly BookedPayment[], of: 'captured_amount' | 'refunded_amount') =>
  booked.reduce((sum, one) => sum.plus(one[of]), new Decimal(0));
const linesOf = (lines: string[]) => lines.sort().join(', ') || 'nothing';
