import { exampleIds } from '../http/live-examples';

const EVENT_ID = '018f0000-0000-7000-8000-00000000000a';
const PLACED_AT = '2026-11-21T08:30:00.000Z';

/** A timeline for the documentation: an order that was placed a moment ago, and waits for its stock. */
export const timelineExample = {
  status: 'PLACED',
  version: 1,
  as_of: '2026-11-21T08:30:02.500Z',
  waiting_for: {
    code: 'queued',
    since: PLACED_AT,
    service: 'inventory-service',
    sentence: 'inventory-service is to take its stock; order.placed.v1 is in its queue behind 2 others.',
  },
  also_waiting_for: [],
  events: [
    {
      id: EVENT_ID,
      type: 'order.placed.v1',
      source: '/order-api',
      caused_by: null,
      written_at: PLACED_AT,
      after_cause_ms: null,
      published_at: '2026-11-21T08:30:00.012Z',
      publish_ms: 12,
      refused: null,
      consumers: [
        {
          service: 'inventory-service',
          state: 'queued',
          attempts: 0,
          handled_at: null,
          handle_ms: null,
          failures: [],
          failures_left_out: 0,
        },
        {
          service: 'notification-service',
          state: 'handled',
          attempts: 1,
          handled_at: '2026-11-21T08:30:00.031Z',
          handle_ms: 19,
          failures: [],
          failures_left_out: 0,
        },
      ],
      caused: [],
    },
  ],
  events_left_out: 0,
  payment: null,
  history: [
    {
      version: 1,
      from: null,
      to: 'PLACED',
      actor: 'CUSTOMER',
      reason: null,
      note: null,
      caused_by: null,
      at: PLACED_AT,
    },
  ],
  history_left_out: 0,
  order_id: exampleIds.order,
};
