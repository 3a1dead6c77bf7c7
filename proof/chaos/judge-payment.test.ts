import type { BookedPayment } from './gateway';
import { judgePayment, type PaidOrder } from './judge-payment';

const line = (kind: string, amount = '241.00') => ({ kind, amount, currency: 'INR' });
const ours = (state: string, kinds: string[], more: Partial<PaidOrder> = {}): PaidOrder => ({
  id: 'o1',
  status: 'PREPARING',
  cancel_reason: null,
  payment_method: 'CARD',
  total: '241.00',
  currency: 'INR',
  placed: true,
  payments: [{ state, reference: 'pay_1', review_reason: null }],
  ledger: kinds.map((kind) => line(kind)),
  ...more,
});
const cancelled = (state: string, kinds: string[], cancel_reason = 'CUSTOMER') =>
  ours(state, kinds, { status: 'CANCELLED', cancel_reason });
const theirs = (status: BookedPayment['status'], more: Partial<BookedPayment> = {}): BookedPayment => {
  const was = (...those: string[]) => those.includes(status);
  const [authorizations, captures, refunds] = [
    Number(was('authorized', 'captured', 'refunded', 'voided')),
    Number(was('captured', 'refunded')),
    Number(was('refunded')),
  ];
  const amount = (times: number) => (times ? '241.00' : '0.00');
  return {
    id: 'pay_1',
    order_id: 'o1',
    status,
    amount: '241.00',
    currency: 'INR',
    authorized_amount: amount(authorizations),
    captured_amount: amount(captures),
    refunded_amount: amount(refunds),
    authorizations,
    captures,
    voids: Number(was('voided')),
    refunds,
    ...more,
  };
};
const all = ['AUTHORIZED', 'CAPTURED', 'REFUNDED'];

describe('a payment in the end', () => {
  it.each<[string, PaidOrder, BookedPayment[]]>([
    ['paid', ours('CAPTURED', ['AUTHORIZED', 'CAPTURED']), [theirs('captured')]],
    ['released', cancelled('VOIDED', ['AUTHORIZED', 'VOIDED']), [theirs('voided')]],
    ['given back', cancelled('REFUNDED', all), [theirs('refunded')]],
    ['declined', cancelled('FAILED', [], 'PAYMENT_FAILED'), [theirs('declined')]],
    ['declined after the stock was short', cancelled('FAILED', [], 'OUT_OF_STOCK'), [theirs('declined')]],
    ['never asked for', cancelled('CANCELLED', []), []],
    ['opened, and never more', cancelled('CANCELLED', []), [theirs('open')]],
    [
      'kept from ever being authorised',
      cancelled('CANCELLED', []),
      [theirs('voided', { authorized_amount: '0.00', authorizations: 0 })],
    ],
    ['in cash', ours('', [], { payment_method: 'CASH', payments: [] }), []],
    ['of a draft', ours('', [], { status: 'DRAFT', placed: false, payments: [] }), []],
  ])('%s: is in order', (_name, order, booked) => expect(judgePayment(order, booked)).toEqual([]));

  const paid = ours('CAPTURED', ['AUTHORIZED', 'CAPTURED']);
  it.each<[string, PaidOrder, BookedPayment[], RegExp]>([
    ['captured twice', paid, [theirs('captured', { captures: 2 })], /2 captures/],
    [
      'captured by two payments',
      paid,
      [theirs('captured'), theirs('captured', { id: 'pay_2' })],
      /keeps 482\.00 instead of 241\.00.*pay_2 captured at the gateway, of which nobody knows.*2 captures/,
    ],
    ['not captured', ours('AUTHORIZED', ['AUTHORIZED']), [theirs('authorized')], /payment AUTHORIZED.*0\.00/],
    ['of another amount', paid, [theirs('captured', { captured_amount: '240.00' })], /keeps 240\.00/],
    ['unknown to the gateway', paid, [], /keeps 0\.00.*at the gateway there is nothing/],
    ['unknown here', ours('', [], { payments: [] }), [theirs('captured')], /no payment.*ledger nothing/],
    [
      'still held',
      cancelled('VOIDED', ['AUTHORIZED', 'VOIDED']),
      [theirs('authorized')],
      /is CANCELLED, and pay_1 authorized still/,
    ],
    [
      'not given back',
      cancelled('CAPTURED', ['AUTHORIZED', 'CAPTURED']),
      [theirs('captured')],
      /keeps 241\.00/,
    ],
    ['given back twice', cancelled('REFUNDED', all), [theirs('refunded', { refunds: 2 })], /2 refunds/],
    ['declined, and going on', ours('FAILED', []), [theirs('declined')], /PREPARING and its payment FAILED/],
    ['failed, with money', cancelled('REFUNDED', all, 'PAYMENT_FAILED'), [theirs('refunded')], /REFUNDED/],
    ['under way', cancelled('REFUNDING', ['AUTHORIZED', 'CAPTURED']), [theirs('captured')], /REFUNDING/],
    ['left to an operator', ours('REVIEW', ['AUTHORIZED']), [theirs('authorized')], /payment REVIEW/],
    [
      'twice in the ledger',
      ours('CAPTURED', ['AUTHORIZED', 'CAPTURED', 'CAPTURED']),
      [theirs('captured')],
      /ledger AUTHORIZED 241\.00 INR, CAPTURED 241\.00 INR, CAPTURED/,
    ],
    [
      'in cash, and charged',
      ours('', [], { payment_method: 'CASH', payments: [] }),
      [theirs('open')],
      /CASH/,
    ],
    [
      'of a draft, and charged',
      ours('AUTHORIZING', [], { placed: false }),
      [],
      /never placed and has a payment/,
    ],
  ])('%s: is found', (_name, order, booked, expected) =>
    expect(judgePayment(order, booked).join()).toMatch(expected),
  );
});
