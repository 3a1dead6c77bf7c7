import type { Announcement } from '../shared/events/announce';
import { moveOrders, type LockedOrders, type MoveRequest } from '../shared/lifecycle/move-orders';
import { PermanentError } from '../shared/messaging/failure';
import type { Tx } from '../shared/service/database';

/**
 * Moves orders because of events. An order that has moved on meanwhile (cancelled by its customer, or
 * moved by an earlier delivery of the same news) is left where it is: the event came too late to matter.
 * @param locked the orders, where they are locked already
 * @throws {PermanentError} for an order that does not exist; it was committed before any event about it
 */
export async function moveByEvent(
  tx: Tx,
  requests: MoveRequest[],
  locked?: LockedOrders,
): Promise<Announcement[]> {
  const outcomes = await moveOrders(tx, requests, { locked });
  return outcomes.flatMap((outcome, index) => {
    if (outcome.kind === 'unknown')
      throw new PermanentError('unknown_order', `there is no order ${requests[index]?.orderId}`);
    return outcome.kind === 'moved' ? outcome.announcements : [];
  });
}
