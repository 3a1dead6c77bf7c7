import { BIN_GROWTH, EVERYWHERE, GRAINS } from '../shared/analytics/read-models';
import { Prisma, type Tx } from '../shared/service/database';
import { factOf, orderRow, type OrderEvent } from './order-facts';

/** Counts what a batch of events of one type says of orders, in every generation that is kept. */
export async function countOrders(tx: Tx, events: OrderEvent[]): Promise<[]> {
  await countOrdersIn(tx, events);
  return [];
}

/**
 * One statement, in which the database merges, decides and adds up. An event's fact is set in its order's row if the
 * row has none of it; only then does the order come back, as it is now and under lock, and is counted anew less
 * what had been counted without the fact. So duplicates, in whatever order and however late, count once, without
 * anybody's memory of events; and what needs two facts is counted by whichever comes second.
 *
 * Locks: orders by id, then each table's counts by key, always in the order of the statement.
 * @param generation this one alone; all that are kept, if absent
 */
export async function countOrdersIn(
  tx: Tx,
  events: readonly OrderEvent[],
  generation?: number,
): Promise<void> {
  const [first] = events;
  if (!first) return;
  // Two events that tell the same of an order are one fact.
  const rows = [...new Map([...events].reverse().map((event) => [event.data.order_id, event])).values()];
  const only = generation ?? null;
  await tx.$queryRaw`
    WITH given AS (
      SELECT g.id AS generation, e.order_id, e.restaurant_id, e.currency, e.total_amount, e.lines, e.placed_at, e.preparing_at,
        e.out_for_delivery_at, e.delivered_at, e.cancelled_at, e.cancel_reason
      FROM analytics_generations g CROSS JOIN json_to_recordset(${JSON.stringify(rows.map(orderRow))}::json) AS e (
        order_id uuid, restaurant_id uuid, currency text, total_amount numeric, lines json, placed_at timestamptz,
        preparing_at timestamptz, out_for_delivery_at timestamptz, delivered_at timestamptz, cancelled_at timestamptz, cancel_reason text)
      WHERE g.state <> 'RETIRED' AND (${only}::int IS NULL OR g.id = ${only}::int)
      ORDER BY g.id, e.order_id
    ), fact AS (SELECT ${factOf(first)}::text AS told),
    learnt AS (${MERGE}),
    sales AS (${COUNT_SALES}),
    items AS (${COUNT_ITEMS}),
    leads AS (${COUNT_LEAD_TIMES}),
    open AS (${COUNT_OPEN})
    SELECT count(*)::int AS learnt FROM learnt`;
}

const FACTS = ['placed_at', 'preparing_at', 'out_for_delivery_at', 'delivered_at', 'cancelled_at'];
/** Known from when an order was placed. */
const PLACING = ['currency', 'total_amount', 'lines'];
const columns = (names: readonly string[], shape: (name: string) => string, between = ', ') =>
  Prisma.raw(names.map(shape).join(between));

const MERGE = Prisma.sql`
  INSERT INTO analytics_orders AS o (generation, order_id, restaurant_id, currency, total_amount, lines, placed_at, preparing_at,
    out_for_delivery_at, delivered_at, cancelled_at, cancel_reason)
  SELECT generation, order_id, restaurant_id, currency, total_amount, lines, placed_at, preparing_at,
    out_for_delivery_at, delivered_at, cancelled_at, cancel_reason FROM given
  ON CONFLICT (generation, order_id) DO UPDATE SET
    restaurant_id = CASE WHEN excluded.placed_at IS NULL THEN o.restaurant_id ELSE excluded.restaurant_id END,
    ${columns([...PLACING, ...FACTS, 'cancel_reason'], (name) => `${name} = coalesce(o.${name}, excluded.${name})`)}
  WHERE ${columns(FACTS, (name) => `(o.${name} IS NULL AND excluded.${name} IS NOT NULL)`, ' OR ')}
  RETURNING o.generation, o.order_id, o.restaurant_id, o.currency, o.total_amount, o.lines, o.placed_at, o.preparing_at,
    o.out_for_delivery_at, o.delivered_at, o.cancelled_at, o.cancel_reason`;

/** Orders that count, and for each the buckets that it counts in. */
const COUNTED = Prisma.sql`learnt CROSS JOIN fact
  CROSS JOIN (VALUES (${Prisma.raw(Object.values(GRAINS).join('), ('))})) AS grains (grain)`;
const BUCKET = Prisma.sql`date_bin(grain * interval '1 minute', placed_at, timestamptz '2000-01-01 00:00:00+00')`;
const SCOPES = Prisma.sql`CROSS JOIN LATERAL (VALUES (learnt.restaurant_id), (${Prisma.raw(`'${EVERYWHERE}'::uuid`)})) AS scopes (scope)`;

