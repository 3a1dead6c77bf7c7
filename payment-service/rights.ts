import type { Rights } from '../shared/service/rights';

export const rights: Rights = {
  tables: {
    card_tokens: ['SELECT', 'DELETE'],
    payment_ledger: ['SELECT', 'INSERT'],
    payment_moves: ['SELECT', 'INSERT'],
  },
};
