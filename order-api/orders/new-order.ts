import type { Origin } from '../../shared/events/announce';
import type { PaymentMethod } from '../../shared/events/contracts';
import { Prisma } from '../../shared/service/database';
import type { PricedLine, PricedOrder } from './price-lines';

export interface NewOrder extends PricedOrder {
  id: string;
  version: 1;
  restaurant_id: string;
  customer_id?: string;
  email?: string;
  delivery_address?: string | Record<string, string>;
  reference?: string;
  note?: string;
  metadata?: Record<string, string>;
  status: 'DRAFT' | 'PLACED';
  payment_method: PaymentMethod;
  created_at: Date;
  origin: Origin;
  /** Who placed it, where they had to say who they are. */
  by: string | null;
}

/**
 * The WITH that inserts orders, their lines and the first rows of their histories; further parts and the statement
 * itself follow it.
 * @param keys a part of the WITH, named `keys`, without one of whose rows `key` an order that has a `key` is left out:
 * then further parts ask `new_orders` which there are
 */
export function withNewOrders(
  orders: readonly (NewOrder & { key?: string | undefined })[],
  keys?: Prisma.Sql,
): Prisma.Sql {
  const rows = orders.map(({ lines: _, total, origin, by, ...order }) => ({
    ...order,
    total_amount: total.toFixed(2),
    correlation_id: origin.correlationid,
    moved_by: by,
    placed_at: order.status === 'PLACED' ? order.created_at : null,
  }));
  const lines = orders.flatMap((order) => rowsOf(order.lines, order.id));
  return Prisma.sql`
    WITH ${keys ? Prisma.sql`keys AS (${keys}), ` : Prisma.empty}asked AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS o (
        id uuid, version int, restaurant_id uuid, customer_id text, email text, delivery_address jsonb, reference text, note text, metadata jsonb, status text, currency text,
        total_amount numeric, payment_method text, correlation_id text, moved_by text, created_at timestamptz, placed_at timestamptz, key uuid)
      ${keys ? Prisma.sql`WHERE key IS NULL OR key IN (SELECT key FROM keys)` : Prisma.empty}
    ), new_orders AS (
      INSERT INTO orders (id, version, restaurant_id, customer_id, email, delivery_address, reference, note, metadata, status,
        currency, total_amount, payment_method, correlation_id, created_at, placed_at, updated_at)
      SELECT id, version, restaurant_id, customer_id, email, delivery_address, reference, note, metadata, status,
        currency, total_amount, payment_method, correlation_id, created_at, placed_at, created_at
      FROM asked
      RETURNING id
    ), history AS (
      INSERT INTO order_status_history (order_id, restaurant_id, version, to_status, actor, moved_by, moved_at)
      SELECT id, restaurant_id, version, status, 'CUSTOMER', moved_by, created_at FROM asked
    ), lines AS (${insertLines(lines)} ${keys ? ONLY_NEW : Prisma.empty})`;
}

/** Of rows that belong to an order: those whose order is one of `new_orders`. */
export const ONLY_NEW = Prisma.sql`WHERE order_id IN (SELECT id FROM new_orders)`;

interface LineRow extends PricedLine {
  order_id: string;
  position: number;
}

/** Lines as rows of an order, in the order given. */
export const rowsOf = (lines: readonly PricedLine[], orderId: string): LineRow[] =>
  lines.map((line, position) => ({ ...line, order_id: orderId, position }));

export const insertLines = (rows: readonly LineRow[]): Prisma.Sql => Prisma.sql`
  INSERT INTO order_lines (order_id, menu_item_id, position, sku, name, price, quantity, note)
  SELECT order_id, menu_item_id, position, sku, name, price, quantity, note FROM ${lineRows(rows)}`;

/** Lines as rows `l` of a statement. */
export const lineRows = (rows: readonly LineRow[]): Prisma.Sql =>
  Prisma.sql`json_to_recordset(${JSON.stringify(rows)}::json)
    AS l (order_id uuid, menu_item_id uuid, position int, sku text, name text, price numeric, quantity int, note text)`;
