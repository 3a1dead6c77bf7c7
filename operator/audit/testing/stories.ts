import type { PaymentStory } from './written-payment';
import type { OrderStory, WrittenHistory } from './written-history';

const placed: OrderStory = { moves: [['PLACED', 'CUSTOMER']] };
const prepared: OrderStory = {
  moves: [...placed.moves, ['PREPARING', 'MESH']],
  reservation: 'DEDUCTED',
  stock: [-1],
  events: ['inventory.deducted.success.v1'],
};
const onItsWay: OrderStory = { ...prepared, moves: [...prepared.moves, ['OUT_FOR_DELIVERY', 'STAFF']] };

const begun: [string, string][] = [['AUTHORIZING', 'order_placed']];
const authorized: PaymentStory = { moves: [...begun, ['AUTHORIZED', 'authorized']], ledger: ['AUTHORIZED'] };
const captured: PaymentStory = {
  moves: [...authorized.moves, ['CAPTURING', 'order_preparing'], ['CAPTURED', 'captured']],
  ledger: ['AUTHORIZED', 'CAPTURED'],
};
const byCustomer: OrderStory['moves'][number] = ['CANCELLED', 'CUSTOMER', 'CUSTOMER'];

/** Every way that a payment by card can go with its order, told right. */
export const cardStories = {
  cardPrepared: { ...prepared, payment: captured },
  cardApproved: {
    ...prepared,
    moves: [
      ['DRAFT', 'CUSTOMER'],
      ['PLACED', 'CUSTOMER'],
      ['PREPARING', 'MESH'],
    ],
    payment: captured,
  },
  cardRefunded: {
    ...prepared,
    moves: [...prepared.moves, byCustomer],
    reservation: 'RESTORED',
    stock: [-1, 1],
    payment: {
      moves: [...captured.moves, ['REFUNDING', 'order_cancelled'], ['REFUNDED', 'refunded']],
      ledger: ['AUTHORIZED', 'CAPTURED', 'REFUNDED'],
    },
  },
  cardVoided: {
    moves: [...placed.moves, byCustomer],
    reservation: 'CANCELLED',
    payment: {
      moves: [...authorized.moves, ['VOIDING', 'order_cancelled'], ['VOIDED', 'voided']],
      ledger: ['AUTHORIZED', 'VOIDED'],
    },
  },
  cardDeclined: {
    moves: [...placed.moves, ['CANCELLED', 'MESH', 'PAYMENT_FAILED']],
    reservation: 'CANCELLED',
    payment: { moves: [...begun, ['FAILED', 'declined']] },
  },
  cardCancelledFirst: {
    moves: [...placed.moves, byCustomer],
    reservation: 'CANCELLED',
    payment: { moves: [['CANCELLED', 'order_cancelled']] },
  },
} satisfies Record<string, OrderStory>;

/** Payments that are not at their end. */
export const payments = { begun: { moves: begun }, authorized, captured } satisfies Record<
  string,
  PaymentStory
>;

/** Every way that an order can go, told right. */
export const stories = {
  ...cardStories,
  draftExpired: {
    moves: [
      ['DRAFT', 'CUSTOMER'],
      ['CANCELLED', 'MESH', 'TIMEOUT'],
    ],
  },
  draft: { moves: [['DRAFT', 'STAFF']] },
  draftDropped: {
    moves: [
      ['DRAFT', 'STAFF'],
      ['CANCELLED', 'STAFF', 'STAFF'],
    ],
  },
  placed,
  prepared,
  onItsWay,
  delivered: { ...onItsWay, moves: [...onItsWay.moves, ['DELIVERED', 'STAFF']] },
  cancelled: {
    ...prepared,
    moves: [...prepared.moves, ['CANCELLED', 'CUSTOMER', 'CUSTOMER']],
    reservation: 'RESTORED',
    stock: [-1, 1],
  },
  short: {
    moves: [...placed.moves, ['CANCELLED', 'MESH', 'OUT_OF_STOCK']],
    reservation: 'CANCELLED',
    events: ['order.cancellation.required.v1'],
  },
  cancelledFirst: {
    moves: [...placed.moves, ['CANCELLED', 'CUSTOMER', 'CUSTOMER']],
    reservation: 'CANCELLED',
  },
  timedOut: {
    moves: [...placed.moves, ['CANCELLED', 'MESH', 'TIMEOUT']],
    reservation: 'RESTORED',
    stock: [-1, 1],
    events: ['inventory.deducted.success.v1'],
  },
} satisfies Record<string, OrderStory>;

/** Writes a history in which every promise is kept. @returns an order id of each story that is over */
export async function writeAll(history: WrittenHistory): Promise<Record<keyof typeof stories, string>> {
  await history.begin();
  const ids: Record<string, string> = {};
  for (const [name, story] of Object.entries<OrderStory>(stories))
    if (name !== 'placed') ids[name] = history.order(story);
  history.adjustment(5, 'APPLIED');
  history.adjustment(-1_000, 'REJECTED');
  await history.write();
  return ids as Record<keyof typeof stories, string>;
}
