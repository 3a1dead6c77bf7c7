import { Prisma } from '../../shared/service/database';

/** Ids above `after`, up to and including `upTo`: what one statement judges. */
export interface Range {
  after: string;
  upTo: string;
}

/** What every check is told. */
export interface Settings {
  /** What is under way for longer than this is no longer excused. */
  graceMs: number;
  /** The longest wait before a failed delivery is tried again: for so long more it is under way. */
  longestRetryMs: number;
  /** So long a dead letter may wait for somebody to decide. */
  deadLetterGraceMs: number;
  /** Dead letters on record that are in no queue any more, as far as that is known. */
  gone: readonly { consumer: string; event_id: string }[];
  /** The first ids of which history is complete: what is older may have been dropped. */
  judgedFrom: { eventLog: string; processedEvents: string };
}

/** `under way` is counted and never reported as wrong. */
export type Verdict = 'violation' | 'warning' | 'under way';

/** One row that is not as it should be. */
export interface Finding {
  verdict: Exclude<Verdict, 'under way'>;
  /** The id of the order, item, event or adjustment. */
  subject: string;
  problem: string;
}

/** An event that may still put right what a check found. */
export interface Remedy {
  type: string;
  /** The consumer that would do it. */
  consumer: string;
}

/** One promise, and the statement that finds what breaks it. */
export interface Check {
  /** For `--only` and for programs. */
  name: string;
  /** The promise, in words. */
  promise: string;
  /**
   * A query for `subject` (text) and `problem` (text) of what is wrong within the range, and `verdict`
   * (text) where that is not always a violation. It is complete in itself: all that it compares, it reads
   * in this one statement, or the snapshot of the statement after it.
   */
  find(range: Range, settings: Settings): Prisma.Sql;
  /**
   * Set where only a quiet subject can be judged: what the statement finds is excused while one of these
   * events about `about` (text; one more column) is on its way.
   */
  remedies?: readonly Remedy[];
}

/** Checks over the same kind of thing, made range by range. */
export interface Pass {
  /** What is counted: `orders`. */
  unit: string;
  /** The index that ranges are cut from; without one, all is one range. */
  walk?: { table: string; column: string };
  /** The id after which there is something to judge; without it, all is judged. */
  after?(settings: Settings): string;
  /** How many there are within a range. */
  count(range: Range): Prisma.Sql;
  checks: readonly Check[];
}

/** The condition that an id column lies within a range. */
export const inRange = (column: string, { after, upTo }: Range): Prisma.Sql =>
  Prisma.sql`${Prisma.raw(column)} > ${after}::uuid AND ${Prisma.raw(column)} <= ${upTo}::uuid`;

/** The moment before which nothing is excused as being under way. */
export const graceBegan = ({ graceMs }: Settings): Prisma.Sql => graceBeganFor(graceMs);

/** The moment so many milliseconds ago. */
export const graceBeganFor = (ms: number): Prisma.Sql =>
  Prisma.sql`(now() - ${ms}::float8 * interval '1 millisecond')`;

/** The parts that somebody has paused, or had paused within the grace: what waits for them waits as it was meant to. */
export const pausedOfLate = (settings: Settings): Prisma.Sql =>
  Prisma.sql`SELECT part FROM pauses WHERE coalesce(resumed_at, now()) >= ${graceBegan(settings)}`;

/** Whether the payment gateway is not asked because somebody wants it so. */
export const gatewayPaused = (settings: Settings): Prisma.Sql =>
  Prisma.sql`EXISTS (SELECT FROM (${pausedOfLate(settings)}) z WHERE part IN ('gateway', 'payment-service'))`;

/** Counts a table's rows whose id lies within a range. */
export const countIn = (table: string, column: string) => (range: Range) =>
  Prisma.sql`SELECT count(*)::int AS count FROM ${Prisma.raw(table)} WHERE ${inRange(column, range)}`;
