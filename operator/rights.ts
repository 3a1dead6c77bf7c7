import type { Rights } from '../shared/service/rights';

/** Of the people who run a mesh: audit, mesh, dlq, backfill, payments, notifications, analytics and keys. */
export const rights: Rights = {
  tables: {
    '*': ['SELECT'],
    // That there is one, and never what is in it.
    card_tokens: ['SELECT (order_id, key_id, created_at)', 'DELETE'],
    // Decisions about dead letters.
    delivery_failures: ['SELECT', 'INSERT'],
    // Payments in review.
    payments: ['SELECT', 'UPDATE'],
    payment_moves: ['SELECT', 'INSERT'],
    payment_ledger: ['SELECT', 'INSERT'],
    outbox_events: ['SELECT', 'INSERT'],
    api_keys: ['SELECT', 'INSERT', 'UPDATE'],
    // Mails: those that failed are sent again, and who wants which.
    notifications: ['SELECT', 'UPDATE'],
    mail_opt_outs: ['SELECT', 'INSERT', 'DELETE'],
    pauses: ['SELECT', 'INSERT', 'UPDATE (resumed_by, resumed_at)'],
    mail_link_keys: [],
    webhook_secrets: [],
    processed_events: ['SELECT', 'DELETE'],
  },
  // It settles payments in review, and rebuilds reports.
  actsFor: ['payment-service', 'analytics-service'],
  // A rebuild forgets what it did not count.
  forgets: ['analytics-service'],
  broker: 'operator',
};
