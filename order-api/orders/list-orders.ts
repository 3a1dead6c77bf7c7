import { z } from 'zod';
import { orderStatuses, type OrderStatus } from '../../shared/lifecycle/order-lifecycle';
import { Prisma } from '../../shared/service/database';
import { customerFor, restaurantsFor } from '../access/own';
import { cursor, pageOf, readCursor } from '../http/cursor';
import { id, page, severalOf, text, timeParameter } from '../http/fields';
import { route } from '../http/route';
import { COLUMNS, orderAnswer, showOrder, type OrderRow } from './order-view';
import { after, LISTED_AT, POSITION, POSITION_SHAPE, positionOf, type Position } from './order-position';

const query = z.object({
  status: severalOf(orderStatuses).optional(),
  restaurant_id: id.optional(),
  customer_id: text(64).optional(),
  reference: text(100).optional(),
  created_after: timeParameter.optional(),
  created_before: timeParameter.optional(),
  updated_after: timeParameter.optional(),
  limit: page.limit,
  cursor,
});

export const listOrders = route({
  method: 'get',
  path: '/orders',
  name: 'listOrders',
  replicaMayAnswer: true,
  summary: 'Orders, newest first',
  description:
    'By when they were placed; a DRAFT by when it was made. Several statuses: `status=PLACED,PREPARING`. Times are exclusive.',
  tag: 'Orders',
  concerns: 'caller',
  query,
  answers: {
    200: {
      description: 'A page of them',
      schema: z.object({
        orders: z.array(orderAnswer),
        next_cursor: z.string().nullable().meta({ description: 'null on the last page' }),
      }),
    },
  },
  async handle({ query: { limit, cursor, ...given } }, { caller, database }) {
    const filter = {
      ...given,
      customer_id: customerFor(caller, given.customer_id, { pointer: '#/customer_id', in: 'query' }),
      restaurants: restaurantsFor(caller, given.restaurant_id),
    };
    const list = ['orders', filter];
    const position = readCursor(list, cursor, POSITION_SHAPE);
    const rows = await database.$queryRaw<(OrderRow & Position & { listed: number })[]>(
      pageQuery(filter, position, limit),
    );
    const endsEarly = rows.length < (rows[0]?.listed ?? 0);
    const shown = pageOf(rows, limit, list, positionOf, endsEarly || rows.length > limit);
    return {
      status: 200,
      body: {
        orders: shown.rows.map(({ listed_us: _, listed: __, ...row }) => showOrder(row)),
        next_cursor: shown.next_cursor,
      },
    };
  },
});

type Filter = Omit<z.output<typeof query>, 'limit' | 'cursor'> & {
  /** Those of the caller, where they see no others. */
  restaurants?: readonly string[] | undefined;
};

/** An order may be 200 kB, by what its caller says of it: a page ends with the one that makes it this large. */
const PAGE_BYTES = 1_000_000;

/** About what an order takes, where that is up to its caller. */
const SIZE = Prisma.sql`
  SELECT coalesce(octet_length(o.metadata::text), 0) + coalesce(octet_length(o.delivery_address::text), 0)
    + coalesce(octet_length(o.note), 0) + (
      SELECT coalesce(sum(200 + coalesce(octet_length(l.note), 0) + octet_length(l.name)), 0)
      FROM order_lines l WHERE l.order_id = o.id) AS bytes
  FROM orders o WHERE o.id = chosen.id`;

/**
 * Reads a page, and one row more, unless it becomes too large before. Each part of the list comes from an index in the order of the list, and is not read
 * further than the page goes.
 */
export function pageQuery(
  filter: Filter,
  position: readonly string[] | undefined,
  limit: number,
): Prisma.Sql {
  const parts = partsOf(filter).map(
    (conditions) => Prisma.sql`(
      SELECT id, ${LISTED_AT} AS listed_at FROM orders
      WHERE ${Prisma.join([...conditions, ...(position ? [after(position)] : [])], ' AND ')}
      ORDER BY ${LISTED_AT} DESC, id DESC LIMIT ${limit + 1}::int)`,
  );
  return Prisma.sql`
    SELECT ${COLUMNS}, ${POSITION}, listed FROM orders JOIN (
      SELECT listed_id, listed_at, listed FROM (
        SELECT id AS listed_id, listed_at, count(*) OVER ()::int AS listed,
          sum(bytes) OVER (ORDER BY listed_at DESC, id DESC) - bytes AS bytes_before
        FROM (
          SELECT id, listed_at FROM (${Prisma.join(parts, ' UNION ALL ')}) AS parts
          ORDER BY listed_at DESC, id DESC LIMIT ${limit + 1}::int
        ) AS chosen, LATERAL (${SIZE}) AS size
      ) AS sized WHERE bytes_before < ${PAGE_BYTES}::int
    ) AS page ON orders.id = page.listed_id
    ORDER BY listed_at DESC, id DESC`;
}

/** The list as the union of parts, each the conditions of one: none shares an order with another. */
function partsOf(filter: Filter): Prisma.Sql[][] {
  const common = [
    Prisma.sql`TRUE`,
    ...(filter.restaurant_id ? [Prisma.sql`restaurant_id = ${filter.restaurant_id}::uuid`] : []),
    ...(filter.customer_id ? [Prisma.sql`customer_id = ${filter.customer_id}`] : []),
    ...(filter.reference ? [Prisma.sql`reference = ${filter.reference}`] : []),
    ...(filter.updated_after ? [Prisma.sql`updated_at > ${filter.updated_after}::timestamptz`] : []),
    // Nothing is listed under a time before it was made.
    ...(filter.created_after
      ? [
          Prisma.sql`created_at > ${filter.created_after}::timestamptz`,
          Prisma.sql`${LISTED_AT} > ${filter.created_after}::timestamptz`,
        ]
      : []),
  ];
  const statuses: (OrderStatus | undefined)[] = filter.status ?? [undefined];
  return statuses.flatMap((status) =>
    ofRestaurants(filter.restaurants).flatMap((place) =>
      madeBefore(filter.created_before).map((made) => [
        ...common,
        ...place,
        ...(status ? [Prisma.sql`status = ${status}`] : []),
        ...made,
      ]),
    ),
  );
}

/** Each has an index of its own order; of more than a few, all are read by one condition. */
const MOST_PARTS = 10;

function ofRestaurants(ids: readonly string[] | undefined): Prisma.Sql[][] {
  if (ids === undefined) return [[]];
  if (ids.length === 0 || ids.length > MOST_PARTS)
    return [[Prisma.sql`restaurant_id = ANY(${[...ids]}::uuid[])`]];
  return [...new Set(ids)].map((id) => [Prisma.sql`restaurant_id = ${id}::uuid`]);
}

/** Those listed under a time before, and the drafts among them that were placed after it. */
function madeBefore(time: string | undefined): Prisma.Sql[][] {
  if (!time) return [[]];
  return [
    [Prisma.sql`${LISTED_AT} < ${time}::timestamptz`],
    [
      Prisma.sql`placed_at > created_at AND tstzrange(created_at, placed_at, '[]') @> ${time}::timestamptz`,
      Prisma.sql`created_at < ${time}::timestamptz AND ${LISTED_AT} >= ${time}::timestamptz`,
    ],
  ];
}
