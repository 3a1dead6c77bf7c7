import { z } from 'zod';
import { EVERYWHERE } from '../../shared/analytics/read-models';
import { decimalsOf, MOST_DECIMALS } from '../../shared/currency';
import { groupBy } from '../../shared/group-by';
import { Decimal } from '../../shared/money';
import { Prisma, type Database, type ModelTx } from '../../shared/service/database';
import type { Caller } from '../access/caller';
import { restaurantsFor } from '../access/own';
import { timestamp, uuid } from '../http/fields';
import { notFound } from '../http/problem';
import { bucketStarts, piecesOf, readRange, type Bucket, type TimeRange } from './time-range';

/** What every report begins with. */
export const reportHead = {
  restaurant_id: uuid.nullable().meta({ description: 'null where it is about several' }),
  from: timestamp,
  to: timestamp,
  time_zone: z.string(),
  history_since: timestamp
    .nullable()
    .meta({ description: 'Orders placed since then are all counted; of earlier ones, some or none' }),
};

export const bucketHead = { start: timestamp, end: timestamp };

/** 404 of a report. */
export const unknownRestaurant = { 404: 'There is no such restaurant' } as const;

/** One look at the read models: what is asked about, and where that is counted. */
export interface Report {
  tx: ModelTx;
  generation: number;
  /** Whose counts make up the answer; `undefined` in {@link restaurants} stands for everybody. */
  scopes: readonly string[];
  restaurants: readonly string[] | undefined;
  range: TimeRange;
  bucket: Bucket | undefined;
  starts: readonly number[];
  head: z.output<z.ZodObject<typeof reportHead>>;
}

interface Asked {
  restaurant_id?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  time_zone?: string | undefined;
  bucket?: Bucket | undefined;
}

/**
 * Reads a report in one snapshot: its numbers fit together, and a rebuild that ends meanwhile changes none of them.
 * @throws {Problem} 400 for a range that cannot be asked about, 403 for another's restaurant, 404 for none
 */
export async function makeReport<T>(
  database: Database,
  caller: Caller,
  asked: Asked,
  read: (report: Report) => Promise<T>,
): Promise<T> {
  const theirs = restaurantsFor(caller, asked.restaurant_id);
  const restaurants = asked.restaurant_id ? [asked.restaurant_id] : theirs;
  return database.$transaction(
    async (tx) => {
      const { generation, since } = await liveModels(tx);
      const time_zone = asked.time_zone ?? (await zoneOf(tx, restaurants));
      const range = readRange(asked, time_zone);
      if (asked.restaurant_id) await checkExists(tx, asked.restaurant_id);
      return read({
        tx,
        generation,
        scopes: restaurants ?? [EVERYWHERE],
        restaurants,
        range,
        bucket: asked.bucket,
        starts: bucketStarts(range, asked.bucket, time_zone),
        head: {
          restaurant_id: asked.restaurant_id ?? null,
          from: iso(range.from),
          to: iso(range.to),
          time_zone,
          history_since: since?.toISOString() ?? null,
        },
      });
    },
    { isolationLevel: 'RepeatableRead' },
  );
}

export const iso = (time: number) => new Date(time).toISOString();

async function liveModels(tx: ModelTx): Promise<{ generation: number; since: Date | null }> {
  const [live] = await tx.$queryRaw<{ generation: number; since: Date | null }[]>`
    SELECT id AS generation, coalesce(complete_since, (SELECT max(since) FROM subscriptions
      WHERE consumer = 'analytics-service' AND event_type = 'order.placed.v1' AND until IS NULL)) AS since
    FROM analytics_generations WHERE state = 'LIVE'`;
  if (!live) throw new Error('no generation of the read models is LIVE');
  return live;
}

async function checkExists(tx: ModelTx, restaurantId: string): Promise<void> {
  const found = await tx.restaurant.findUnique({ where: { id: restaurantId }, select: { id: true } });
  if (!found) throw notFound(`There is no restaurant ${restaurantId}.`);
}

/** The time zone that all of them share; UTC where they have several, or there are none. */
async function zoneOf(tx: ModelTx, restaurants: readonly string[] | undefined): Promise<string> {
  const among = restaurants ? Prisma.sql`WHERE id = ANY(${[...restaurants]}::uuid[])` : Prisma.empty;
  const [zones] = await tx.$queryRaw<{ first: string | null; last: string | null }[]>`
    SELECT min(time_zone) AS first, max(time_zone) AS last FROM restaurants ${among}`;
  return zones?.first && zones.first === zones.last ? zones.first : 'UTC';
}

/** The rows of one of the read models that a report is made of, each with the place of its bucket (`nth`, from 0). */
export function countsFor(
  { generation, scopes, range, bucket, starts }: Report,
  table: 'analytics_sales' | 'analytics_item_sales' | 'analytics_lead_times',
  of: readonly string[] = scopes,
): Prisma.Sql {
  const pieces = piecesOf(range, bucket);
  const times = (list: readonly number[]) => list.map(iso);
  return Prisma.sql`
    SELECT width_bucket(c.bucket, ${times(starts)}::timestamptz[]) - 1 AS nth, c.*
    FROM unnest(${[...of]}::uuid[]) AS scope (id)
    CROSS JOIN unnest(${pieces.map(({ grain }) => grain)}::int[], ${times(pieces.map(({ from }) => from))}::timestamptz[],
      ${times(pieces.map(({ to }) => to))}::timestamptz[]) AS piece (grain, since, until)
    CROSS JOIN LATERAL (SELECT * FROM ${Prisma.raw(table)} t
      WHERE t.generation = ${generation} AND t.grain = piece.grain AND t.restaurant_id = scope.id
        AND t.bucket >= piece.since AND t.bucket < piece.until) AS c`;
}

/** The buckets of a report, each with what was found for it. */
export function inBuckets<Row extends { nth: number }, T>(
  { starts, range }: Report,
  rows: readonly Row[],
  show: (rows: Row[]) => T,
): (T & { start: string; end: string })[] {
  const byPlace = groupBy(rows, ({ nth }) => nth);
  return starts.map((start, nth) => ({
    start: iso(start),
    end: iso(starts[nth + 1] ?? range.to),
    ...show(byPlace.get(nth) ?? []),
  }));
}

/** An amount with the decimals of its currency, and more where there are more: nothing is rounded. */
export function showAmount(amount: Decimal.Value, currency: string): string {
  const exact = new Decimal(amount);
  return exact.toFixed(Math.max(decimalsOf(currency) ?? MOST_DECIMALS, exact.decimalPlaces()));
}
