import { z } from 'zod';
import { route } from '../http/route';
import { bucketHead, inBuckets, makeReport, reportHead, unknownRestaurant } from './report';
import { readSales, SALES_COLUMNS, salesFields, salesRows, showSales, type Sales } from './sales';
import { bucketQuery } from './time-range';

export const getAnalyticsOrders = route({
  method: 'get',
  path: '/analytics/orders',
  name: 'getAnalyticsOrders',
  replicaMayAnswer: true,
  summary: 'Orders, revenue and cancellations by minute, hour or day',
  description: `Orders count in the minute in which they were placed, with all that became of them: a cancelled one takes its revenue back there.`,
  tag: 'Analytics',
  concerns: 'caller',
  csv: true,
  query: z.object(bucketQuery),
  answers: {
    200: {
      description: 'Every bucket of the range; as CSV, a line for each of its currencies',
      schema: z.object({ ...reportHead, buckets: z.array(z.object({ ...bucketHead, ...salesFields })) }),
    },
  },
  problems: unknownRestaurant,
  handle: ({ query }, { database, caller }) =>
    makeReport(database, caller, query, async (report) => {
      const buckets = inBuckets(report, await readSales(report), showSales);
      return {
        status: 200,
        body: { ...report.head, buckets },
        table: { name: 'orders', columns: COLUMNS, rows: buckets.flatMap(linesOf) },
      };
    }),
});

const COLUMNS = ['start', 'end', ...SALES_COLUMNS];

/** A bucket in which nothing was ordered has a line of its own, so that none is missing. */
function linesOf({ start, end, ...sales }: Sales & { start: string; end: string }) {
  const rows = salesRows(sales);
  return (rows.length > 0 ? rows : [['', 0, 0, 0, '', '']]).map((row) => [start, end, ...row]);
}
