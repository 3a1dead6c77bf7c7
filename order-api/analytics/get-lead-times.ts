import { z } from 'zod';
import { secondsOfBin, stages } from '../../shared/analytics/read-models';
import { openEnum } from '../http/fields';
import { route } from '../http/route';
import {
  bucketHead,
  countsFor,
  inBuckets,
  makeReport,
  reportHead,
  unknownRestaurant,
  type Report,
} from './report';
import { bucketQuery } from './time-range';

const seconds = z.number().nullable().meta({ description: 'In seconds, within 2.5%', example: 42.5 });
const stage = z.object({
  stage: openEnum(stages),
  orders: z.int().meta({ description: 'That have come that far', example: 12 }),
  p50: seconds,
  p90: seconds,
  p99: seconds,
});

export const getAnalyticsLeadTimes = route({
  method: 'get',
  path: '/analytics/lead-times',
  name: 'getAnalyticsLeadTimes',
  replicaMayAnswer: true,
  summary: 'How long orders took, from placed to preparing to delivered',
  description: 'Of the orders that were placed in each bucket. `p90`: nine of ten took no longer.',
  tag: 'Analytics',
  concerns: 'caller',
  csv: true,
  query: z.object(bucketQuery),
  answers: {
    200: {
      description: 'Every stage in every bucket; as CSV, a line for each',
      schema: z.object({
        ...reportHead,
        buckets: z.array(z.object({ ...bucketHead, stages: z.array(stage) })),
      }),
    },
  },
  problems: unknownRestaurant,
  handle: ({ query }, { database, caller }) =>
    makeReport(database, caller, query, async (report) => {
      const buckets = inBuckets(report, await readStages(report), showStages);
      const lines = buckets.flatMap(({ start, end, stages: all }) =>
        all.map(({ stage: name, orders, p50, p90, p99 }) => [start, end, name, orders, p50, p90, p99]),
      );
      return {
        status: 200,
        body: { ...report.head, buckets },
        table: {
          name: 'lead-times',
          columns: ['start', 'end', 'stage', 'orders', 'p50', 'p90', 'p99'],
          rows: lines,
        },
      };
    }),
});

interface StageRow {
  nth: number;
  stage: string;
  orders: bigint;
  p50: number;
  p90: number;
  p99: number;
}

/** The bin in which each share of the orders is reached, the quickest first. */
const readStages = (report: Report): Promise<StageRow[]> => report.tx.$queryRaw<StageRow[]>`
  SELECT nth, stage, total::bigint AS orders, min(bin) FILTER (WHERE reached >= 0.5 * total) AS p50,
    min(bin) FILTER (WHERE reached >= 0.9 * total) AS p90, min(bin) FILTER (WHERE reached >= 0.99 * total) AS p99
  FROM (
    SELECT nth, stage, bin, sum(orders) OVER (PARTITION BY nth, stage ORDER BY bin) AS reached,
      sum(orders) OVER (PARTITION BY nth, stage) AS total
    FROM (SELECT nth, stage, bin, sum(orders) AS orders FROM (${countsFor(report, 'analytics_lead_times')}) AS counts
          GROUP BY nth, stage, bin) AS bins
  ) AS shares GROUP BY nth, stage, total`;

const showBin = (bin: number) => Number(secondsOfBin(bin).toPrecision(3));

function showStages(rows: readonly StageRow[]) {
  return {
    stages: stages.map((name) => {
      const row = rows.find((one) => one.stage === name);
      if (!row) return { stage: name, orders: 0, p50: null, p90: null, p99: null };
      const { orders, p50, p90, p99 } = row;
      return { stage: name, orders: Number(orders), p50: showBin(p50), p90: showBin(p90), p99: showBin(p99) };
    }),
  };
}
