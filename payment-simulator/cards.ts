import type { Operation } from './payment';

/** How a request comes to a bad end: not done at all (failed), or done and the answer lost. */
export type Mishap = 'failed' | 'dropped' | 'hung';

/** What a test token makes of its payment. What is not named here goes as it should. */
export interface Card {
  /** For people: the page and the README. */
  does: string;
  /** The issuer says no, with this `decline_code`. */
  declines?: string;
  /** Authorises only after `SIMULATOR_SLOW`. */
  slow?: true;
  /** Authorises another amount than was asked for. */
  wrongAmount?: true;
  /** Operations refused for good, and with which code. */
  refuses?: Partial<Record<Operation, string>>;
  /** What befalls the first requests for an operation, replays included. */
  mishaps?: Partial<Record<Operation, { how: Mishap; times: number }>>;
}

/** The test tokens: https://docs.stripe.com/testing has the like of the first few. */
const CARDS: Readonly<Record<string, Card>> = {
  tok_approved: { does: 'is approved' },
  tok_declined: { does: 'is declined: card_declined', declines: 'card_declined' },
  tok_insufficient_funds: {
    does: 'is declined: insufficient_funds',
    declines: 'insufficient_funds',
  },
  tok_expired: { does: 'is declined: expired_card', declines: 'expired_card' },
  tok_slow: { does: 'is approved, after SIMULATOR_SLOW (2s)', slow: true },
  tok_timeout: {
    does: 'is approved, but the first two requests get no answer',
    mishaps: { authorize: { how: 'hung', times: 2 } },
  },
  tok_flaky: {
    does: 'answers 500 twice and does nothing, then is approved',
    mishaps: { authorize: { how: 'failed', times: 2 } },
  },
  tok_drops: {
    does: 'is approved, but the connection breaks instead of the first answer',
    mishaps: { authorize: { how: 'dropped', times: 1 } },
  },
  tok_wrong_amount: {
    does: 'is approved for 1.00 less than asked (1.00 more, up to 1.00)',
    wrongAmount: true,
  },
  tok_capture_refused: {
    does: 'is approved; its capture is refused for good: capture_refused',
    refuses: { capture: 'capture_refused' },
  },
  tok_capture_drops: {
    does: 'is approved; captured, but the connection breaks instead of the first answer',
    mishaps: { capture: { how: 'dropped', times: 1 } },
  },
  tok_capture_flaky: {
    does: 'is approved; its capture answers 500 twice and does nothing, then is done',
    mishaps: { capture: { how: 'failed', times: 2 } },
  },
  tok_refund_refused: {
    does: 'is approved; its refund is refused for good: refund_refused',
    refuses: { refund: 'refund_refused' },
  },
  tok_refund_drops: {
    does: 'is approved; refunded, but the connection breaks instead of the first answer',
    mishaps: { refund: { how: 'dropped', times: 1 } },
  },
  tok_void_drops: {
    does: 'is approved; voided, but the connection breaks instead of the first answer',
    mishaps: { void: { how: 'dropped', times: 1 } },
  },
};

export const testTokens = Object.entries(CARDS).map(([token, { does }]) => ({ token, does }));

const UNKNOWN: Card = { does: 'is declined: unknown_token', declines: 'unknown_token' };

/** Any token that is no test token is declined. */
export const cardOf = (token: string): Card =>
  (Object.hasOwn(CARDS, token) ? CARDS[token] : undefined) ?? UNKNOWN;

/** A token as it may be shown and kept: a test token as it is; whatever else it was, somebody may have sent a card number. */
export const shownToken = (token: string): string => (Object.hasOwn(CARDS, token) ? token : '(masked)');
