import { EVERYWHERE, GRAINS, BIN_GROWTH } from '../../shared/analytics/read-models';
import { Prisma } from '../../shared/service/database';
import { timeOf } from './announcement-checks';
import { inRange, type Check, type Pass } from './check';

/** The generation that reports are made of, and since when every order is in it. */
const LIVE = Prisma.sql`
  SELECT id AS generation, coalesce(complete_since, (SELECT max(since) FROM subscriptions
    WHERE consumer = 'analytics-service' AND event_type = 'order.placed.v1' AND until IS NULL), 'infinity') AS since
  FROM analytics_generations WHERE state = 'LIVE'`;

const CONSUMER = 'analytics-service';
const TOLD = [
  'order.placed.v1',
  'order.status.preparing.v1',
  'order.status.out_for_delivery.v1',
  'order.status.delivered.v1',
  'order.cancelled.v1',
];

/** By its history, which another check holds its status to. */
const ordersCounted: Check = {
  name: 'analytics-orders',
  promise: 'every order is counted as it is, since there is history',
  remedies: TOLD.map((type) => ({ type, consumer: CONSUMER })),
  find: (range) => Prisma.sql`
    WITH live AS (${LIVE}), counted AS (
      SELECT a.* FROM analytics_orders a JOIN live USING (generation) WHERE ${inRange('a.order_id', range)} AND a.placed_at IS NOT NULL
    ), sold AS (
      SELECT order_id, json_agg(json_build_array(menu_item_id, quantity, price) ORDER BY menu_item_id)::text AS lines
      FROM order_lines WHERE ${inRange('order_id', range)} GROUP BY order_id
    ), counted_lines AS (
      SELECT order_id, json_agg(json_build_array(menu_item_id, quantity, price) ORDER BY menu_item_id)::text AS lines
      FROM counted CROSS JOIN LATERAL json_to_recordset(lines) AS l (menu_item_id uuid, quantity bigint, price numeric) GROUP BY order_id
    ), history AS (
      SELECT order_id, bool_or(to_status = 'PREPARING') AS preparing, bool_or(to_status = 'OUT_FOR_DELIVERY') AS out_for_delivery,
        bool_or(to_status = 'DELIVERED') AS delivered, min(reason) FILTER (WHERE to_status = 'CANCELLED') AS reason
      FROM order_status_history WHERE ${inRange('order_id', range)} GROUP BY order_id
    ), judged AS (
      SELECT o.id, a.order_id IS NOT NULL AS is_counted, o.placed_at >= live.since AS is_due,
        concat_ws(' ', o.restaurant_id, o.currency, trim_scale(o.total_amount), date_trunc('milliseconds', o.placed_at), h.preparing,
          h.out_for_delivery, h.delivered, coalesce(h.reason, '-'), s.lines) AS is,
        concat_ws(' ', a.restaurant_id, a.currency, trim_scale(a.total_amount), date_trunc('milliseconds', a.placed_at),
          a.preparing_at IS NOT NULL, a.out_for_delivery_at IS NOT NULL, a.delivered_at IS NOT NULL, coalesce(a.cancel_reason, '-'), c.lines) AS counted_as
      FROM live CROSS JOIN orders o LEFT JOIN counted a ON a.order_id = o.id LEFT JOIN sold s ON s.order_id = o.id
        LEFT JOIN counted_lines c ON c.order_id = o.id LEFT JOIN history h ON h.order_id = o.id
      WHERE ${inRange('o.id', range)} AND o.placed_at IS NOT NULL
    )
    SELECT id::text AS subject, id::text AS about, 'violation' AS verdict,
      CASE WHEN is_counted THEN format('is %s, and is counted as %s', "is", counted_as) ELSE 'is not counted' END AS problem
    FROM judged WHERE (is_counted OR is_due) AND (NOT is_counted OR "is" <> counted_as)
    UNION ALL
    SELECT order_id::text, order_id::text, 'warning', 'is counted, and there is no such order' FROM counted
    WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = counted.order_id AND o.placed_at IS NOT NULL)`,
};

/** Orders against what analytics knows of them. */
export const analyticsOrderChecks: readonly Check[] = [ordersCounted];

interface Counts {
  what: string;
  table: string;
  keys: readonly string[];
  values: readonly string[];
  /** Keys and values as the orders make them, from `facts`, an order that counts in each row. */
  expected: Prisma.Sql;
}

