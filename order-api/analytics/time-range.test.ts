import fc from 'fast-check';
import type { Problem } from '../http/problem';
import { bucketStarts, buckets, piecesOf, readRange } from './time-range';

const at = (text: string) => Date.parse(text);
const hours = (starts: readonly number[], to: number) =>
  starts.map((start, index) => ((starts[index + 1] ?? to) - start) / 3_600_000);

describe('days are those of the time zone', () => {
  it.each([
    // [zone, midnight before, midnight after, hours of the days between]
    ['Asia/Kolkata', '2026-11-20T18:30:00Z', '2026-11-22T18:30:00Z', [24, 24]],
    ['Europe/Berlin', '2026-03-27T23:00:00Z', '2026-03-29T22:00:00Z', [24, 23]],
    ['Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-26T23:00:00Z', [25, 24]],
    ['America/New_York', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z', [25]],
    ['Australia/Lord_Howe', '2026-10-03T13:30:00Z', '2026-10-04T13:00:00Z', [23.5]],
    ['Africa/Cairo', '2026-04-22T22:00:00Z', '2026-04-24T21:00:00Z', [24, 23]], // its midnight does not exist
    ['Pacific/Apia', '2011-12-29T10:00:00Z', '2011-12-31T10:00:00Z', [24, 24]], // nor did its 30 December
    ['Asia/Kathmandu', '2026-11-20T18:15:00Z', '2026-11-21T18:15:00Z', [24]],
  ])('%s from %s', (zone, from, to, lengths) => {
    const range = { from: at(from), to: at(to) };
    expect(hours(bucketStarts(range, 'day', zone), range.to)).toEqual(lengths);
  });

  it('a day of 25 hours has 25 of them, and one hour twice', () => {
    const range = { from: at('2026-10-24T22:00:00Z'), to: at('2026-10-25T23:00:00Z') };
    expect(bucketStarts(range, 'hour', 'Europe/Berlin')).toHaveLength(25);
  });

  it('begins and ends with the range, whole or not', () => {
    const range = { from: at('2026-11-20T10:07:00Z'), to: at('2026-11-20T12:01:00Z') };
    expect(hours(bucketStarts(range, 'hour', 'UTC'), range.to)).toEqual([53 / 60, 1, 1 / 60]);
    expect(bucketStarts(range, undefined, 'UTC')).toEqual([range.from]);
    expect(bucketStarts(range, 'minute', 'UTC')).toHaveLength(114);
  });
});

const zones = [
  'Asia/Kolkata',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Pacific/Chatham',
  'Africa/Cairo',
  'UTC',
];
const [MINUTE, YEAR] = [60_000, 366 * 1440];
const range = fc
  .tuple(fc.nat(YEAR), fc.integer({ min: 1, max: 6_000 }))
  .map(([from, length]) => ({ from: at('2026-03-01T00:00:00Z') + from * MINUTE, length: length * MINUTE }))
  .map(({ from, length }) => ({ from, to: from + length }));

it('every minute of a range is in one piece, and what is counted by a coarser grain in one bucket', () => {
  fc.assert(
    fc.property(
      range,
      fc.constantFrom(undefined, ...buckets),
      fc.constantFrom(...zones),
      (given, bucket, zone) => {
        const pieces = piecesOf(given, bucket);
        expect([pieces[0]?.from, pieces.at(-1)?.to]).toEqual([given.from, given.to]);
        const gaps = pieces.slice(1).filter((piece, index) => piece.from !== pieces[index]!.to);
        const crooked = pieces.filter(
          ({ from, to, grain }) => from >= to || from % (grain * MINUTE) !== 0 || to % (grain * MINUTE) !== 0,
        );
        const starts = bucketStarts(given, bucket, zone).slice(1);
        const split = starts.filter((start) =>
          pieces.some(({ from, to, grain }) => from < start && start < to && start % (grain * MINUTE) !== 0),
        );
        expect({ gaps, crooked, split }).toEqual({ gaps: [], crooked: [], split: [] });
      },
    ),
    { numRuns: 300 },
  );
});

describe('a range that cannot be asked about is refused by the name of what is wrong', () => {
  const now = at('2026-11-29T08:30:20Z');
  const refused = (query: Parameters<typeof readRange>[0]) => {
    try {
      return readRange(query, 'UTC', now);
    } catch (error) {
      const [first] = (error as Problem).options.errors ?? [];
      return `${first?.pointer} ${first?.detail}`;
    }
  };
  it.each([
    [{ from: '2026-11-20T00:00:00Z', to: '2026-11-20T00:00:00Z' }, '#/to must be later'],
    [{ from: '2026-11-20T08:00:30.5Z', to: '2026-11-20T08:00:30.5Z' }, '#/to must be later'],
    [{ from: '2026-11-20T08:00:30Z', to: '2026-11-20T08:00:10Z' }, '#/to must be later'],
    [{ from: '2026-11-21T00:00:00Z', to: '2026-11-20T00:00:00Z' }, '#/to must be later'],
    [{ from: '2026-11-21', to: '2026-11-20' }, '#/to must be later'],
    [{ from: '2026-11-30' }, '#/from must be earlier than now'],
    [{ from: '1926-11-21' }, '#/from must be from 1970'],
    [{ to: '9999-12-31' }, '#/to must be from 1970'],
    [{ from: '2026-12-21T00:00:00Z' }, '#/from must be earlier than now'],
    [{ from: '1926-11-21T00:00:00Z' }, '#/from must be from 1970'],
    [{ to: '9999-12-31T23:59:59Z' }, '#/to must be from 1970'],
    [{ to: '0001-01-01T00:00:00Z' }, '#/to must be from 1970'],
    [
      { from: '2000-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' },
      '#/from makes the range too long: 36525 days',
    ],
    [
      { from: '2026-11-20T00:00:00Z', to: '2026-11-29T00:00:00Z', bucket: 'minute' as const },
      '#/from makes the range too long: 12960 minutes',
    ],
    [{ from: '2025-11-20T00:00:00Z', bucket: 'hour' as const }, '#/from makes the range too long'],
  ])('%j', (query, words) => expect(refused(query)).toContain(words));

  it('else it is in whole minutes, and a day where nothing is said', () => {
    expect(readRange({}, 'UTC', now)).toEqual({
      from: at('2026-11-28T08:31:00Z'),
      to: at('2026-11-29T08:31:00Z'),
    });
    const within = { from: '2026-11-29T08:29:59.999Z', to: '2026-11-29T08:30:00.001Z' };
    expect(readRange(within, 'UTC', now)).toEqual({
      from: at('2026-11-29T08:29:00Z'),
      to: at('2026-11-29T08:31:00Z'),
    });
  });
});

describe('a day is all of it, in the time zone', () => {
  it.each([
    // [zone, from, to, begins, ends]
    ['Asia/Kolkata', '2026-11-01', '2026-11-30', '2026-10-31T18:30:00Z', '2026-11-30T18:30:00Z'],
    ['Pacific/Kiritimati', '2026-11-29', '2026-11-29', '2026-11-28T10:00:00Z', '2026-11-29T10:00:00Z'],
    ['Etc/GMT+12', '2026-11-29', '2026-11-29', '2026-11-29T12:00:00Z', '2026-11-30T12:00:00Z'],
    ['America/New_York', '2026-11-01', '2026-11-01', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z'],
    ['Africa/Cairo', '2026-04-24', '2026-04-24', '2026-04-23T22:00:00Z', '2026-04-24T21:00:00Z'],
    ['Pacific/Apia', '2011-12-29', '2011-12-30', '2011-12-29T10:00:00Z', '2011-12-31T10:00:00Z'],
    ['UTC', undefined, '2024-02-29', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['UTC', '2024-02-29', '2024-02-29T08:00:00Z', '2024-02-29T00:00:00Z', '2024-02-29T08:00:00Z'],
  ])('%s from %s to %s', (zone, from, to, begins, ends) => {
    expect(readRange({ from, to }, zone)).toEqual({ from: at(begins), to: at(ends) });
  });
});
