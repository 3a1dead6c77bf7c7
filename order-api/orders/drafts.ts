import type { OrderStatus } from '../../shared/lifecycle/order-lifecycle';
import type { Prisma, Tx } from '../../shared/service/database';
import { notFound, Problem } from '../http/problem';

export interface LockedOrder {
  id: string;
  restaurant_id: string;
  customer_id: string | null;
  reference: string | null;
  status: OrderStatus;
  version: number;
  payment_method: string;
  total_amount: Prisma.Decimal;
}

/**
 * Locks an order before its lines are touched: changes, approvals and cancellations of a draft take turns.
 * @throws {Problem} 404
 */
export async function lockOrder(tx: Tx, orderId: string): Promise<LockedOrder> {
  const [order] = await tx.$queryRaw<LockedOrder[]>`
    SELECT id, restaurant_id, customer_id, reference, status, version, payment_method, total_amount FROM orders WHERE id = ${orderId}::uuid FOR UPDATE`;
  if (!order) throw notFound(`There is no order ${orderId}.`);
  return order;
}

export const notADraft = (status: OrderStatus, rule: string) =>
  new Problem(409, 'Conflict', `The order is ${status}; ${rule}.`, {
    type: 'not-a-draft',
    members: { current_status: status },
  });
