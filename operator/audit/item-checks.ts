import { Prisma } from '../../shared/service/database';
import { stockOutsAnnounced } from './announcement-checks';
import { countIn, inRange, type Check, type Pass } from './check';

const notNegative: Check = {
  name: 'stock-not-negative',
  promise: 'stock is never below zero',
  find: (range) => Prisma.sql`
    SELECT menu_item_id::text AS subject, format('available is %s', available) AS problem
    FROM stock_levels WHERE ${inRange('menu_item_id', range)} AND available < 0
    UNION ALL
    SELECT menu_item_id::text, format('was at %s after movement %s', balance, id)
    FROM stock_movements WHERE ${inRange('menu_item_id', range)} AND balance < 0`,
};

const equalsLedger: Check = {
  name: 'stock-equals-ledger',
  promise: "an item's stock is the sum of its ledger",
  find: (range) => Prisma.sql`
    SELECT menu_item_id::text AS subject,
      CASE WHEN s.available IS NULL THEN format('has a ledger of %s, and no stock row', m.ledger)
           ELSE format('available is %s, its ledger says %s', s.available, coalesce(m.ledger, 0)) END AS problem
    FROM (SELECT menu_item_id, available FROM stock_levels WHERE ${inRange('menu_item_id', range)}) s
    FULL JOIN (SELECT menu_item_id, sum(delta) AS ledger FROM stock_movements
               WHERE ${inRange('menu_item_id', range)} GROUP BY menu_item_id) m USING (menu_item_id)
    WHERE s.available IS DISTINCT FROM coalesce(m.ledger, 0)`,
};

const balances: Check = {
  name: 'ledger-balances',
  promise: "a movement's balance is the one before it, plus its delta",
  // Against the balance before, not against the sum so far: that names the one row where it goes wrong.
  find: (range) => Prisma.sql`
    SELECT menu_item_id::text AS subject,
      format('movement %s: %s and %s make %s, not %s', id, before, delta, before + delta, balance) AS problem
    FROM (SELECT id, menu_item_id, delta, balance,
            coalesce(lag(balance) OVER (PARTITION BY menu_item_id ORDER BY id), 0) AS before
          FROM stock_movements WHERE ${inRange('menu_item_id', range)}) m
    WHERE balance <> before + delta`,
};

const openings: Check = {
  name: 'ledger-openings',
  promise: "every item's ledger begins with its one opening",
  find: (range) => Prisma.sql`
    SELECT menu_item_id::text AS subject,
      CASE WHEN coalesce(m.openings, 0) <> 1 THEN format('has %s openings', coalesce(m.openings, 0))
           ELSE format('has movement %s before its opening', m.first) END AS problem
    FROM (SELECT id AS menu_item_id FROM menu_items WHERE ${inRange('id', range)}) i
    FULL JOIN (SELECT menu_item_id, count(*) FILTER (WHERE kind = 'OPENING') AS openings,
                 min(id) FILTER (WHERE kind = 'OPENING') AS opening, min(id) AS first
               FROM stock_movements WHERE ${inRange('menu_item_id', range)} GROUP BY menu_item_id) m USING (menu_item_id)
    WHERE m.openings IS DISTINCT FROM 1 OR m.opening <> m.first`,
};

/** Stock and its ledger. They change in one transaction, so they are judged on a busy mesh as on an idle one. */
export const itemPass: Pass = {
  unit: 'items',
  // By movements, so that a range of items has about as many of them as another.
  walk: { table: 'stock_movements', column: 'menu_item_id' },
  count: countIn('menu_items', 'id'),
  checks: [notNegative, equalsLedger, balances, openings, stockOutsAnnounced],
};
