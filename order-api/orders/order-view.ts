import { z } from 'zod';
import { paymentMethods } from '../../shared/events/contracts';
import { actors, cancelReasons, orderStatuses } from '../../shared/lifecycle/order-lifecycle';
import { amountAsNumber } from '../../shared/money';
import { Prisma, type Tx } from '../../shared/service/database';
import type { Caller } from '../access/caller';
import { shownTo } from '../access/own';
import { amount, openEnum, price, timestamp, uuid } from '../http/fields';
import { notFound } from '../http/problem';
import { version } from './fields';
import { PAYMENT, paymentAnswer, showPayment, type PaymentRow } from './payment-view';
import { cancelMessage, whyCancelled } from './why-cancelled';

/** An order as every route shows it. */
export const orderAnswer = z
  .object({
    id: uuid,
    restaurant_id: uuid,
    customer_id: z.string().nullable(),
    reference: z.string().nullable().meta({ description: "The caller's own number for it" }),
    email: z.string().nullable(),
    delivery_address: z.union([z.string(), z.record(z.string(), z.string())]).nullable(),
    status: z.enum(orderStatuses),
    version,
    cancel_reason: openEnum(cancelReasons, 'null unless CANCELLED; else ').nullable(),
    cancel_message: cancelMessage,
    total_amount: amount,
    currency: z.string(),
    payment_method: openEnum(paymentMethods),
    payment: paymentAnswer,
    note: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    items: z.array(
      z.object({
        menu_item_id: uuid,
        sku: z.string().nullable(),
        name: z.string(),
        quantity: z.int(),
        price,
        note: z.string().nullable(),
      }),
    ),
    created_at: timestamp,
    placed_at: timestamp
      .nullable()
      .meta({ description: 'When it was placed, or its draft approved; null while it is a DRAFT' }),
    updated_at: timestamp,
  })
  .meta({ id: 'Order' });

const changedBy = z.string().nullable().meta({
  description:
    'Which of them: `key:<id of the API key>` or `jwt:<subject>`. null for the services, where nobody had to say who they are, and to a customer for everybody else',
});

const historyAnswer = z.array(
  z.object({
    version,
    from: z.enum(orderStatuses).nullable(),
    to: z.enum(orderStatuses),
    actor: openEnum(actors),
    by: changedBy,
    reason: openEnum(cancelReasons, 'Of a cancellation: ').nullable(),
    note: z.string().nullable(),
    at: timestamp,
  }),
);

export const orderWithHistory = orderAnswer.extend({ history: historyAnswer });

export type ShownOrder = z.output<typeof orderAnswer>;

/** A row of {@link COLUMNS}. */
export interface OrderRow extends Omit<
  ShownOrder,
  'total_amount' | 'payment' | 'cancel_message' | 'metadata' | 'created_at' | 'placed_at' | 'updated_at'
> {
  total_amount: Prisma.Decimal;
  cancel_note: string | null;
  metadata: Record<string, string> | null;
  paid: PaymentRow | null;
  created_at: Date;
  placed_at: Date | null;
  updated_at: Date;
}

/** Order and lines are read in one statement: between two, somebody might change a draft. */
export const COLUMNS = Prisma.sql`
  id, restaurant_id, customer_id, reference, email, delivery_address, status, version, cancel_reason, CASE status
    WHEN 'CANCELLED' THEN (
      SELECT h.note FROM order_status_history h WHERE h.order_id = orders.id AND h.version = orders.version)
  END AS cancel_note, total_amount, currency, payment_method, ${PAYMENT}, note, metadata, (
    SELECT json_agg(json_build_object('menu_item_id', l.menu_item_id, 'sku', l.sku, 'name', l.name,
      'quantity', l.quantity, 'price', l.price::text, 'note', l.note) ORDER BY l.position)
    FROM order_lines l WHERE l.order_id = orders.id
  ) AS items, created_at, placed_at, updated_at`;

const HISTORY = Prisma.sql`(
    SELECT json_agg(json_build_object('version', h.version, 'from', h.from_status, 'to', h.to_status, 'actor', h.actor, 'by', h.moved_by,
      'reason', h.reason, 'note', h.note, 'at', h.moved_at) ORDER BY h.version)
    FROM order_status_history h WHERE h.order_id = orders.id
  ) AS history`;

export function showOrder({ cancel_note, paid, ...row }: OrderRow): ShownOrder {
  return {
    ...row,
    cancel_message: whyCancelled({ ...row, cancel_note }),
    payment: showPayment({ ...row, paid }),
    metadata: row.metadata ?? {},
    items: row.items ?? [],
    total_amount: amountAsNumber(row.total_amount),
    created_at: row.created_at.toISOString(),
    placed_at: row.placed_at?.toISOString() ?? null,
    updated_at: row.updated_at.toISOString(),
  };
}

type MoveRow = z.output<typeof historyAnswer>[number];

/** An order with its history, as somebody may see it. @throws {Problem} 404 */
export async function readOrder(
  database: Tx,
  orderId: string,
  caller: Caller,
): Promise<z.output<typeof orderWithHistory>> {
  return (await readOrderRow(database, orderId, caller)).shown;
}

/** An order, and whether the version says all: its payment may have moved since, which is no change of the order. */
export async function readOrderRow(database: Tx, orderId: string, caller: Caller) {
  const [row] = await database.$queryRaw<(OrderRow & { history: MoveRow[] | null })[]>`
    SELECT ${COLUMNS}, ${HISTORY} FROM orders WHERE id = ${orderId}::uuid`;
  if (!row) throw notFound(`There is no order ${orderId}.`);
  const { history, ...order } = row;
  const moves = (history ?? []).map((move) => ({
    ...move,
    by: shownTo(caller, move.by),
    at: new Date(move.at).toISOString(),
  }));
  const paidAt = row.paid ? new Date(row.paid.changed_at).getTime() : -Infinity;
  return {
    shown: { ...showOrder(order), history: moves },
    versionSaysAll: paidAt + COMMITTED_WITHIN_MS < row.updated_at.getTime(),
  };
}

/** A transaction may be committed so long after the time that it gives itself, and clocks may differ by as much. */
const COMMITTED_WITHIN_MS = 60_000;
