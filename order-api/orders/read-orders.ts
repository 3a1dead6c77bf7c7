import { z } from 'zod';
import { actors, orderStatuses } from '../../shared/lifecycle/order-lifecycle';
import { amountAsNumber, formatPrice } from '../../shared/money';
import type { Prisma } from '../../shared/service/database';
import { amount, cursorAfter, id, page, price, text, timestamp, uuid } from '../http/fields';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { status } from './fields';

const orderAnswer = z
  .object({
    id: uuid,
    restaurant_id: uuid,
    customer_id: z.string().nullable(),
    email: z.string().nullable(),
    delivery_address: z.union([z.string(), z.record(z.string(), z.string())]).nullable(),
    status: z.enum(orderStatuses),
    cancel_reason: z
      .string()
      .nullable()
      .meta({ description: 'CUSTOMER, STAFF, OUT_OF_STOCK, …; null unless CANCELLED' }),
    total_amount: amount,
    currency: z.string(),
    payment_method: z.enum(['CASH', 'CARD']),
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
    updated_at: timestamp,
  })
  .meta({ id: 'Order' });

const historyAnswer = z.array(
  z.object({
    from: z.enum(orderStatuses).nullable(),
    to: z.enum(orderStatuses),
    actor: z.enum(actors),
    reason: z.string().nullable(),
    note: z.string().nullable(),
    at: timestamp,
  }),
);

const withLines = { lines: { orderBy: { position: 'asc' } } } satisfies Prisma.OrderInclude;
type OrderRow = Prisma.OrderGetPayload<{ include: typeof withLines }>;

const showOrder = (row: OrderRow) => ({
  id: row.id,
  restaurant_id: row.restaurantId,
  customer_id: row.customerId,
  email: row.email,
  delivery_address: row.deliveryAddress,
  status: row.status,
  cancel_reason: row.cancelReason,
  total_amount: amountAsNumber(row.totalAmount),
  currency: row.currency,
  payment_method: row.paymentMethod,
  items: row.lines.map((line) => ({
    menu_item_id: line.menuItemId,
    sku: line.sku,
    name: line.name,
    quantity: line.quantity,
    price: formatPrice(line.price),
  })),
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
});

export const getOrder = route({
  method: 'get',
  path: '/orders/{id}',
  summary: 'An order, with the moves of its life',
  tag: 'Orders',
  params: z.object({ id }),
  answers: { 200: { description: 'The order', schema: orderAnswer.extend({ history: historyAnswer }) } },
  async handle({ params }, { database }) {
    const order = await database.order.findUnique({
      where: { id: params.id },
      include: { ...withLines, history: { orderBy: { id: 'asc' } } },
    });
    if (!order) throw notFound(`There is no order ${params.id}.`);
    const history = order.history.map((move) => ({
      from: move.fromStatus,
      to: move.toStatus,
      actor: move.actor,
      reason: move.reason,
      note: move.note,
      at: move.movedAt.toISOString(),
    }));
    return { status: 200, body: { ...showOrder(order), history } };
  },
});

export const listOrders = route({
  method: 'get',
  path: '/orders',
  summary: 'Orders, newest first',
  tag: 'Orders',
  query: z.object({
    status: status.optional(),
    restaurant_id: id.optional(),
    customer_id: text(64).optional(),
    ...page,
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
    // Ids are UUIDv7 and sort by time, so the id is the order of the list and its cursor at once.
    const rows = await database.order.findMany({
      where: {
        status: query.status,
        restaurantId: query.restaurant_id,
        customerId: query.customer_id,
        ...(query.cursor ? { id: { lt: query.cursor } } : {}),
      },
      orderBy: { id: 'desc' },
      take: query.limit + 1,
      include: withLines,
    });
    const shown = rows.slice(0, query.limit);
    const last = rows.length > shown.length ? shown.at(-1) : undefined;
    return {
      status: 200,
      body: { orders: shown.map(showOrder), next_cursor: last ? cursorAfter(last.id) : null },
    };
  },
});
