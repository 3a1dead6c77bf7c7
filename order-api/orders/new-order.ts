import type { Origin } from '../../shared/events/announce';
import { formatPrice } from '../../shared/money';
import { Prisma } from '../../shared/service/database';
import type { PricedLine, PricedOrder } from './price-lines';

export interface NewOrder extends PricedOrder {
  id: string;
  restaurant_id: string;
  customer_id?: string;
  email?: string;
  delivery_address?: string | Record<string, string>;
  status: 'DRAFT' | 'PLACED';
  payment_method: 'CASH' | 'CARD';
  created_at: Date;
  origin: Origin;
}

/** The WITH that inserts an order's row and its lines; further parts and the statement itself follow it. */
export function withNewOrder(order: NewOrder): Prisma.Sql {
  const address = order.delivery_address === undefined ? null : JSON.stringify(order.delivery_address);
  const placedAt = order.status === 'PLACED' ? order.created_at : null;
  return Prisma.sql`
    WITH new_order AS (
      INSERT INTO orders (id, restaurant_id, customer_id, email, delivery_address, status, currency, total_amount,
        payment_method, correlation_id, created_at, placed_at, updated_at)
      VALUES (${order.id}::uuid, ${order.restaurant_id}::uuid, ${order.customer_id}, ${order.email}, ${address}::jsonb,
        ${order.status}, ${order.currency}, ${order.total.toFixed(2)}::numeric, ${order.payment_method},
        ${order.origin.correlationid}, ${order.created_at}::timestamptz, ${placedAt}::timestamptz,
        ${order.created_at}::timestamptz)
    ), lines AS (${insertLines(order.id, order.lines)})`;
}

/** The INSERT of an order's lines, in the order given. */
export const insertLines = (orderId: string, lines: readonly PricedLine[]): Prisma.Sql => Prisma.sql`
  INSERT INTO order_lines (order_id, menu_item_id, position, sku, name, price, quantity)
  SELECT ${orderId}::uuid, menu_item_id, position, sku, name, price, quantity FROM ${lineRows(lines)}`;

/** Lines as rows `l` of a statement. */
export const lineRows = (lines: readonly PricedLine[]): Prisma.Sql => {
  const rows = lines.map((line, position) => ({ ...line, position, price: formatPrice(line.price) }));
  return Prisma.sql`json_to_recordset(${JSON.stringify(rows)}::json)
    AS l (menu_item_id uuid, position int, sku text, name text, price numeric, quantity int)`;
};

/** The INSERT of the first row of an order's history. */
export const beginHistory = ({ id, status, created_at }: NewOrder): Prisma.Sql => Prisma.sql`
  INSERT INTO order_status_history (order_id, to_status, actor, moved_at)
  VALUES (${id}::uuid, ${status}, 'CUSTOMER', ${created_at}::timestamptz)`;
