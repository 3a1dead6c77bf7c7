import type { EventType } from '../../shared/events/contracts';
import { orderIdOf, type Event } from '../../shared/events/envelope';
import { firstIdOf } from '../../shared/history/partitions';
import type { Tx } from '../../shared/service/database';

const MOVED_TO: Record<string, EventType> = {
  PLACED: 'order.placed.v1',
  PREPARING: 'order.status.preparing.v1',
  OUT_FOR_DELIVERY: 'order.status.out_for_delivery.v1',
};

/** The event that came before this one in its order's life, as far as the event itself says. Pure. */
export function stepBefore(event: Event): EventType | undefined {
  if (event.type === 'payment.failed.v1') return 'order.placed.v1';
  if (event.type === 'payment.refunded.v1') return 'order.cancelled.v1';
  const { previous_status: previous, reason } = event.data as { previous_status?: string; reason?: unknown };
  if (event.type === 'order.cancelled.v1' && String(reason) === 'PAYMENT_FAILED') return 'payment.failed.v1';
  return previous !== undefined && Object.hasOwn(MOVED_TO, previous) ? MOVED_TO[previous] : undefined;
}

/** An order's life is shorter, but for its end. */
const LOOK_BACK_MS = 2 * 86_400_000;

/**
 * The step before each event, where it has been announced: it is on its way to us, or was here. Events of one order are
 * published in their order, but may be handled in another, and by several instances.
 */
export async function readStepsBefore(
  tx: Tx,
  events: Event[],
): Promise<(event: Event) => EventType | undefined> {
  const wanted = events.flatMap((event) => {
    const [orderId, type] = [orderIdOf(event), stepBefore(event)];
    return orderId && type ? [{ orderId, type }] : [];
  });
  if (wanted.length === 0) return () => undefined;
  const orderIds = wanted.map(({ orderId }) => orderId);
  const types = wanted.map(({ type }) => type);
  const since = firstIdOf(Date.now() - LOOK_BACK_MS);
  const announced = await tx.$queryRaw<{ subject: string; type: string }[]>`
    SELECT subject, type FROM event_log
    WHERE subject = ANY (${orderIds}) AND type = ANY (${types}) AND event_id >= ${since}::uuid
    UNION ALL
    SELECT subject, type FROM outbox_events WHERE subject = ANY (${orderIds}) AND type = ANY (${types})`;
  const known = new Set(announced.map(({ subject, type }) => `${subject} ${type}`));
  return (event) => {
    const type = stepBefore(event);
    return type && known.has(`${orderIdOf(event)} ${type}`) ? type : undefined;
  };
}
