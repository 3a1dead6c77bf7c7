import { z } from 'zod';
import { Prisma } from '../../shared/service/database';
import { route } from '../http/route';
import { makeReport, reportHead, unknownRestaurant, type Report } from './report';
import { readSales, SALES_COLUMNS, salesFields, salesRows, showSales } from './sales';
import { rangeQuery } from './time-range';

const openStatuses = ['PLACED', 'PREPARING', 'OUT_FOR_DELIVERY'] as const;

const open = z.int().meta({ example: 3 });

export const getAnalyticsSummary = route({
  method: 'get',
  path: '/analytics/summary',
  name: 'getAnalyticsSummary',
  replicaMayAnswer: true,
  summary: 'What a stretch of time came to',
  description:
    'Orders count in the minute in which they were placed, with all that became of them. `open_orders` is now, whatever the range.',
  tag: 'Analytics',
  concerns: 'caller',
  csv: true,
  query: z.object(rangeQuery),
  answers: {
    200: {
      description: 'The summary; as CSV, a line for each currency',
      schema: z.object({
        ...reportHead,
        ...salesFields,
        open_orders: z.object({ PLACED: open, PREPARING: open, OUT_FOR_DELIVERY: open }),
      }),
    },
  },
  problems: unknownRestaurant,
  handle: ({ query }, { database, caller }) =>
    makeReport(database, caller, query, async (report) => {
      const sales = showSales(await readSales(report));
      return {
        status: 200,
        body: { ...report.head, ...sales, open_orders: await readOpen(report) },
        table: {
          name: 'summary',
          columns: ['from', 'to', ...SALES_COLUMNS],
          rows: salesRows(sales).map((row) => [report.head.from, report.head.to, ...row]),
        },
      };
    }),
});

async function readOpen({ tx, generation, restaurants }: Report) {
  const theirs = restaurants
    ? Prisma.sql`AND restaurant_id = ANY(${[...restaurants]}::uuid[])`
    : Prisma.empty;
  const rows = await tx.$queryRaw<{ status: string; orders: bigint }[]>`
    SELECT status, sum(orders)::bigint AS orders FROM analytics_open_orders
    WHERE generation = ${generation} ${theirs} GROUP BY status`;
  const of = (status: string) => Number(rows.find((row) => row.status === status)?.orders ?? 0);
  const [PLACED, PREPARING, OUT_FOR_DELIVERY] = openStatuses.map(of) as [number, number, number];
  return { PLACED, PREPARING, OUT_FOR_DELIVERY };
}
