/**
 * The life of a payment: the one table of state × cause. Whoever learns something (a handler from an
 * event, the worker from the gateway, an operator) looks up here what it makes of the payment; nothing
 * else compares states to decide what may happen.
 *
 * ```
 * AUTHORIZING ─▶ AUTHORIZED ─▶ CAPTURING ─▶ CAPTURED ─▶ REFUNDING ─▶ REFUNDED
 *   │   │            └──────▶ VOIDING ─▶ VOIDED
 *   │   └─▶ FAILED              ▲
 *   └─▶ RESOLVING ──────────────┴─▶ REFUNDING, CANCELLED, …       any refusal ─▶ REVIEW
 * ```
 */
export const paymentStates = [
  /** The gateway is to be asked for an authorisation, or is being asked. */
  'AUTHORIZING',
  'AUTHORIZED',
  /** Declined. */
  'FAILED',
  'CAPTURING',
  'CAPTURED',
  /** The order was cancelled while an answer was outstanding: what the gateway has is read, then undone. */
  'RESOLVING',
  'VOIDING',
  'VOIDED',
  'REFUNDING',
  'REFUNDED',
  /** Nothing was ever authorised, and nothing will be. */
  'CANCELLED',
  /** The gateway refused for good, or answered with other money than was asked: an operator settles it. */
  'REVIEW',
] as const;
export type PaymentState = (typeof paymentStates)[number];

/** What is asked of the gateway in a state; a state that is not here waits for nothing. */
export const operations = {
  AUTHORIZING: 'AUTHORIZE',
  CAPTURING: 'CAPTURE',
  RESOLVING: 'RESOLVE',
  VOIDING: 'VOID',
  REFUNDING: 'REFUND',
} as const satisfies Partial<Record<PaymentState, string>>;
export type WorkingState = keyof typeof operations;
export type Operation = (typeof operations)[WorkingState];

export const isWorking = (state: PaymentState): state is WorkingState => Object.hasOwn(operations, state);

/** What can come into review. */
export const reviewedOperations = ['AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND'] as const;
export type ReviewedOperation = (typeof reviewedOperations)[number];

/** What can be tried again, and in which state; not an authorisation, whose card token is gone. */
export const repeatable: { readonly [O in ReviewedOperation]?: WorkingState } = {
  CAPTURE: 'CAPTURING',
  VOID: 'VOIDING',
  REFUND: 'REFUNDING',
};

export const paymentCauses = [
  // From the mesh.
  'order_preparing',
  'order_cancelled',
  // What the gateway has, as it answered or was found.
  'authorized',
  'declined',
  'captured',
  'voided',
  'never_authorized',
  'refunded',
  /** It will not do what was asked. */
  'refused',
  /** It did it with another amount or currency. */
  'mismatch',
  // From an operator, who may also say what the gateway has.
  'tried_again',
] as const;
export type PaymentCause = (typeof paymentCauses)[number];

/** What a decision depends on. */
export interface PaymentFacts {
  state: PaymentState;
  /** Whether the gateway has given it a reference: before, no money can have moved. */
  opened: boolean;
  /** Whether the gateway was asked in this state. */
  asked: boolean;
  orderCancelled: boolean;
  /** What is under review. */
  reviewOperation: ReviewedOperation | null;
}

type Next = PaymentState | ((facts: PaymentFacts) => PaymentState | undefined);

const table: Record<PaymentState, Partial<Record<PaymentCause, Next>>> = {
  AUTHORIZING: {
    order_cancelled: ({ opened }) => (opened ? 'RESOLVING' : 'CANCELLED'),
    authorized: 'AUTHORIZED',
    declined: 'FAILED',
    mismatch: 'REVIEW',
  },
  AUTHORIZED: { order_preparing: 'CAPTURING', order_cancelled: 'VOIDING' },
  FAILED: {},
  CAPTURING: {
    order_cancelled: ({ asked }) => (asked ? 'RESOLVING' : 'VOIDING'),
    captured: 'CAPTURED',
    refused: 'REVIEW',
    mismatch: 'REVIEW',
  },
  CAPTURED: { order_cancelled: 'REFUNDING' },
  RESOLVING: {
    authorized: 'VOIDING',
    declined: 'FAILED',
    captured: 'REFUNDING',
    voided: 'VOIDED',
    never_authorized: 'CANCELLED',
    refunded: 'REFUNDED',
    refused: 'REVIEW',
    mismatch: 'REVIEW',
  },
  VOIDING: {
    voided: 'VOIDED',
    never_authorized: 'CANCELLED',
    captured: 'REFUNDING', // a capture that was on its way came first
    refused: 'REVIEW',
    mismatch: 'REVIEW',
  },
  VOIDED: {},
  REFUNDING: {
    refunded: 'REFUNDED',
    voided: 'VOIDED', // it had not been captured, whatever was said
    refused: 'REVIEW',
    mismatch: 'REVIEW',
  },
  REFUNDED: {},
  CANCELLED: {},
  REVIEW: {
    // What was held or taken for an order that is no more is given back without waiting for anybody.
    order_cancelled: ({ reviewOperation }) =>
      reviewOperation === 'AUTHORIZE' || reviewOperation === 'CAPTURE' ? 'RESOLVING' : undefined,
    tried_again: ({ reviewOperation }) => (reviewOperation ? repeatable[reviewOperation] : undefined),
    authorized: ({ orderCancelled }) => (orderCancelled ? 'VOIDING' : 'AUTHORIZED'),
    declined: 'RESOLVING', // the order is told that there is no payment; what the gateway holds is released
    captured: ({ orderCancelled }) => (orderCancelled ? 'REFUNDING' : 'CAPTURED'),
    voided: 'VOIDED',
    refunded: 'REFUNDED',
  },
};

/** What a cause makes of a payment; undefined where it makes nothing of it: it came too late, or again. */
export function nextState(facts: PaymentFacts, cause: PaymentCause): PaymentState | undefined {
  const next = table[facts.state][cause];
  return typeof next === 'function' ? next(facts) : next;
}

/** What an operator may say became of an operation under review. */
export const settlements: Record<ReviewedOperation, readonly PaymentCause[]> = {
  AUTHORIZE: ['authorized', 'declined'],
  CAPTURE: ['captured', 'voided'],
  VOID: ['voided', 'captured'],
  REFUND: ['refunded', 'voided'],
};

/** Every state that a cause can make of a state, whatever else is the case. */
export function possibleStates(state: PaymentState, cause: PaymentCause): PaymentState[] {
  const either = [true, false];
  const all = either.flatMap((opened) =>
    either.flatMap((asked) =>
      either.flatMap((orderCancelled) =>
        [...reviewedOperations, null].map((reviewOperation) =>
          nextState({ state, opened, asked, orderCancelled, reviewOperation }, cause),
        ),
      ),
    ),
  );
  return [...new Set(all.filter((next) => next !== undefined))];
}
