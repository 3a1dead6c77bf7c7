import type { Rights } from '../shared/service/rights';

export const rights: Rights = {
  tables: {
    // Whom to tell, and in what words.
    orders: ['SELECT'],
    restaurants: ['SELECT'],
    menu_items: ['SELECT'],
    mail_opt_outs: ['SELECT'],
    mail_link_keys: ['SELECT'],
    // Locked while their health is written, which takes a right to change something.
    webhook_endpoints: ['SELECT', 'UPDATE (created_by)'],
    webhook_secrets: ['SELECT'],
    webhook_requests: ['SELECT', 'UPDATE', 'DELETE'],
    // Whether the step before it is still to be published.
    outbox_events: ['SELECT'],
  },
};
