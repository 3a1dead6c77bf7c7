import type { Arrival } from './mail-receiver';
import { judgeMails, type MailedOrder, type RecordedMail } from './judge-mails';

const mail = (kind: string, more: Partial<RecordedMail> = {}): RecordedMail => ({
  id: `id-${kind}`,
  kind,
  status: 'SENT',
  attempts: 1,
  last_error: null,
  ...more,
});
const delivered = (more: Partial<MailedOrder> = {}): MailedOrder => ({
  id: 'o',
  history: ['PLACED', 'PREPARING', 'OUT_FOR_DELIVERY', 'DELIVERED'],
  payment_state: 'CAPTURED',
  cancel_reason: null,
  mails: ['accepted', 'preparing', 'on-its-way', 'delivered'].map((kind) => mail(kind)),
  ...more,
});
const arrived = (...kinds: string[]): Arrival[] =>
  kinds.map((kind, at) => ({ notificationId: `id-${kind}`, to: 'a@example.com', at }));
const ALL = arrived('accepted', 'preparing', 'on-its-way', 'delivered');

test('an order of which all was told in order is in order, and so is a draft of which nothing was', () => {
  expect(judgeMails(delivered(), ALL)).toEqual([]);
  expect(
    judgeMails(
      { id: 'o', history: ['DRAFT', 'CANCELLED'], payment_state: null, cancel_reason: 'CUSTOMER', mails: [] },
      [],
    ),
  ).toEqual([]);
});

test('what was overtaken may be missing, and what was tried again may arrive again', () => {
  const mails = [
    mail('accepted', { attempts: 2 }),
    mail('preparing', { status: 'DROPPED', last_error: 'the order has moved on' }),
    mail('on-its-way'),
    mail('delivered'),
  ];
  const came = arrived('accepted', 'on-its-way', 'accepted', 'delivered');
  expect(judgeMails(delivered({ mails }), came)).toEqual([]);
});

test('that a card was declined comes before a cancellation for it, and otherwise when it happens', () => {
  const order = (cancel_reason: string): MailedOrder => ({
    id: 'o',
    history: ['PLACED', 'CANCELLED'],
    payment_state: 'FAILED',
    cancel_reason,
    mails: ['accepted', 'payment-failed', 'cancelled'].map((kind) => mail(kind)),
  });
  const came = arrived('accepted', 'cancelled', 'payment-failed');
  expect(judgeMails(order('CUSTOMER'), came)).toEqual([]);
  expect(judgeMails(order('PAYMENT_FAILED'), came)).toEqual([
    'order o was told cancelled before payment-failed',
  ]);
});

test.each<[string, MailedOrder, Arrival[], string]>([
  ['lost', delivered(), ALL.slice(0, 3), 'on record as sent and never arrived'],
  ['told twice', delivered(), [...ALL, ...arrived('delivered')], 'arrived 2 times in 1 attempts'],
  [
    'not recorded',
    delivered({ mails: delivered().mails.slice(1) }),
    ALL.slice(1),
    'has 0 mails accepted on record',
  ],
  [
    'told in disorder',
    delivered(),
    arrived('accepted', 'on-its-way', 'preparing', 'delivered'),
    'was told on-its-way before preparing',
  ],
  [
    'failed',
    delivered({ mails: [mail('accepted', { status: 'FAILED' }), ...delivered().mails.slice(1)] }),
    ALL.slice(1),
    'is FAILED',
  ],
  [
    'kept from who has to know',
    delivered({
      history: ['PLACED', 'CANCELLED'],
      payment_state: 'VOIDED',
      mails: [mail('accepted'), mail('cancelled', { status: 'DROPPED' })],
    }),
    arrived('accepted'),
    'mail cancelled (id-cancelled) was dropped',
  ],
  [
    'not true',
    delivered({ mails: [...delivered().mails, mail('refunded')] }),
    [...ALL, ...arrived('refunded')],
    'was told by mail refunded',
  ],
  ["nobody's", delivered(), [...ALL, ...arrived('other')], 'got the mail id-other'],
])('what was %s is found', (_, order, arrivals, what) => {
  const wrong = judgeMails(order, arrivals);
  expect(wrong.length).toBeGreaterThan(0);
  expect(wrong.join('; ')).toContain(what);
});
