import type { Rights } from '../shared/service/rights';

export const rights: Rights = {
  tables: {
    _prisma_migrations: ['SELECT'],
    subscriptions: ['SELECT'],
    service_instances: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
    pauses: ['SELECT'],
    // How far each consumer has come.
    consumer_progress: ['SELECT'],
    outbox_events: ['SELECT', 'UPDATE', 'DELETE'],
    event_log: ['SELECT', 'INSERT'],
    // What is past its retention.
    event_log_default: ['SELECT', 'DELETE'],
    processed_events_default: ['SELECT', 'DELETE'],
    delivery_failures: ['SELECT', 'DELETE'],
    crash_suspects: ['SELECT', 'DELETE'],
  },
  functions: ['make_history_partition', 'drop_history_partition'],
  broker: 'relay',
};
