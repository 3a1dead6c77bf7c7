type Moves = Record<string, Record<string, readonly string[]>>;

/**
 * The life of a payment as the audit knows it: state, cause, and the states that may follow. Said here a second
 * time, since shared code knows no service; a test of payment-service holds it against the table there.
 */
export const paymentMoves: Moves = {
  /* Its beginning. */
  '': { order_placed: ['AUTHORIZING'], order_cancelled: ['CANCELLED'] },
  AUTHORIZING: {
    order_cancelled: ['CANCELLED', 'RESOLVING'],
    authorized: ['AUTHORIZED'],
    declined: ['FAILED'],
    mismatch: ['REVIEW'],
  },
  AUTHORIZED: { order_preparing: ['CAPTURING'], order_cancelled: ['VOIDING'] },
  CAPTURING: {
    order_cancelled: ['RESOLVING', 'VOIDING'],
    captured: ['CAPTURED'],
    refused: ['REVIEW'],
    mismatch: ['REVIEW'],
  },
  CAPTURED: { order_cancelled: ['REFUNDING'] },
  RESOLVING: {
    authorized: ['VOIDING'],
    declined: ['FAILED'],
    captured: ['REFUNDING'],
    voided: ['VOIDED'],
    never_authorized: ['CANCELLED'],
    refunded: ['REFUNDED'],
    refused: ['REVIEW'],
    mismatch: ['REVIEW'],
  },
  VOIDING: {
    voided: ['VOIDED'],
    never_authorized: ['CANCELLED'],
    captured: ['REFUNDING'],
    refused: ['REVIEW'],
    mismatch: ['REVIEW'],
  },
  REFUNDING: { refunded: ['REFUNDED'], refused: ['REVIEW'], mismatch: ['REVIEW'] },
  REVIEW: {
    order_cancelled: ['RESOLVING'],
    tried_again: ['CAPTURING', 'REFUNDING', 'RESOLVING', 'VOIDING'],
    authorized: ['AUTHORIZED', 'VOIDING'],
    declined: ['RESOLVING'],
    captured: ['CAPTURED', 'REFUNDING'],
    voided: ['VOIDED'],
    refunded: ['REFUNDED'],
  },
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
