import { z } from 'zod';

interface Cancellation {
  cancel_reason: string | null;
  /** What whoever cancelled it said: a person's words, what there was too little of, or the gateway's code. */
  cancel_note: string | null;
  placed_at: Date | null;
}

export const cancelMessage = z.string().nullable().meta({
  description: 'Why it was cancelled, in words',
  example: 'Not enough in stock: Dal (2 ordered, 1 left).',
});

/** https://docs.stripe.com/declines/codes, and the simulator's. What is not here is named by its code. */
const DECLINES: Record<string, string> = {
  insufficient_funds: 'there is too little money on it',
  expired_card: 'it has expired',
  card_declined: 'the bank gave no reason',
  generic_decline: 'the bank gave no reason',
  incorrect_cvc: 'its security code is wrong',
  lost_card: 'the bank gave no reason', // whoever holds it must not learn more
  stolen_card: 'the bank gave no reason',
  processing_error: 'the bank could not process it',
};

/** Why an order was cancelled, in a sentence for people; null where it was not. */
export function whyCancelled({ cancel_reason, cancel_note, placed_at }: Cancellation): string | null {
  const said = cancel_note ? `: ${cancel_note.replace(/\.$/, '')}` : '';
  switch (cancel_reason) {
    case null:
      return null;
    case 'CUSTOMER':
      return `Cancelled by the customer${said}.`;
    case 'STAFF':
      return `Cancelled by the restaurant${said}.`;
    case 'OUT_OF_STOCK':
      return `Not enough in stock${said}.`;
    case 'PAYMENT_FAILED':
      return cancel_note
        ? `The card was declined: ${DECLINES[cancel_note] ?? cancel_note}.`
        : 'The card was declined.';
    case 'TIMEOUT':
      return placed_at ? 'It was not confirmed in time.' : 'The draft was not placed in time.';
    default:
      return `Cancelled (${cancel_reason})${said}.`;
  }
}
