import { newId } from '../ids';
import { bare, type Database } from '../service/database';
import { pause } from '../service/pause';

/** How often an instance renews its row. */
export const RECORD_EVERY_MS = 2_000;
/** So many times less often while it has provably nothing to do: a record that is older claims less, and never too much. */
export const QUIET_TIMES = 3;
/** One that lives has renewed its row within so many times that, busy or quiet. */
const SILENT_TIMES = QUIET_TIMES + 1;
const FORGET_AFTER = '1 hour';
/** Many may come again at once, and one look at what is in hand will do for them. */
const RENEW_AT_MOST_EVERY_MS = 100;
/** What the broker takes back it gives to the others in much less. */
const PASSED_ON_SECONDS = 1;

/**
 * An instance that has not renewed its row for so long counts no more. By then RabbitMQ has noticed too (a heartbeat
 * of ten seconds, missed twice) and given what it held to the others, whose rows speak for it from then on.
 */
export const LEASE_SECONDS = 45;

/** What an instance holds at a moment. */
export interface Holding {
  /** Ids of the events that it holds and has not settled. */
  eventIds: string[];
  /** Whether more may be waiting in the queue than what it holds. */
  moreMayWait: boolean;
}

export interface Progress {
  /** Puts the instance on record before it is given anything; how far it has come is not known yet. */
  begin(): Promise<void>;
  /** For an event that comes again: it may be older than what the record says is done. */
  renewSoon(): void;
  /**
   * Forgets the instances that the broker has no consumer of any more, and that are silent since: nobody need wait out
   * a lease for who was killed. What they held is with the others, so as many as the broker counts must have renewed
   * their rows since it was counted: then these speak for it.
   * @param attached how many consumers of its queue the broker counts, this one among them
   * @returns whether one is on record that the broker does not count
   */
  forgetDead(attached: number): Promise<boolean>;
  /**
   * @param gaveBack whether it leaves the queue with something that it has not done: then its row speaks for that until
   * the others' do
   */
  stop(gaveBack: boolean): Promise<void>;
}

/**
 * Keeps on record how far an instance of a consumer has come, for whoever has to know whether the mesh is behind
 * (deadlines, what was missed, the audit). It is what is provably done, by the database's clock and the relay's own
 * record of when it published what: the moment before the oldest event that the instance holds was published. With
 * nothing in hand that is now, where nothing waits in the queue either; where that is not proven, or with both hands
 * full of what is not in the log, nothing is known, and the record stays.
 * Beside that, which retry queues it uses (`ladder`).
 * @param holding undefined while it is not attached to its queue: then nothing is known, and nothing is renewed
 */
export function recordProgress(
  database: Database,
  consumer: string,
  holding: () => Promise<Holding | undefined>,
  onError: (error: unknown) => void,
  { ladder = [], everyMs = RECORD_EVERY_MS }: { ladder?: readonly string[]; everyMs?: number } = {},
): Progress {
  const instance = newId();
  const stopping = new AbortController();
  let resting = new AbortController();
  let uncountedSince: string | undefined;

  /** @returns whether there is nothing left to be recorded until something happens */
  async function record(held: Holding | undefined): Promise<boolean> {
    if (!held) return false;
    await bare(database).$executeRaw`
      WITH forgotten AS (
        DELETE FROM consumer_progress WHERE consumer = ${consumer} AND updated_at < now() - ${FORGET_AFTER}::interval
      ), oldest AS (
        SELECT min(published_at) AS published_at FROM event_log WHERE event_id = ANY(${held.eventIds}::uuid[])
      ), reached AS (
        SELECT coalesce(oldest.published_at, CASE WHEN ${held.moreMayWait} THEN NULL ELSE now() END) AS at FROM oldest
      )
      INSERT INTO consumer_progress (consumer, instance, caught_up_at, retry_delays)
      SELECT ${consumer}, ${instance}::uuid, coalesce(at, 'epoch'), ${ladder}::text[] FROM reached
      ON CONFLICT (consumer, instance) DO UPDATE
      SET caught_up_at = CASE WHEN excluded.caught_up_at = 'epoch' THEN consumer_progress.caught_up_at
                              ELSE excluded.caught_up_at END, updated_at = now()`;
    return held.eventIds.length === 0 && !held.moreMayWait;
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      resting = new AbortController();
      const isQuiet = await holding()
        .then(record)
        .catch((error: unknown) => {
          onError(error);
          return false;
        });
      await pause(Math.min(RENEW_AT_MOST_EVERY_MS, everyMs), stopping.signal);
      await pause((isQuiet ? QUIET_TIMES * everyMs : everyMs) - RENEW_AT_MOST_EVERY_MS, resting.signal);
    }
  })();
  return {
    renewSoon: () => resting.abort(),
    forgetDead: async (attached) => {
      const [found] = await bare(database).$queryRaw<{ uncounted: number; now: string }[]>`
        WITH instances AS (
          SELECT instance, updated_at, row_number() OVER (ORDER BY updated_at DESC) > ${attached} AS uncounted
          FROM consumer_progress WHERE consumer = ${consumer}
        ), forgotten AS (
          DELETE FROM consumer_progress p USING instances i
          WHERE p.consumer = ${consumer} AND p.instance = i.instance AND i.uncounted
            AND i.updated_at < now() - ${SILENT_TIMES * everyMs}::float8 * interval '1 millisecond'
            AND (SELECT min(updated_at) FROM instances WHERE NOT uncounted)
              > ${uncountedSince ?? null}::timestamptz + ${PASSED_ON_SECONDS}::float8 * interval '1 second'
          RETURNING 1
        )
        SELECT ((SELECT count(*) FROM instances WHERE uncounted) - (SELECT count(*) FROM forgotten))::int AS uncounted,
          now()::text AS now`;
      uncountedSince = found?.uncounted ? (uncountedSince ?? found.now) : undefined;
      return uncountedSince !== undefined;
    },
    begin: async () => void (await record({ eventIds: [], moreMayWait: true })),
    stop: async (gaveBack) => {
      stopping.abort();
      resting.abort();
      await running;
      if (gaveBack) return;
      await database.$executeRaw`
        DELETE FROM consumer_progress WHERE consumer = ${consumer} AND instance = ${instance}::uuid`.catch(
        onError,
      );
    },
  };
}
