import { z } from 'zod';
import { GRAINS } from '../../shared/analytics/read-models';
import { dayOrTime, id } from '../http/fields';
import { badParameters } from '../http/problem';
import { isTimeZone, zoneTime } from './zone-time';

const MINUTE = 60_000;
const DAY = 86_400_000;

export const buckets = ['minute', 'hour', 'day'] as const;
export type Bucket = (typeof buckets)[number];

/** What every report is asked for. */
export const rangeQuery = {
  restaurant_id: id.optional().meta({ description: 'One restaurant; without it, all that you may see' }),
  from: dayOrTime
    .optional()
    .meta({ description: 'From this minute, or day of the time zone, on; a day before `to` if absent' }),
  to: dayOrTime.optional().meta({
    description: 'Up to this minute, not included, or to the end of this day of the time zone; now if absent',
  }),
  time_zone: z
    .string()
    .refine(isTimeZone, { error: 'must be an IANA time zone, such as Asia/Kolkata' })
    .optional()
    .meta({ description: "Whose hours and days; the restaurant's if absent", example: 'Asia/Kolkata' }),
};

export const bucketQuery = {
  ...rangeQuery,
  bucket: z
    .enum(buckets, { error: 'must be minute, hour or day' })
    .optional()
    .meta({ description: 'Without it, the whole range is one bucket' }),
};

/** Half-open, in milliseconds since the epoch, of whole minutes. */
export interface TimeRange {
  from: number;
  to: number;
}

const SIZES: Record<Bucket, number> = { minute: MINUTE, hour: 60 * MINUTE, day: DAY };
export const MOST_BUCKETS = 1_500;
const [EARLIEST, LATEST] = [Date.UTC(1970, 0, 1), Date.UTC(2200, 0, 1)];

/**
 * The range that a request asks for, in whole minutes: a part of a minute counts as all of it. A day is one of the time
 * zone, and as `to` it is part of the range.
 * @throws {Problem} 400 naming the parameter of one that is empty, reversed, too long or outside of what can be asked about
 */
export function readRange(
  query: { from?: string | undefined; to?: string | undefined; bucket?: Bucket | undefined },
  timeZone: string,
  now = Date.now(),
): TimeRange {
  const { startOf, nextDay } = zoneTime(timeZone);
  const momentOf = (text: string | undefined, ofDay: (date: string) => number) =>
    text === undefined ? undefined : isDay(text) ? ofDay(text) : Date.parse(text);
  const asked = {
    from: momentOf(query.from ?? (query.to && isDay(query.to) ? query.to : undefined), startOf),
    to: momentOf(query.to, (date) => nextDay(startOf(date))),
  };
  const to = Math.ceil((asked.to ?? now) / MINUTE) * MINUTE;
  const from = asked.from === undefined ? to - DAY : Math.floor(asked.from / MINUTE) * MINUTE;
  const last = query.to ? 'to' : 'from';
  for (const [name, time] of [
    ['to', to],
    ['from', from],
  ] as const)
    if (time < EARLIEST || time > LATEST) throw bad(query[name] ? name : last, 'must be from 1970 to 2200');
  // As they were sent: within one minute, too.
  const isReversed = asked.from !== undefined && asked.to !== undefined && asked.from >= asked.to;
  if (from >= to || isReversed)
    throw bad(last, `must be ${last === 'to' ? 'later than `from`' : 'earlier than now'}`);
  const size = SIZES[query.bucket ?? 'day'];
  const count = Math.ceil((to - from) / size);
  if (count > MOST_BUCKETS) {
    const most = `at most ${MOST_BUCKETS} ${query.bucket ?? 'day'}s`;
    throw bad(
      query.from ? 'from' : 'to',
      `makes the range too long: ${count} ${query.bucket ?? 'day'}s, and may be ${most}`,
    );
  }
  return { from, to };
}

const isDay = (text: string) => text.length === 'yyyy-mm-dd'.length;

const bad = (name: string, detail: string) => badParameters([{ pointer: `#/${name}`, detail, in: 'query' }]);

/**
 * Where the buckets of a range begin: the first with the range, the others with a minute, hour or day of the time
 * zone. A day is as long as it is there, 23 or 25 hours where clocks change; so may an hour be.
 */
export function bucketStarts(
  { from, to }: TimeRange,
  bucket: Bucket | undefined,
  timeZone: string,
): number[] {
  const starts = [from];
  if (!bucket) return starts;
  const { nextHour, nextDay } = zoneTime(timeZone);
  const next = { minute: (time: number) => time + MINUTE, hour: nextHour, day: nextDay }[bucket];
  for (let start = next(from); start < to; start = next(start)) starts.push(start);
  return starts;
}

/** A part of a range, and the grain of the counts that it is read from. */
export interface Piece extends TimeRange {
  grain: number;
}

/**
 * The fewest counts that make up a range: coarse ones inside, fine ones at its ends. Hours and days of a time zone
 * begin with a quarter of an hour, so that those are as coarse as buckets can be; a range that is one bucket may have days.
 */
export function piecesOf(range: TimeRange, bucket: Bucket | undefined): Piece[] {
  const { minute, quarter, day } = GRAINS;
  const grains = { minute: [minute], hour: [minute, quarter], day: [minute, quarter] };
  return cut(range, bucket ? grains[bucket] : [minute, quarter, day]);
}

function cut({ from, to }: TimeRange, grains: readonly number[]): Piece[] {
  if (from >= to) return [];
  const [coarse = 1, finer] = [grains.at(-1), grains.slice(0, -1)];
  const step = coarse * MINUTE;
  const [first, last] = [Math.ceil(from / step) * step, Math.floor(to / step) * step];
  if (first >= last) return cut({ from, to }, finer);
  return [
    ...cut({ from, to: first }, finer),
    { from: first, to: last, grain: coarse },
    ...cut({ from: last, to }, finer),
  ];
}
