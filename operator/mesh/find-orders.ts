import { isUuid } from '../../shared/ids';
import type { Database } from '../../shared/service/database';

/** Of orders with the same reference so many are shown. */
export const MOST_ORDERS = 5;

/** The ids of the orders that are meant, newest first, one more than {@link MOST_ORDERS} where there are more. */
export async function findOrders(database: Database, order: string): Promise<string[]> {
  if (isUuid(order)) return [order.toLowerCase()];
  const found = await database.$queryRaw<{ id: string }[]>`
    SELECT id FROM orders WHERE reference = ${order} ORDER BY created_at DESC, id DESC LIMIT ${MOST_ORDERS + 1}`;
  return found.map(({ id }) => id);
}
