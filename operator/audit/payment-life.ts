import { paymentCauses, paymentStates, possibleStates } from '../../shared/payment/payment-lifecycle';

/** The life of a payment as the audit asks for it: state, cause, and the states that may follow. */
export const paymentMoves: Record<string, Record<string, readonly string[]>> = {
  /* Its beginning. */
  '': { order_placed: ['AUTHORIZING'], order_cancelled: ['CANCELLED'] },
  ...Object.fromEntries(
    paymentStates.map((state) => [
      state,
      Object.fromEntries(paymentCauses.map((cause) => [cause, possibleStates(state, cause)])),
    ]),
  ),
};

/** What the ledger has of a payment in a state, and what it cannot have; a state that is over leaves nothing open. */
export const ledgerOfState: Record<string, { needs?: string[]; never?: string[]; over?: true }> = {
  AUTHORIZING: { never: ['AUTHORIZED', 'CAPTURED', 'VOIDED', 'REFUNDED'] },
  AUTHORIZED: { needs: ['AUTHORIZED'], never: ['CAPTURED', 'VOIDED', 'REFUNDED'] },
  // Where a capture is tried again, an earlier one may have been for another sum.
  CAPTURING: { needs: ['AUTHORIZED'], never: ['VOIDED', 'REFUNDED'] },
  CAPTURED: { needs: ['AUTHORIZED', 'CAPTURED'], never: ['VOIDED', 'REFUNDED'] },
  REFUNDING: { needs: ['CAPTURED'] },
  FAILED: { over: true },
  VOIDED: { needs: ['VOIDED'], over: true },
  REFUNDED: { needs: ['CAPTURED', 'REFUNDED'], over: true },
  CANCELLED: { over: true },
};
