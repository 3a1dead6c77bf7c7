import type { Tx } from '../shared/service/database';

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
  // A concurrent insert of the same order is waited for here.
  const created = await tx.$queryRaw<{ order_id: string }[]>`
    INSERT INTO stock_reservations (order_id, state)
    SELECT id, ${initial} FROM unnest(${ids}::uuid[]) AS id ORDER BY id
    ON CONFLICT (order_id) DO NOTHING RETURNING order_id`;
  const isNew = new Set(created.map((row) => row.order_id));
  const known = ids.filter((id) => !isNew.has(id));
  const rows =
    known.length === 0
      ? []
      : await tx.$queryRaw<{ order_id: string; state: ReservationState }[]>`
          SELECT order_id, state FROM stock_reservations
          WHERE order_id = ANY(${known}::uuid[]) ORDER BY order_id FOR UPDATE`;
  return new Map<string, Reservation>([
    ...created.map(({ order_id }) => [order_id, { state: initial, isNew: true }] as const),
    ...rows.map(({ order_id, state }) => [order_id, { state, isNew: false }] as const),
  ]);
}

export async function setReservations(
  tx: Tx,
  orderIds: readonly string[],
  state: ReservationState,
): Promise<void> {
  if (orderIds.length === 0) return;
  await tx.$executeRaw`
    UPDATE stock_reservations SET state = ${state}, updated_at = now() WHERE order_id = ANY(${orderIds}::uuid[])`;
}
