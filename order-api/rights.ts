import type { Rights } from '../shared/service/rights';

export const rights: Rights = {
  tables: {
    // A timeline tells what all services have done about an order.
    '*': ['SELECT'],
    // Read and deleted by payment-service alone.
    card_tokens: ['INSERT'],
    // An item comes with its stock; from then on inventory-service alone changes that.
    stock_levels: ['SELECT', 'INSERT'],
    stock_movements: ['SELECT', 'INSERT'],
    order_status_history: ['SELECT', 'INSERT'],
    service_instances: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  },
};
