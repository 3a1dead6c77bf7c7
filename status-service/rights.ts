import type { Rights } from '../shared/service/rights';

export const rights: Rights = {
  tables: {
    // Moves, which it shares with order-api.
    orders: ['SELECT', 'UPDATE (status, version, cancel_reason, placed_at, updated_at)'],
    order_status_history: ['SELECT', 'INSERT'],
    order_lines: ['SELECT'],
    // Whether an overdue order is still being worked on.
    outbox_events: ['SELECT', 'INSERT'],
    payments: ['SELECT'],
  },
};
