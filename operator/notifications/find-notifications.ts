import { Prisma, type Database } from '../../shared/service/database';
import type { NotificationFilter } from './arguments';

/** A notification as it stands. */
export interface FoundNotification {
  id: string;
  channel: string;
  status: string;
  kind: string | null;
  recipient: string | null;
  event_id: string;
  event_source: string;
  event_type: string;
  order_id: string | null;
  restaurant_id: string | null;
  correlation_id: string;
  attempts: number;
  last_error: string | null;
  created_at: Date;
  next_attempt_at: Date | null;
  sent_at: Date | null;
  gathered_into: string | null;
}

/** Of the log, how the batch stands that the notification is in. */
const found = Prisma.sql`
  SELECT n.id, n.channel, coalesce(n.kind, n.title) AS kind, coalesce(n.recipient, n.audience) AS recipient, n.event_id,
    n.event_source, n.event_type, n.order_id, n.restaurant_id, n.correlation_id, n.attempts, n.last_error, n.created_at,
    n.next_attempt_at, coalesce(n.sent_at, b.delivered_at) AS sent_at, n.gathered_into,
    CASE WHEN n.status <> 'BATCHED' THEN n.status WHEN b.delivered_at IS NULL THEN 'PENDING' ELSE 'SENT' END AS status
  FROM notifications n LEFT JOIN notification_batches b ON b.id = n.batch_id`;

/** The latest first. Without a channel or an order, those of the log are left out: they are many. */
export function listNotifications(
  database: Database,
  filter: NotificationFilter,
  limit: number,
): Promise<FoundNotification[]> {
  const { channel, statuses, order, recipient, sinceMs } = filter;
  const where = [
    channel
      ? Prisma.sql`n.channel = ${channel.toUpperCase()}`
      : order
        ? undefined
        : Prisma.sql`n.channel <> 'LOG'`,
    order && Prisma.sql`n.order_id = ${order}::uuid`,
    recipient && Prisma.sql`lower(n.recipient) = lower(${recipient})`,
    sinceMs && Prisma.sql`n.created_at >= now() - make_interval(secs => ${sinceMs / 1000})`,
  ].filter((one) => one !== undefined && one !== '' && one !== 0);
  const listed = statuses?.map((status) => status.toUpperCase());
  return database.$queryRaw<FoundNotification[]>`
    SELECT * FROM (${found} WHERE ${where.length > 0 ? Prisma.join(where, ' AND ') : Prisma.sql`true`}) AS n
    WHERE ${listed ? Prisma.sql`n.status = ANY (${listed})` : Prisma.sql`true`} ORDER BY n.id DESC LIMIT ${limit}`;
}

export async function findNotification(
  database: Database,
  id: string,
): Promise<FoundNotification | undefined> {
  const [one] = await database.$queryRaw<FoundNotification[]>`${found} WHERE n.id = ${id}::uuid`;
  return one;
}
