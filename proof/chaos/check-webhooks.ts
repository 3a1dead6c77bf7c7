import { waitUntil } from '../../scripts/servers/wait-until';
import { groupBy } from '../../shared/group-by';
import { judgeTold, type ToldOrder } from './judge-told';
import {
  isGivenUp,
  judgeWebhooks,
  type Endpoint,
  type LoggedEvent,
  type RecordedDelivery,
} from './judge-webhooks';
import { WEBHOOK_ATTEMPTS } from './mesh';
import { query } from './query';
import type { WebhookReceiver } from './webhook-receiver';

/** One that is held back goes out after three minutes, and may have to be tried again then. */
const SETTLED_WITHIN_MS = 300_000;

export interface WebhookCounts {
  sent: number;
  /** Beyond the first of the same event at the same endpoint. */
  arrived_again: number;
  /** All attempts were used up. */
  given_up: number;
  /** They were held for an earlier one, and it did not come in time. */
  held_out: number;
  refused: number;
  hung: number;
  cut: number;
}

/** Waits until every webhook is settled, and judges what arrived. */
export async function checkWebhooks(
  databaseUrl: string,
  receiver: WebhookReceiver,
  endpoints: readonly Endpoint[],
): Promise<{ violations: string[]; counts: WebhookCounts }> {
  await waitUntil(
    async () => {
      const waiting = `SELECT count(*)::int AS n FROM notifications WHERE channel = 'WEBHOOK' AND status = 'PENDING'`;
      const [row] = await query<{ n: number }>(databaseUrl, waiting);
      if (row!.n > 0) throw new Error(`${row!.n} wait`);
    },
    { what: 'every webhook to be settled', timeoutMs: SETTLED_WITHIN_MS, everyMs: 500 },
  ).catch(() => undefined); // what is not, is found below
  const log = await query<LoggedEvent>(
    databaseUrl,
    `SELECT l.event_id::text AS id, l.type, l.subject, (l.body->'data'->>'order_version')::int AS version,
       coalesce(o.restaurant_id, m.restaurant_id)::text AS restaurant_id
     FROM event_log l LEFT JOIN orders o ON o.id::text = l.subject LEFT JOIN menu_items m ON m.id::text = l.subject`,
  );
  const deliveries = await query<RecordedDelivery & { endpoint: string }>(
    databaseUrl,
    `SELECT recipient AS endpoint, event_id::text, status, attempts, last_error, kind IS NOT DISTINCT FROM 'HELD' AS held,
       (extract(epoch FROM created_at) * 1000)::float8 AS created_at
     FROM notifications WHERE channel = 'WEBHOOK'`,
  );
  const all = endpoints.map((endpoint) => ({
    endpoint,
    log,
    deliveries: deliveries.filter((one) => one.endpoint === endpoint.id),
    arrivals: receiver.arrivals.filter((one) => one.endpoint === endpoint.name),
    mostAttempts: WEBHOOK_ATTEMPTS,
  }));
  const orders = await toldOrders(databaseUrl, log);
  const firsts = new Set(receiver.arrivals.map(({ endpoint, eventId }) => `${endpoint} ${eventId}`));
  return {
    violations: [...orders.flatMap(judgeTold), ...all.flatMap(judgeWebhooks)],
    counts: {
      sent: deliveries.filter(({ status }) => status === 'SENT').length,
      arrived_again: receiver.arrivals.length - firsts.size,
      given_up: deliveries.filter((one) => isGivenUp(one, WEBHOOK_ATTEMPTS)).length,
      held_out: deliveries.filter(({ held }) => held).length,
      ...receiver.moods,
    },
  };
}

async function toldOrders(databaseUrl: string, log: readonly LoggedEvent[]): Promise<ToldOrder[]> {
  const orders = await query<Omit<ToldOrder, 'events'>>(
    databaseUrl,
    `SELECT order_id::text AS id, json_agg(json_build_object('status', to_status, 'version', version) ORDER BY id) AS history
     FROM order_status_history GROUP BY order_id`,
  );
  const eventsOf = groupBy(log, ({ subject }) => subject);
  return orders.map((order) => ({ ...order, events: eventsOf.get(order.id) ?? [] }));
}
