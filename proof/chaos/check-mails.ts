import { waitUntil } from '../../scripts/servers/wait-until';
import { groupBy } from '../../shared/group-by';
import { judgeMails, type MailedOrder } from './judge-mails';
import type { MailReceiver } from './mail-receiver';
import { query } from './query';

/** What a killed process had claimed comes back after a minute, and its retries after that. */
const SETTLED_WITHIN_MS = 180_000;

export interface MailCounts {
  sent: number;
  dropped: number;
  /** Beyond the first of the same mail. */
  arrived_again: number;
  refused_for_now: number;
  hung_up_on: number;
}

/** Waits until every mail is settled, and judges what arrived. */
export async function checkMails(
  databaseUrl: string,
  receiver: MailReceiver,
): Promise<{ violations: string[]; counts: MailCounts }> {
  const waiting = `SELECT count(*)::int AS n FROM notifications WHERE channel = 'EMAIL' AND status IN ('PENDING', 'GATHERED')`;
  await waitUntil(
    async () => {
      const [row] = await query<{ n: number }>(databaseUrl, waiting);
      if (row!.n > 0) throw new Error(`${row!.n} wait`);
    },
    { what: 'every mail to be settled', timeoutMs: SETTLED_WITHIN_MS, everyMs: 500 },
  );
  const orders = await query<MailedOrder & { email: string }>(
    databaseUrl,
    `SELECT o.id::text, o.email, p.state AS payment_state, o.cancel_reason,
       (SELECT coalesce(json_agg(h.to_status ORDER BY h.id), '[]') FROM order_status_history h WHERE h.order_id = o.id) AS history,
       (SELECT coalesce(json_agg(json_build_object('id', n.id, 'kind', n.kind, 'status', n.status, 'attempts', n.attempts,
          'last_error', n.last_error)), '[]') FROM notifications n WHERE n.order_id = o.id AND n.channel = 'EMAIL') AS mails
     FROM orders o LEFT JOIN payments p ON p.order_id = o.id WHERE o.email IS NOT NULL`,
  );
  const orderOf = new Map(orders.flatMap(({ id, mails }) => mails.map((mail) => [mail.id, id] as const)));
  const arrivals = groupBy(
    receiver.arrivals,
    ({ notificationId }) => orderOf.get(notificationId) ?? 'nobody',
  );
  const strays = arrivals.get('nobody') ?? [];
  const mails = orders.flatMap((order) => order.mails);
  return {
    violations: [
      ...orders.flatMap((order) => judgeMails(order, arrivals.get(order.id) ?? [])),
      ...strays.map(({ notificationId, to }) => `${to} got a mail that is about no order: ${notificationId}`),
    ],
    counts: {
      sent: mails.filter(({ status }) => status === 'SENT').length,
      dropped: mails.filter(({ status }) => status === 'DROPPED').length,
      arrived_again:
        receiver.arrivals.length - new Set(receiver.arrivals.map((one) => one.notificationId)).size,
      refused_for_now: receiver.moods.refused,
      hung_up_on: receiver.moods.hung_up,
    },
  };
}