const COUNT_SALES = Prisma.sql`
  INSERT INTO analytics_sales AS s (generation, grain, restaurant_id, bucket, currency, outcome, reason, orders, amount)
  SELECT generation, grain, scope, ${BUCKET}, currency, outcome, reason, count(*), sum(total_amount)
  FROM ${COUNTED} ${SCOPES} CROSS JOIN LATERAL (
    SELECT 'PLACED' AS outcome, '' AS reason WHERE told = 'placed'
    UNION ALL SELECT 'DELIVERED', '' WHERE delivered_at IS NOT NULL AND told IN ('placed', 'delivered')
    UNION ALL SELECT 'CANCELLED', cancel_reason WHERE cancelled_at IS NOT NULL AND told IN ('placed', 'cancelled')) AS outcomes
  WHERE placed_at IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
  ON CONFLICT (generation, grain, restaurant_id, bucket, currency, outcome, reason)
    DO UPDATE SET orders = s.orders + excluded.orders, amount = s.amount + excluded.amount`;

const COUNT_ITEMS = Prisma.sql`
  INSERT INTO analytics_item_sales AS i (generation, grain, restaurant_id, bucket, menu_item_id, currency, ordered, cancelled,
    ordered_amount, cancelled_amount)
  SELECT generation, grain, restaurant_id, ${BUCKET}, menu_item_id, currency,
    coalesce(sum(quantity) FILTER (WHERE told = 'placed'), 0), coalesce(sum(quantity) FILTER (WHERE cancelled_at IS NOT NULL), 0),
    coalesce(sum(quantity * price) FILTER (WHERE told = 'placed'), 0),
    coalesce(sum(quantity * price) FILTER (WHERE cancelled_at IS NOT NULL), 0)
  FROM ${COUNTED} CROSS JOIN LATERAL json_to_recordset(lines) AS line (menu_item_id uuid, quantity bigint, price numeric)
  WHERE placed_at IS NOT NULL AND told IN ('placed', 'cancelled')
  GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (generation, grain, restaurant_id, bucket, menu_item_id, currency)
    DO UPDATE SET ordered = i.ordered + excluded.ordered, cancelled = i.cancelled + excluded.cancelled,
      ordered_amount = i.ordered_amount + excluded.ordered_amount, cancelled_amount = i.cancelled_amount + excluded.cancelled_amount`;

const binOf = (took: Prisma.Sql) =>
  Prisma.sql`ceil(ln(greatest(extract(epoch FROM ${took}) * 1000, 1)::float8) / ln(${Prisma.raw(String(BIN_GROWTH))}::float8))::int`;

/** A clock that was set back counts as no time at all. */
const COUNT_LEAD_TIMES = Prisma.sql`
  INSERT INTO analytics_lead_times AS l (generation, grain, restaurant_id, bucket, stage, bin, orders)
  SELECT generation, grain, scope, ${BUCKET}, stage, bin, count(*)
  FROM ${COUNTED} ${SCOPES} CROSS JOIN LATERAL (
    SELECT 'placed_to_preparing' AS stage, ${binOf(Prisma.sql`preparing_at - placed_at`)} AS bin
      WHERE preparing_at IS NOT NULL AND told IN ('placed', 'preparing')
    UNION ALL SELECT 'preparing_to_delivered', ${binOf(Prisma.sql`delivered_at - preparing_at`)}
      WHERE preparing_at IS NOT NULL AND delivered_at IS NOT NULL AND told IN ('placed', 'preparing', 'delivered')
    UNION ALL SELECT 'placed_to_delivered', ${binOf(Prisma.sql`delivered_at - placed_at`)}
      WHERE delivered_at IS NOT NULL AND told IN ('placed', 'delivered')) AS took
  WHERE placed_at IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (generation, grain, restaurant_id, bucket, stage, bin) DO UPDATE SET orders = l.orders + excluded.orders`;

/** Where an order stands that is still open, by the furthest that is known of it. */
const standing = (known: (fact: string) => string) =>
  Prisma.raw(`CASE WHEN ${known('cancelled')} OR ${known('delivered')} THEN NULL
    WHEN ${known('out_for_delivery')} THEN 'OUT_FOR_DELIVERY' WHEN ${known('preparing')} THEN 'PREPARING' ELSE 'PLACED' END`);

const COUNT_OPEN = Prisma.sql`
  INSERT INTO analytics_open_orders AS n (generation, restaurant_id, status, orders)
  SELECT generation, restaurant_id, status, sum(step) FROM (
    SELECT generation, restaurant_id, ${standing((fact) => `${fact}_at IS NOT NULL`)} AS status, 1 AS step
    FROM learnt WHERE placed_at IS NOT NULL
    UNION ALL
    SELECT generation, restaurant_id, ${standing((fact) => `(${fact}_at IS NOT NULL AND told <> '${fact}')`)}, -1
    FROM learnt CROSS JOIN fact WHERE placed_at IS NOT NULL AND told <> 'placed') AS steps
  WHERE status IS NOT NULL
  GROUP BY 1, 2, 3 HAVING sum(step) <> 0 ORDER BY 1, 2, 3
  ON CONFLICT (generation, restaurant_id, status) DO UPDATE SET orders = n.orders + excluded.orders`;
