import { briefly } from '../../shared/messaging/failure';
import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { pause } from '../../shared/service/pause';
import { within } from '../../shared/service/within';

const EVERY_MS = 60_000;
/** Rows a statement: short enough to be in nobody's way. */
const AT_ONCE = 2_000;

/** Deletes a batch of keys whose time is over; instances that do it at the same time take different ones. @returns how many */
export const forgetSome = (database: Database): Promise<number> => database.$executeRaw`
  DELETE FROM idempotency_keys WHERE key_hash IN (
    SELECT key_hash FROM idempotency_keys WHERE expires_at < now() LIMIT ${AT_ONCE}::int
    FOR UPDATE SKIP LOCKED)`;

/** Deletes idempotency keys whose time is over, for as long as the service runs. */
export function forgetKeys(database: Database, log: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await pause(EVERY_MS, stopping.signal);
      try {
        while (!stopping.signal.aborted && (await forgetSome(database)) === AT_ONCE);
      } catch (error) {
        log.warn({ error: briefly(error) }, 'could not delete old idempotency keys; trying again later');
      }
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await within(1_000, running).catch(() => undefined);
    },
  };
}
