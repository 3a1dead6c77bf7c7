import { newId } from '../ids';
import type { Database } from '../service/database';
import { pause } from '../service/pause';

const EVERY_MS = 2_000;
// An instance that has not been heard of for so long is gone, and its row with it.
const FORGET_AFTER = '1 hour';

/**
 * Keeps on record how far a consumer has come, for whoever has to know whether the mesh is behind
 * (deadlines, the audit): an idle consumer has caught up to now, a busy one to the event in hand.
 * @returns how to stop, which leaves the last word on record
 */
export function recordProgress(
  database: Database,
  consumer: string,
  caughtUpAt: () => Date | undefined,
  onError: (error: unknown) => void,
): () => Promise<void> {
  const instance = newId();
  const stopping = new AbortController();

  async function record(): Promise<void> {
    const time = caughtUpAt();
    if (!time) return;
    await database.$executeRaw`
      WITH forgotten AS (
        DELETE FROM consumer_progress WHERE consumer = ${consumer} AND updated_at < now() - ${FORGET_AFTER}::interval
      )
      INSERT INTO consumer_progress (consumer, instance, caught_up_at) VALUES (${consumer}, ${instance}::uuid, ${time}::timestamptz)
      ON CONFLICT (consumer, instance) DO UPDATE
      SET caught_up_at = greatest(consumer_progress.caught_up_at, excluded.caught_up_at), updated_at = now()`;
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await record().catch(onError);
      await pause(EVERY_MS, stopping.signal);
    }
  })();
  return async () => {
    stopping.abort();
    await running;
  };
}
