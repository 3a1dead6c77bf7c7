import { orderIdOf, type Event } from '../../shared/events/envelope';
import type { Tx } from '../../shared/service/database';
import { allBeforeIsKnown, isOfLife, lifeTypes, type LifeEvent } from './order-of-life';

/** Which events have to wait for what came before them. */
export type HasToWait = (event: Event) => boolean;

const nothingWaits: HasToWait = () => false;

interface Waiting {
  id: string;
  order_id: string;
  event: LifeEvent;
}

/**
 * An event that arrives before an earlier one of its order (which is being tried again, say) is not sent until that one
 * has arrived too. Of what has arrived, the log's notifications are the record, which are written before this. Of one order, one transaction at a time
 * gets here: of two, each with an event that the other waits for, neither would otherwise see the other's.
 */
export async function keepOrder(tx: Tx, events: readonly Event[]): Promise<HasToWait> {
  const orders = [...new Set(events.filter(isOfLife).map((event) => orderIdOf(event)!))].sort();
  if (orders.length === 0) return nothingWaits;
  await tx.$queryRaw`
    SELECT count(pg_advisory_xact_lock(hashtext('webhooks'), hashtext(id)))::int AS locked
    FROM (SELECT id FROM unnest(${orders}::text[]) AS o (id) ORDER BY id) AS sorted`;
  const known = await arrived(tx, orders);
  const waiting = await tx.$queryRaw<Waiting[]>`
    SELECT id, order_id, data AS event FROM notifications
    WHERE order_id = ANY (${orders}::uuid[]) AND channel = 'WEBHOOK' AND status = 'PENDING' AND attempts = 0
      AND kind = ${HELD} AND next_attempt_at > now()`;
  const freed = waiting.filter(({ order_id, event }) => allBeforeIsKnown(event, known(order_id)));
  if (freed.length > 0)
    await tx.$executeRaw`
      UPDATE notifications SET kind = NULL, next_attempt_at = now()
      WHERE id = ANY (${freed.map(({ id }) => id)}::uuid[]) AND status = 'PENDING' AND claim IS NULL`;
  return (event) => isOfLife(event) && !allBeforeIsKnown(event, known(orderIdOf(event)!));
}

/** A webhook that is held back has this as its `kind`. */
export const HELD = 'HELD';

async function arrived(tx: Tx, orders: readonly string[]): Promise<(orderId: string) => ReadonlySet<string>> {
  const rows = await tx.$queryRaw<{ order_id: string; type: string }[]>`
    SELECT DISTINCT order_id, event_type AS type FROM notifications
    WHERE order_id = ANY (${orders}::uuid[]) AND channel = 'LOG' AND event_type = ANY (${lifeTypes as string[]})`;
  const known = new Map<string, Set<string>>(orders.map((id) => [id, new Set()]));
  for (const { order_id, type } of rows) known.get(order_id)?.add(type);
  return (orderId) => known.get(orderId)!;
}
