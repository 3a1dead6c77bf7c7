import { paymentMoves } from '../shared/audit/payment-life';
import {
  nextState,
  paymentCauses,
  paymentStates,
  reviewable,
  type PaymentFacts,
  type ReviewedOperation,
} from './payment-lifecycle';

/** Everything that a decision can depend on. */
const allFacts: Omit<PaymentFacts, 'state'>[] = [true, false].flatMap((opened) =>
  [true, false].flatMap((asked) =>
    [true, false].flatMap((orderCancelled) =>
      [...(Object.keys(reviewable) as ReviewedOperation[]), null].map((reviewOperation) => ({
        opened,
        asked,
        orderCancelled,
        reviewOperation,
      })),
    ),
  ),
);

it.each(paymentStates)('the audit knows what may follow %s, and nothing else', (state) => {
  for (const cause of paymentCauses) {
    const possible = new Set(allFacts.map((facts) => nextState({ ...facts, state }, cause)));
    possible.delete(undefined);
    expect([cause, possible]).toEqual([cause, new Set(paymentMoves[state]?.[cause])]);
  }
});

it('the audit knows no other states and causes', () => {
  const { '': begun, ...known } = paymentMoves;
  expect(Object.keys(begun ?? {})).toEqual(['order_placed', 'order_cancelled']); // begin-payment.ts
  expect(paymentStates).toEqual(expect.arrayContaining(Object.keys(known)));
  expect(paymentCauses).toEqual(
    expect.arrayContaining(Object.values(known).flatMap((causes) => Object.keys(causes))),
  );
});