/** A count with the rows that the orders make, both ways. They change in one transaction, so they agree at all times. */
const agrees = (name: string, promise: string, { what, table, keys, values, expected }: Counts): Check => ({
  name,
  promise,
  find: () => {
    const list = (names: readonly string[], of = '') =>
      Prisma.raw(names.map((one) => `${of}${one}`).join(', '));
    return Prisma.sql`
      WITH live AS (${LIVE}), facts AS (
        SELECT a.* FROM analytics_orders a JOIN live USING (generation) WHERE placed_at IS NOT NULL
      ), counted AS (
        SELECT ${list(keys)}, ${list(values)} FROM ${Prisma.raw(table)} JOIN live USING (generation)
        WHERE ${Prisma.raw(values.map((one) => `${one} <> 0`).join(' OR '))}
      ), expected AS (${expected})
      SELECT restaurant_id::text AS subject, format('%s of %s: (%s) are counted, and the orders make (%s)', ${what}::text,
        concat_ws(' ', ${list(keys)}), concat_ws(', ', ${list(values, 'c.')}), concat_ws(', ', ${list(values, 'e.')})) AS problem
      FROM counted c FULL JOIN expected e USING (${list(keys)})
      WHERE (${list(values, 'c.')}) IS DISTINCT FROM (${list(values, 'e.')})`;
  },
});

const GRAIN = Prisma.sql`CROSS JOIN (VALUES (${Prisma.raw(Object.values(GRAINS).join('), ('))})) AS grains (grain)`;
const SCOPE = Prisma.sql`CROSS JOIN LATERAL (VALUES (facts.restaurant_id), (${EVERYWHERE}::uuid)) AS scopes (scope)`;
const BUCKET = Prisma.sql`to_timestamp(floor(extract(epoch FROM placed_at) / (60 * grain)) * 60 * grain)`;
const BIN = Prisma.sql`ceil(ln(greatest(extract(epoch FROM took) * 1000, 1)::float8) / ln(${BIN_GROWTH}::float8))::int`;

const sales = agrees(
  'analytics-sales',
  'orders and money in reports are the sum of the orders, in each currency',
  {
    what: 'sales',
    table: 'analytics_sales',
    keys: ['grain', 'restaurant_id', 'bucket', 'currency', 'outcome', 'reason'],
    values: ['orders', 'amount'],
    expected: Prisma.sql`
    SELECT grain, scope AS restaurant_id, ${BUCKET} AS bucket, currency, outcome, reason, count(*) AS orders, sum(total_amount) AS amount
    FROM facts ${GRAIN} ${SCOPE} CROSS JOIN LATERAL (VALUES ('PLACED', '', true), ('DELIVERED', '', delivered_at IS NOT NULL),
      ('CANCELLED', cancel_reason, cancelled_at IS NOT NULL)) AS outcomes (outcome, reason, is_so)
    WHERE is_so GROUP BY 1, 2, 3, 4, 5, 6`,
  },
);

const items = agrees('analytics-items', 'items in reports are the sum of the lines of orders', {
  what: 'items',
  table: 'analytics_item_sales',
  keys: ['grain', 'restaurant_id', 'bucket', 'menu_item_id', 'currency'],
  values: ['ordered', 'cancelled', 'ordered_amount', 'cancelled_amount'],
  expected: Prisma.sql`
    SELECT grain, restaurant_id, ${BUCKET} AS bucket, menu_item_id, currency, sum(quantity) AS ordered,
      coalesce(sum(quantity) FILTER (WHERE cancelled_at IS NOT NULL), 0) AS cancelled, sum(quantity * price) AS ordered_amount,
      coalesce(sum(quantity * price) FILTER (WHERE cancelled_at IS NOT NULL), 0) AS cancelled_amount
    FROM facts ${GRAIN} CROSS JOIN LATERAL json_to_recordset(lines) AS l (menu_item_id uuid, quantity numeric, price numeric)
    GROUP BY 1, 2, 3, 4, 5`,
});

