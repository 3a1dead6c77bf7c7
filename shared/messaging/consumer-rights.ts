import type { TableRights } from '../service/rights';

/** What the consumer runtime does with the mesh's own tables; it writes only rows of its own consumer. */
export const consumerTables: TableRights = {
  _prisma_migrations: ['SELECT'],
  subscriptions: ['SELECT'],
  event_log: ['SELECT'],
  processed_events: ['SELECT', 'INSERT'],
  delivery_failures: ['SELECT', 'INSERT'],
  consumer_progress: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  retry_queues: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  consumer_watermarks: ['SELECT', 'INSERT', 'UPDATE'],
  crash_suspects: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  service_instances: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  pauses: ['SELECT'],
};
