import { Prisma, type Tx } from '../shared/service/database';
import { write } from '../shared/service/transaction';

/** See prisma/schema/inventory-service.prisma. */
export type ReservationState = 'DEDUCTED' | 'REJECTED' | 'RESTORED' | 'CANCELLED';

export interface Reservation {
  state: ReservationState;
  /** Its row was made just now. */
  isNew: boolean;
}

/**
 * Makes a row for each order that has none and locks all of them, in id order. This row is what makes
 * the service idempotent by order, whatever became of `processed_events`.
 * @returns a reservation for each order
 */
export async function lockReservations(
  tx: Tx,
  orderIds: Iterable<string>,
  initial: ReservationState,
): Promise<Map<string, Reservation>> {
  const ids = [...new Set(orderIds)].sort();
  // A concurrent insert of the same order is waited for here. A row that was there is locked by an update that changes
  // nothing; no transaction has locked one that was just made (xmax).
  const rows = await tx.$queryRaw<{ order_id: string; state: ReservationState; is_new: boolean }[]>`
    INSERT INTO stock_reservations AS r (order_id, state)
    SELECT id, ${initial} FROM unnest(${ids}::uuid[]) AS id ORDER BY id
    ON CONFLICT (order_id) DO UPDATE SET updated_at = r.updated_at
    RETURNING order_id, state, xmax = 0 AS is_new`;
  return new Map(rows.map(({ order_id, state, is_new }) => [order_id, { state, isNew: is_new }]));
}

export async function setReservations(
  tx: Tx,
  orderIds: readonly string[],
  state: ReservationState,
): Promise<void> {
  if (orderIds.length === 0) return;
  await write(
    tx,
    Prisma.sql`
      UPDATE stock_reservations SET state = ${state}, updated_at = now() WHERE order_id = ANY(${orderIds}::uuid[])`,
  );
}