const leadTimes = agrees('analytics-lead-times', 'lead times in reports are those of the orders', {
  what: 'lead times',
  table: 'analytics_lead_times',
  keys: ['grain', 'restaurant_id', 'bucket', 'stage', 'bin'],
  values: ['orders'],
  expected: Prisma.sql`
    SELECT grain, scope AS restaurant_id, ${BUCKET} AS bucket, stage, ${BIN} AS bin, count(*) AS orders
    FROM facts ${GRAIN} ${SCOPE} CROSS JOIN LATERAL (VALUES ('placed_to_preparing', preparing_at - placed_at),
      ('preparing_to_delivered', delivered_at - preparing_at), ('placed_to_delivered', delivered_at - placed_at)) AS stages (stage, took)
    WHERE took IS NOT NULL GROUP BY 1, 2, 3, 4, 5`,
});

const open = agrees('analytics-open-orders', 'open orders in reports are those that are open', {
  what: 'open orders',
  table: 'analytics_open_orders',
  keys: ['restaurant_id', 'status'],
  values: ['orders'],
  expected: Prisma.sql`
    SELECT restaurant_id, CASE WHEN out_for_delivery_at IS NOT NULL THEN 'OUT_FOR_DELIVERY'
      WHEN preparing_at IS NOT NULL THEN 'PREPARING' ELSE 'PLACED' END AS status, count(*) AS orders
    FROM facts WHERE delivered_at IS NULL AND cancelled_at IS NULL GROUP BY 1, 2`,
});

/** An alert is kept with the record that it was handled, or by a rebuild from the history: handled, it is there. */
const stockAlerts: Check = {
  name: 'analytics-stock',
  promise: 'each time that an item ran low or out is in reports once, as it was told',
  find: (_range, { judgedFrom }) => Prisma.sql`
    WITH live AS (${LIVE}), told AS (
      SELECT event_id, body ->> 'source' AS source, body -> 'data' ->> 'menu_item_id' AS item,
        concat_ws(' ', CASE type WHEN 'inventory.out_of_stock.v1' THEN 'OUT' ELSE 'LOW' END, body -> 'data' ->> 'restaurant_id',
          body -> 'data' ->> 'menu_item_id', body -> 'data' ->> 'available_qty', (body ->> 'time')::timestamptz) AS facts
      FROM event_log WHERE type IN ('inventory.low_stock.v1', 'inventory.out_of_stock.v1')
    ), kept AS (
      SELECT event_id, event_source AS source, menu_item_id::text AS item, happened_at,
        concat_ws(' ', kind, restaurant_id, menu_item_id, available_qty, happened_at) AS facts
      FROM analytics_stock_alerts JOIN live USING (generation)
    )
    SELECT coalesce(told.item, kept.item) AS subject, CASE WHEN told.source IS NULL AND kept.source <> '/inventory-service' THEN 'warning' ELSE 'violation' END AS verdict,
      CASE WHEN told.facts IS NULL THEN format('alert %s is kept as %s, and is not in the history', event_id, kept.facts)
        WHEN kept.facts IS NULL THEN format('alert %s was handled, and is not kept: %s', event_id, told.facts)
        ELSE format('alert %s is %s, and is kept as %s', event_id, told.facts, kept.facts) END AS problem
    FROM told FULL JOIN kept USING (event_id, source)
    WHERE told.facts IS DISTINCT FROM kept.facts AND CASE
      WHEN kept.facts IS NULL THEN EXISTS (SELECT FROM processed_events p WHERE p.consumer = ${CONSUMER} AND p.event_id = told.event_id)
      WHEN told.facts IS NULL THEN kept.happened_at > ${timeOf(judgedFrom.eventLog)} + interval '1 minute'
        AND NOT EXISTS (SELECT FROM outbox_events o WHERE o.event_id = kept.event_id)
      ELSE true END`,
};

const rebuilt: Check = {
  name: 'analytics-rebuilt',
  promise: 'no rebuild of the reports was left unfinished',
  find: () => Prisma.sql`
    SELECT id::text AS subject, 'a rebuild was interrupted, and everything is counted twice over: npm run analytics -- rebuild' AS problem
    FROM analytics_generations WHERE state = 'BUILDING' AND NOT EXISTS (
      SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1835365224 AND objid = 1634623852)`,
};

/** Reports against the orders behind them. */
export const analyticsPass: Pass = {
  unit: 'counts in reports',
  count: () => Prisma.sql`
    WITH live AS (${LIVE}) SELECT count(*)::int AS count FROM analytics_sales JOIN live USING (generation)`,
  checks: [sales, items, leadTimes, open, stockAlerts, rebuilt],
};
