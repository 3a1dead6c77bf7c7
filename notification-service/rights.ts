import type { Rights } from '../shared/service/rights';

export const rights: Rights = {
  tables: {
    // Whom to tell, and in what words.
    orders: ['SELECT'],
    restaurants: ['SELECT'],
    menu_items: ['SELECT'],
  },
};
