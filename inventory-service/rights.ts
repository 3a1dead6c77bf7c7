import type { Rights } from '../shared/service/rights';

export const rights: Rights = {
  tables: {
    menu_items: ['SELECT'],
    stock_movements: ['SELECT', 'INSERT'],
  },
};
