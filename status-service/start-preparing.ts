import type { Event } from '../shared/events/envelope';
import { causedBy, type Announcement } from '../shared/events/announce';
import { paymentMethod } from '../shared/events/contracts';
import { known } from '../shared/events/growing';
import { lockOrders } from '../shared/lifecycle/move-orders';
import { PermanentError } from '../shared/messaging/failure';
import type { Handler } from '../shared/messaging/handler';
import { Prisma, type Tx } from '../shared/service/database';
import { moveByEvent } from './move-by-event';

/** The stock is deducted: an order that is not paid by card, or whose card is authorised, can be prepared. */
export const startIfPaid: Handler<'inventory.deducted.success.v1'> = (tx, events) =>
  prepareComplete(tx, 'stock_deducted', events);

/** The card is authorised: an order whose stock is deducted can be prepared. */
export const startIfStocked: Handler<'payment.authorized.v1'> = (tx, events) =>
  prepareComplete(tx, 'payment_authorized', events);

type Half = Event<'inventory.deducted.success.v1' | 'payment.authorized.v1'>;
type HalfName = 'stock_deducted' | 'payment_authorized';

interface Noted {
  order_id: string;
  /** Null for an order that does not exist. */
  payment_method: string | null;
  stock_deducted: boolean;
  payment_authorized: boolean;
}

/**
 * Notes that orders have one half of what they wait for, and says of each what it has now. The
 * row stays locked to the end of the transaction: of two instances with a half each, the second sees both.
 */
function noteHalf(tx: Tx, half: HalfName, events: readonly Half[]): Promise<Noted[]> {
  const [at, by] = [Prisma.raw(`${half}_at`), Prisma.raw(`${half}_by`)];
  const rows = events.map((event) => ({ order_id: event.data.order_id, event_id: event.id }));
  return tx.$queryRaw<Noted[]>`
    WITH noted AS (
      INSERT INTO order_state_tracking AS t (order_id, ${at}, ${by})
      SELECT DISTINCT ON (order_id) order_id, now(), event_id
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS e (order_id uuid, event_id uuid)
      ORDER BY order_id
      ON CONFLICT (order_id) DO UPDATE SET ${at} = coalesce(t.${at}, excluded.${at}), ${by} = coalesce(t.${by}, excluded.${by})
      RETURNING order_id, stock_deducted_at, payment_authorized_at
    )
    SELECT n.order_id, o.payment_method, n.stock_deducted_at IS NOT NULL AS stock_deducted,
      n.payment_authorized_at IS NOT NULL AS payment_authorized
    FROM noted n LEFT JOIN orders o ON o.id = n.order_id`;
}

/** Whether an order has all that it waits for. @throws {UnknownValueError} where that depends on how it is paid */
function isComplete({ stock_deducted, payment_authorized, payment_method }: Noted): boolean {
  if (!stock_deducted) return false;
  const order = { payment_method: paymentMethod.parse(payment_method) };
  return known(order, 'payment_method') === 'CASH' || payment_authorized;
}

async function prepareComplete(tx: Tx, half: HalfName, events: readonly Half[]): Promise<Announcement[]> {
  const ids = [...new Set(events.map((event) => event.data.order_id))];
  // Locked in this order, and asked for together: of most orders the half that is noted is the last.
  const [noted, locked] = await Promise.all([noteHalf(tx, half, events), lockOrders(tx, ids)]);
  const ofOrder = new Map(noted.map((one) => [one.order_id, one]));
  return moveByEvent(
    tx,
    events.flatMap((event) => {
      const orderId = event.data.order_id;
      const has = ofOrder.get(orderId);
      if (!has?.payment_method) throw new PermanentError('unknown_order', `there is no order ${orderId}`);
      return isComplete(has)
        ? [{ orderId, to: 'PREPARING', actor: 'MESH', origin: causedBy(event) } as const]
        : [];
    }),
    locked,
  );
}
