import { z } from 'zod';
import { Prisma } from '../../shared/service/database';
import { timestamp, uuid } from '../http/fields';
import { route } from '../http/route';
import { mostListed } from './most-listed';
import { bucketHead, inBuckets, iso, makeReport, reportHead, unknownRestaurant, type Report } from './report';
import { bucketQuery } from './time-range';

const count = z.int().meta({ example: 1 });
const item = z.object({
  menu_item_id: uuid,
  restaurant_id: uuid,
  name: z.string().nullable().meta({ description: 'As the menu has it now; null if it has no such item' }),
  low_stock: count,
  out_of_stock: count,
  last_at: timestamp,
});

export const getAnalyticsStock = route({
  method: 'get',
  path: '/analytics/stock',
  name: 'getAnalyticsStock',
  replicaMayAnswer: true,
  summary: 'How often stock ran low, and out',
  description: 'What ran out most often first, in each bucket.',
  tag: 'Analytics',
  concerns: 'caller',
  csv: true,
  query: z.object({ ...bucketQuery, limit: mostListed }),
  answers: {
    200: {
      description: 'Every bucket; as CSV, a line for each item',
      schema: z.object({
        ...reportHead,
        buckets: z.array(
          z.object({ ...bucketHead, low_stock: count, out_of_stock: count, items: z.array(item) }),
        ),
      }),
    },
  },
  problems: unknownRestaurant,
  handle: ({ query }, { database, caller }) =>
    makeReport(database, caller, query, async (report) => {
      const buckets = inBuckets(report, await readAlerts(report, query.limit), showAlerts);
      const lines = buckets.flatMap(({ start, end, items }) =>
        items.map((one) => [start, end, ...ITEM.map((name) => one[name])]),
      );
      return {
        status: 200,
        body: { ...report.head, buckets },
        table: { name: 'stock', columns: ['start', 'end', ...ITEM], rows: lines },
      };
    }),
});

const ITEM = ['menu_item_id', 'restaurant_id', 'name', 'low_stock', 'out_of_stock', 'last_at'] as const;

interface AlertRow {
  nth: number;
  menu_item_id: string;
  restaurant_id: string;
  name: string | null;
  low_stock: bigint;
  out_of_stock: bigint;
  last_at: Date;
  all_low: bigint;
  all_out: bigint;
}

/** From the alerts themselves: there are few. */
function readAlerts(
  { tx, generation, restaurants, range, starts }: Report,
  limit: number,
): Promise<AlertRow[]> {
  const theirs = restaurants
    ? Prisma.sql`AND restaurant_id = ANY(${[...restaurants]}::uuid[])`
    : Prisma.empty;
  return tx.$queryRaw<AlertRow[]>`
    SELECT nth, menu_item_id, s.restaurant_id, m.name, low_stock, out_of_stock, last_at, all_low, all_out FROM (
      SELECT *, (sum(low_stock) OVER (PARTITION BY nth))::bigint AS all_low, (sum(out_of_stock) OVER (PARTITION BY nth))::bigint AS all_out,
        row_number() OVER (PARTITION BY nth ORDER BY out_of_stock DESC, low_stock DESC, menu_item_id) AS place
      FROM (
        SELECT width_bucket(happened_at, ${starts.map(iso)}::timestamptz[]) - 1 AS nth, menu_item_id, restaurant_id,
          count(*) FILTER (WHERE kind = 'LOW') AS low_stock, count(*) FILTER (WHERE kind = 'OUT') AS out_of_stock,
          max(happened_at) AS last_at
        FROM analytics_stock_alerts
        WHERE generation = ${generation} AND happened_at >= ${iso(range.from)}::timestamptz AND happened_at < ${iso(range.to)}::timestamptz ${theirs}
        GROUP BY 1, 2, 3) AS counts
    ) AS s LEFT JOIN menu_items m ON m.id = s.menu_item_id
    WHERE place <= ${limit}::int ORDER BY nth, place`;
}

const showAlerts = (rows: readonly AlertRow[]) => ({
  low_stock: Number(rows[0]?.all_low ?? 0),
  out_of_stock: Number(rows[0]?.all_out ?? 0),
  items: rows.map(({ menu_item_id, restaurant_id, name, low_stock, out_of_stock, last_at }) => ({
    menu_item_id,
    restaurant_id,
    name,
    low_stock: Number(low_stock),
    out_of_stock: Number(out_of_stock),
    last_at: last_at.toISOString(),
  })),
});
