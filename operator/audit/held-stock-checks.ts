import { Prisma } from '../../shared/service/database';
import { inRange, type Check, type Range } from './check';

/** What the ledger says of each order and item. */
const ledger = (range: Range) => Prisma.sql`
  SELECT order_id, menu_item_id, -sum(delta) AS held,
    count(*) FILTER (WHERE kind = 'DEDUCTION') AS deductions,
    count(*) FILTER (WHERE kind = 'RESTORATION') AS restorations
  FROM stock_movements WHERE ${inRange('order_id', range)} GROUP BY order_id, menu_item_id`;

const heldStock: Check = {
  name: 'held-stock',
  promise: 'an order holds the stock that its status says',
  // No need to wait for quiet: an order gets to PREPARING by its deduction, and nothing is given back
  // before it is CANCELLED.
  find: (range) => Prisma.sql`
    SELECT o.id::text AS subject, format('is %s, but of item %s it holds %s, not %s', o.status,
      max(c.menu_item_id::text) FILTER (WHERE c.wrong), max(c.held) FILTER (WHERE c.wrong),
      max(c.quantity) FILTER (WHERE c.wrong)) AS problem
    FROM orders o JOIN (
      SELECT order_id, menu_item_id, coalesce(quantity, 0) AS quantity, coalesce(held, 0) AS held,
        coalesce(held, 0) <> coalesce(quantity, 0) AS wrong, coalesce(deductions + restorations, 0) > 0 AS touched
      FROM (SELECT order_id, menu_item_id, quantity FROM order_lines WHERE ${inRange('order_id', range)}) l
      FULL JOIN (${ledger(range)}) h USING (order_id, menu_item_id)) c ON c.order_id = o.id
    WHERE ${inRange('o.id', range)} AND o.status <> 'CANCELLED'
    GROUP BY o.id, o.status
    HAVING CASE o.status WHEN 'DRAFT' THEN bool_or(c.touched)
      WHEN 'PLACED' THEN bool_or(c.touched) AND bool_or(c.wrong) /* nothing yet, or all of it */
      ELSE bool_or(c.wrong) END`,
};

const cancelledStock: Check = {
  name: 'cancelled-stock',
  promise: 'no cancelled order holds stock',
  remedies: [{ type: 'order.cancelled.v1', consumer: 'inventory-service' }],
  find: (range) => Prisma.sql`
    SELECT o.id::text AS subject, o.id::text AS about,
      format('is CANCELLED, but holds %s', string_agg(format('%s of item %s', h.held, h.menu_item_id), ', '
        ORDER BY h.menu_item_id)) AS problem
    FROM orders o JOIN (${ledger(range)}) h ON h.order_id = o.id
    WHERE ${inRange('o.id', range)} AND o.status = 'CANCELLED' AND h.held <> 0
    GROUP BY o.id`,
};

const reservations: Check = {
  name: 'reservations',
  promise: 'a reservation says what the ledger says',
  find: (range) => Prisma.sql`
    SELECT order_id::text AS subject,
      format('its reservation is %s; its ledger has %s deductions, %s restorations, and %s items that it holds',
        coalesce(r.state, 'missing'), coalesce(m.deductions, 0), coalesce(m.restorations, 0), coalesce(m.holding, 0)) AS problem
    FROM (SELECT order_id, state FROM stock_reservations WHERE ${inRange('order_id', range)}) r
    FULL JOIN (SELECT order_id, sum(deductions) AS deductions, sum(restorations) AS restorations,
                 count(*) FILTER (WHERE held <> 0) AS holding
               FROM (${ledger(range)}) h GROUP BY order_id) m USING (order_id)
    WHERE NOT CASE r.state
      WHEN 'DEDUCTED' THEN coalesce(m.deductions > 0 AND m.restorations = 0, false)
      WHEN 'RESTORED' THEN coalesce(m.restorations > 0 AND m.holding = 0, false)
      ELSE m.order_id IS NULL /* REJECTED, CANCELLED, or none at all */ END`,
};

const once: Check = {
  name: 'stock-once',
  promise: 'stock is taken once, and given back at most once and whole',
  find: (range) => Prisma.sql`
    SELECT order_id::text AS subject,
      format('item %s: %s deductions, %s restorations, %s held', menu_item_id, deductions, restorations, held) AS problem
    FROM (${ledger(range)}) h
    WHERE deductions <> 1 OR restorations > 1 OR (restorations = 1 AND held <> 0)`,
};

const owners: Check = {
  name: 'stock-owners',
  promise: 'only orders hold stock',
  find: (range) => Prisma.sql`
    SELECT order_id::text AS subject, 'is in the stock ledger or reserved, and there is no such order' AS problem
    FROM (SELECT order_id FROM stock_movements WHERE ${inRange('order_id', range)}
          UNION SELECT order_id FROM stock_reservations WHERE ${inRange('order_id', range)}) known
    WHERE NOT EXISTS (SELECT FROM orders o WHERE o.id = known.order_id AND ${inRange('o.id', range)})`,
};

/** What orders hold of the stock, against the ledger. */
export const heldStockChecks: readonly Check[] = [heldStock, cancelledStock, reservations, once, owners];
