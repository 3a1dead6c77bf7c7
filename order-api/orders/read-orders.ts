import { z } from 'zod';
import { paymentMethods } from '../../shared/events/contracts';
import { actors, cancelReasons, orderStatuses } from '../../shared/lifecycle/order-lifecycle';
import { amountAsNumber } from '../../shared/money';
import { Prisma, type Tx } from '../../shared/service/database';
import { amount, id, openEnum, page, price, text, timestamp, uuid } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { status, version } from './fields';
import { after, cursorOf, LISTED_AT, orderCursor, POSITION, type Position } from './order-position';

const orderAnswer = z
  .object({
    id: uuid,
    restaurant_id: uuid,
    customer_id: z.string().nullable(),
    email: z.string().nullable(),
    delivery_address: z.union([z.string(), z.record(z.string(), z.string())]).nullable(),
    status: z.enum(orderStatuses),
    version,
    cancel_reason: openEnum(cancelReasons, 'null unless CANCELLED; else ').nullable(),
    total_amount: amount,
    currency: z.string(),
    payment_method: openEnum(paymentMethods),
    items: z.array(
      z.object({
        menu_item_id: uuid,
        sku: z.string().nullable(),
        name: z.string(),
        quantity: z.int(),
        price,
      }),
    ),
    created_at: timestamp,
    placed_at: timestamp
      .nullable()
      .meta({ description: 'When it was placed, or its draft approved; null while it is a DRAFT' }),
    updated_at: timestamp,
  })
  .meta({ id: 'Order' });

const historyAnswer = z.array(
  z.object({
    version,
    from: z.enum(orderStatuses).nullable(),
    to: z.enum(orderStatuses),
    actor: openEnum(actors),
    reason: openEnum(cancelReasons, 'Of a cancellation: ').nullable(),
    note: z.string().nullable(),
    at: timestamp,
  }),
);

export const orderWithHistory = orderAnswer.extend({ history: historyAnswer });

type Times = 'created_at' | 'placed_at' | 'updated_at';
interface OrderRow extends Omit<z.output<typeof orderAnswer>, 'total_amount' | Times> {
  total_amount: Prisma.Decimal;
  created_at: Date;
  placed_at: Date | null;
  updated_at: Date;
}
type MoveRow = z.output<typeof historyAnswer>[number];

// Order and lines are read in one statement: between two, somebody might change a draft.
const COLUMNS = Prisma.sql`
  id, restaurant_id, customer_id, email, delivery_address, status, version, cancel_reason, total_amount, currency,
  payment_method, created_at, placed_at, updated_at, (
    SELECT json_agg(json_build_object('menu_item_id', l.menu_item_id, 'sku', l.sku, 'name', l.name,
      'quantity', l.quantity, 'price', l.price::text) ORDER BY l.position)
    FROM order_lines l WHERE l.order_id = orders.id
  ) AS items`;

const HISTORY = Prisma.sql`(
    SELECT json_agg(json_build_object('version', h.version, 'from', h.from_status, 'to', h.to_status, 'actor', h.actor,
      'reason', h.reason, 'note', h.note, 'at', h.moved_at) ORDER BY h.version)
    FROM order_status_history h WHERE h.order_id = orders.id
  ) AS history`;

const showOrder = (row: OrderRow): z.output<typeof orderAnswer> => ({
  ...row,
  items: row.items ?? [],
  total_amount: amountAsNumber(row.total_amount),
  created_at: row.created_at.toISOString(),
  placed_at: row.placed_at?.toISOString() ?? null,
  updated_at: row.updated_at.toISOString(),
});

/** An order as it is shown. @throws {Problem} 404 */
export async function readOrder(database: Tx, orderId: string): Promise<z.output<typeof orderWithHistory>> {
  const [row] = await database.$queryRaw<(OrderRow & { history: MoveRow[] | null })[]>`
    SELECT ${COLUMNS}, ${HISTORY} FROM orders WHERE id = ${orderId}::uuid`;
  if (!row) throw notFound(`There is no order ${orderId}.`);
  const history = (row.history ?? []).map((move) => ({ ...move, at: new Date(move.at).toISOString() }));
  return { ...showOrder(row), history };
}

export const getOrder = route({
  method: 'get',
  path: '/orders/{id}',
  name: 'getOrder',
  example: { params: { id: exampleIds.order } },
  summary: 'An order and its history',
  tag: 'Orders',
  params: z.object({ id }),
  versioned: true,
  answers: { 200: { description: 'The order', schema: orderWithHistory } },
  async handle({ params }, { database, preconditions }) {
    const order = await readOrder(database, params.id);
    const { version } = order;
    return preconditions.hasAlready(version)
      ? { status: 304, version, body: undefined }
      : { status: 200, version, body: order };
  },
});

export const listOrders = route({
  method: 'get',
  path: '/orders',
  name: 'listOrders',
  summary: 'Orders, newest first',
  description: 'By when they were placed; a DRAFT by when it was made.',
  tag: 'Orders',
  query: z.object({
    status: status.optional(),
    restaurant_id: id.optional(),
    customer_id: text(64).optional(),
    limit: page.limit,
    cursor: orderCursor,
  }),
  answers: {
    200: {
      description: 'A page of them',
      schema: z.object({
        orders: z.array(orderAnswer),
        next_cursor: z.string().nullable().meta({ description: 'null on the last page' }),
      }),
    },
  },
  async handle({ query }, { database }) {
    const wanted = [
      Prisma.sql`TRUE`,
      ...(query.status ? [Prisma.sql`status = ${query.status}`] : []),
      ...(query.restaurant_id ? [Prisma.sql`restaurant_id = ${query.restaurant_id}::uuid`] : []),
      ...(query.customer_id ? [Prisma.sql`customer_id = ${query.customer_id}`] : []),
      ...(query.cursor ? [after(query.cursor)] : []),
    ];
    const rows = await database.$queryRaw<(OrderRow & Position)[]>`
      SELECT ${COLUMNS}, ${POSITION} FROM orders WHERE ${Prisma.join(wanted, ' AND ')}
      ORDER BY ${LISTED_AT} DESC, id DESC LIMIT ${query.limit + 1}`;
    const shown = rows.slice(0, query.limit);
    const last = rows.length > shown.length ? shown.at(-1) : undefined;
    return {
      status: 200,
      body: {
        orders: shown.map(({ listed_us: _, ...row }) => showOrder(row)),
        next_cursor: last ? cursorOf(last) : null,
      },
    };
  },
});
