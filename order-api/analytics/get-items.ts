import { z } from 'zod';
import { GRAINS } from '../../shared/analytics/read-models';
import type { Decimal } from '../../shared/money';
import { uuid } from '../http/fields';
import { route } from '../http/route';
import {
  bucketHead,
  countsFor,
  inBuckets,
  makeReport,
  reportHead,
  showAmount,
  unknownRestaurant,
  type Report,
} from './report';
import { mostListed } from './most-listed';
import { bucketQuery } from './time-range';

const sold = z.object({
  menu_item_id: uuid,
  restaurant_id: uuid,
  name: z.string().nullable().meta({ description: 'As the menu has it now; null if it has no such item' }),
  currency: z.string(),
  quantity: z.number().meta({ description: 'Ordered and not cancelled', example: 24 }),
  cancelled_quantity: z.number().meta({ example: 2 }),
  revenue: z.string().meta({ description: 'Of what was not cancelled', example: '10800.00' }),
});

export const getAnalyticsItems = route({
  method: 'get',
  path: '/analytics/items',
  name: 'getAnalyticsItems',
  replicaMayAnswer: true,
  summary: 'What sells best',
  description: 'By the quantity that was ordered and not cancelled, the most first, in each bucket.',
  tag: 'Analytics',
  concerns: 'caller',
  csv: true,
  query: z.object({ ...bucketQuery, limit: mostListed }),
  answers: {
    200: {
      description: 'The best of every bucket; as CSV, a line for each',
      schema: z.object({
        ...reportHead,
        buckets: z.array(z.object({ ...bucketHead, items: z.array(sold) })),
      }),
    },
  },
  problems: unknownRestaurant,
  handle: ({ query }, { database, caller }) =>
    makeReport(database, caller, query, async (report) => {
      const rows = await readItems(report, query.limit);
      const buckets = inBuckets(report, rows, (some) => ({ items: some.map(showItem) }));
      const lines = buckets.flatMap(({ start, end, items }) =>
        items.map((item) => [start, end, ...ITEM.map((name) => item[name])]),
      );
      return {
        status: 200,
        body: { ...report.head, buckets },
        table: { name: 'items', columns: ['start', 'end', ...ITEM], rows: lines },
      };
    }),
});

const ITEM = [
  'menu_item_id',
  'restaurant_id',
  'name',
  'currency',
  'quantity',
  'cancelled_quantity',
  'revenue',
] as const;

interface ItemRow {
  nth: number;
  menu_item_id: string;
  restaurant_id: string;
  name: string | null;
  currency: string;
  quantity: Decimal;
  cancelled_quantity: Decimal;
  revenue: Decimal;
}

const showItem = ({
  nth: _,
  quantity,
  cancelled_quantity,
  revenue,
  ...item
}: ItemRow): z.output<typeof sold> => ({
  ...item,
  quantity: Number(quantity),
  cancelled_quantity: Number(cancelled_quantity),
  revenue: showAmount(revenue.toString(), item.currency),
});

/** Items are counted by restaurant alone: for all of them, those that have ever had an order are looked up. */
async function readItems(report: Report, limit: number): Promise<ItemRow[]> {
  const { tx, restaurants } = report;
  const of = restaurants ?? (await knownRestaurants(report));
  return tx.$queryRaw<ItemRow[]>`
    SELECT best.nth, best.menu_item_id, best.restaurant_id, m.name, best.currency, best.quantity, best.cancelled_quantity, best.revenue
    FROM (
      SELECT sums.*, row_number() OVER (PARTITION BY nth ORDER BY quantity DESC, revenue DESC, menu_item_id, currency) AS place
      FROM (
        SELECT nth, menu_item_id, restaurant_id, currency, sum(ordered - cancelled) AS quantity, sum(cancelled) AS cancelled_quantity,
          sum(ordered_amount - cancelled_amount) AS revenue
        FROM (${countsFor(report, 'analytics_item_sales', of)}) AS counts
        GROUP BY nth, menu_item_id, restaurant_id, currency) AS sums
    ) AS best LEFT JOIN menu_items m ON m.id = best.menu_item_id
    WHERE place <= ${limit}::int ORDER BY nth, place`;
}

/** All that have rows, one look into the index for each: not those with open orders, for an order may be known to be over first. */
async function knownRestaurants({ tx, generation }: Report): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    WITH RECURSIVE known AS (
      (SELECT restaurant_id AS id FROM analytics_item_sales WHERE generation = ${generation} AND grain = ${GRAINS.day}
       ORDER BY restaurant_id LIMIT 1)
      UNION ALL
      SELECT (SELECT restaurant_id FROM analytics_item_sales
              WHERE generation = ${generation} AND grain = ${GRAINS.day} AND restaurant_id > known.id
              ORDER BY restaurant_id LIMIT 1)
      FROM known WHERE known.id IS NOT NULL)
    SELECT id FROM known WHERE id IS NOT NULL`;
  return rows.map(({ id }) => id);
}
