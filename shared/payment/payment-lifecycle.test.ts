import {
  isWorking,
  nextState,
  paymentCauses,
  paymentStates,
  repeatable,
  reviewedOperations,
  settlements,
  type PaymentFacts,
  type PaymentState,
} from './payment-lifecycle';

const facts = (state: PaymentState, more: Partial<PaymentFacts> = {}): PaymentFacts => ({
  state,
  opened: true,
  asked: true,
  orderCancelled: false,
  reviewOperation: state === 'REVIEW' ? 'CAPTURE' : null,
  ...more,
});

describe('the life of a payment', () => {
  it('is this table', () => {
    const table = Object.fromEntries(
      paymentStates.map((state) => [
        state,
        paymentCauses.flatMap((cause) => {
          const next = nextState(facts(state), cause);
          return next ? [`${cause} → ${next}`] : [];
        }),
      ]),
    );
    expect(table).toEqual({
      AUTHORIZING: [
        'order_cancelled → RESOLVING',
        'authorized → AUTHORIZED',
        'declined → FAILED',
        'mismatch → REVIEW',
      ],
      AUTHORIZED: ['order_preparing → CAPTURING', 'order_cancelled → VOIDING'],
      FAILED: [],
      CAPTURING: [
        'order_cancelled → RESOLVING',
        'captured → CAPTURED',
        'refused → REVIEW',
        'mismatch → REVIEW',
      ],
      CAPTURED: ['order_cancelled → REFUNDING'],
      RESOLVING: [
        'authorized → VOIDING',
        'declined → FAILED',
        'captured → REFUNDING',
        'voided → VOIDED',
        'never_authorized → CANCELLED',
        'refunded → REFUNDED',
        'refused → REVIEW',
        'mismatch → REVIEW',
      ],
      VOIDING: [
        'captured → REFUNDING',
        'voided → VOIDED',
        'never_authorized → CANCELLED',
        'refused → REVIEW',
        'mismatch → REVIEW',
      ],
      VOIDED: [],
      REFUNDING: ['voided → VOIDED', 'refunded → REFUNDED', 'refused → REVIEW', 'mismatch → REVIEW'],
      REFUNDED: [],
      CANCELLED: [],
      REVIEW: [
        'order_cancelled → RESOLVING',
        'authorized → AUTHORIZED',
        'declined → RESOLVING',
        'captured → CAPTURED',
        'voided → VOIDED',
        'refunded → REFUNDED',
        'tried_again → CAPTURING',
      ],
    });
  });

  it('needs no gateway to end where the gateway was not asked', () => {
    expect(nextState(facts('AUTHORIZING', { opened: false }), 'order_cancelled')).toBe('CANCELLED');
    expect(nextState(facts('CAPTURING', { asked: false }), 'order_cancelled')).toBe('VOIDING');
  });

  it('waits for an operator to have a void or a refund settled, cancelled or not', () => {
    for (const reviewOperation of ['VOID', 'REFUND'] as const)
      expect(nextState(facts('REVIEW', { reviewOperation }), 'order_cancelled')).toBeUndefined();
  });

  it('gives back what is settled for an order that is no more', () => {
    const cancelled = facts('REVIEW', { orderCancelled: true });
    expect(nextState(cancelled, 'authorized')).toBe('VOIDING');
    expect(nextState(cancelled, 'captured')).toBe('REFUNDING');
  });

  it('has a way out of every review', () => {
    for (const operation of reviewedOperations) {
      const review = facts('REVIEW', { reviewOperation: operation });
      expect(nextState(review, 'tried_again')).toBe(repeatable[operation]);
      for (const cause of settlements[operation]) expect(nextState(review, cause)).toBeDefined();
    }
  });

  it('never leaves a cancelled order with money held or taken: every state has a way back or is empty', () => {
    const empty: PaymentState[] = ['FAILED', 'VOIDED', 'REFUNDED', 'CANCELLED'];
    const undoing: PaymentState[] = ['RESOLVING', 'VOIDING', 'REFUNDING'];
    for (const state of paymentStates) {
      const next = nextState(facts(state), 'order_cancelled') ?? state;
      expect([...empty, ...undoing]).toContain(next);
      if (undoing.includes(next)) expect(isWorking(next)).toBe(true);
    }
  });
});
