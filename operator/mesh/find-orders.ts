import { isUuid } from '../../shared/ids';
import type { Database } from '../../shared/service/database';

/** Of orders with the same reference so many are shown. */
export const MOST_ORDERS = 5;

/**
 * The ids of the orders that are meant: the one with that id, or else those with that reference, newest first; one more
 * than {@link MOST_ORDERS} where there are more.
 */
export async function findOrders(database: Database, order: string): Promise<string[]> {
  const withId = isUuid(order)
    ? await database.$queryRaw<{ id: string }[]>`SELECT id FROM orders WHERE id = ${order}::uuid`
    : [];
  const found =
    withId.length > 0
      ? withId
      : await database.$queryRaw<{ id: string }[]>`
          SELECT id FROM orders WHERE reference = ${asItIsKept(order)}
          ORDER BY coalesce(placed_at, created_at) DESC, id DESC LIMIT ${MOST_ORDERS + 1}`;
  return found.map(({ id }) => id);
}

/** A reference as order-api stores it. */
const asItIsKept = (reference: string) => reference.trim().normalize('NFC').replaceAll(/\s+/g, ' ');
