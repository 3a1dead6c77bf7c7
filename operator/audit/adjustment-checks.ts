import { Prisma } from '../../shared/service/database';
import { countIn, graceBegan, inRange, type Check, type Pass } from './check';

const appliedOnce: Check = {
  name: 'adjustments-applied',
  promise: 'an adjustment is applied once and whole, or not at all',
  find: (range) => Prisma.sql`
    SELECT coalesce(r.id, o.adjustment_id, m.adjustment_id)::text AS subject,
      format('%s: asked for %s, outcome %s, %s movements of %s in sum', coalesce(r.menu_item_id, o.menu_item_id, m.menu_item_id),
        coalesce(r.delta::text, 'nothing'), coalesce(o.status, 'missing'), coalesce(m.movements, 0), coalesce(m.delta, 0)) AS problem
    FROM (SELECT * FROM adjustment_requests WHERE ${inRange('id', range)}) r
    FULL JOIN (SELECT * FROM adjustment_outcomes WHERE ${inRange('adjustment_id', range)}) o ON o.adjustment_id = r.id
    FULL JOIN (SELECT adjustment_id, count(*) AS movements, sum(delta) AS delta, min(menu_item_id::text)::uuid AS menu_item_id
               FROM stock_movements WHERE ${inRange('adjustment_id', range)} GROUP BY adjustment_id) m
      ON m.adjustment_id = coalesce(r.id, o.adjustment_id)
    WHERE NOT coalesce(CASE o.status
      WHEN 'APPLIED' THEN m.movements = 1 AND m.delta = r.delta AND m.menu_item_id = r.menu_item_id
      WHEN 'REJECTED' THEN m.movements IS NULL AND r.id IS NOT NULL
      ELSE m.movements IS NULL END, false)`,
};

const settled: Check = {
  name: 'adjustments-settled',
  promise: 'every adjustment that was asked for has an outcome',
  remedies: [{ type: 'inventory.adjustment.requested.v1', consumer: 'inventory-service' }],
  find: (range, settings) => Prisma.sql`
    SELECT r.id::text AS subject, r.menu_item_id::text AS about,
      format('has no outcome since %s', to_char(r.requested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS problem
    FROM adjustment_requests r
    WHERE ${inRange('r.id', range)} AND r.requested_at < ${graceBegan(settings)}
      AND NOT EXISTS (SELECT FROM adjustment_outcomes o WHERE o.adjustment_id = r.id)`,
};

/** Restocks and corrections. */
export const adjustmentPass: Pass = {
  unit: 'adjustments',
  walk: { table: 'adjustment_requests', column: 'id' },
  count: countIn('adjustment_requests', 'id'),
  checks: [appliedOnce, settled],
};
