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
  /**
   * Forgets the instances that the broker has no consumer of any more, and that are silent since: what they held is
   * with the others, and nobody need wait out a lease for who was killed.
   * @param attached how many consumers of its queue the broker counts, this one among them
   */
  forgetDead(attached: number): Promise<void>;
  /** Leaves nothing on record: what it held goes back to the queue, for the others to speak for. */
  stop(): Promise<void>;
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
      const isQuiet = await holding()
        .then(record)
        .catch((error: unknown) => {
          onError(error);
          return false;
        });
      await pause(isQuiet ? QUIET_TIMES * everyMs : everyMs, stopping.signal);
    }
  })();
  return {
    forgetDead: async (attached) => {
      await bare(database).$executeRaw`
        DELETE FROM consumer_progress
        WHERE consumer = ${consumer} AND instance IN (
          SELECT instance FROM consumer_progress WHERE consumer = ${consumer} ORDER BY updated_at DESC OFFSET ${attached}
        ) AND updated_at < now() - ${SILENT_TIMES * everyMs}::float8 * interval '1 millisecond'`;
    },
    begin: async () => void (await record({ eventIds: [], moreMayWait: true })),
    stop: async () => {
      stopping.abort();
      await running;
      await database.$executeRaw`
        DELETE FROM consumer_progress WHERE consumer = ${consumer} AND instance = ${instance}::uuid`.catch(
        onError,
      );
    },
  };
}
