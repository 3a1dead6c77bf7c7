import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { Signal } from '../../shared/service/signal';
import { within } from '../../shared/service/within';
import { pause } from '../../shared/service/pause';
import { briefly } from '../../shared/messaging/failure';
import { overloaded } from '../http/problem';

/** The orders that are placed and not decided yet: the mesh's queue, as order-api can see it. */
export interface Backlog {
  isFull(): boolean;
  /** @throws {Problem} 503 while as many wait as may */
  refuseWhenFull(): void;
}

const EVERY_MS = 1_000;
/** Looking shall cost a twentieth of the time at most, however many there are to count. */
const LOOKING_SHARE = 1 / 20;
const RETRY_AFTER_S = 5;
/** The longest that a timer can take. */
const UNTIL_ASKED_MS = 2 ** 31 - 1;

export const noBound: Backlog = { isFull: () => false, refuseWhenFull: () => undefined };

/**
 * Watches the backlog, a look a second while orders come: it is bounded to about `most`, by what else is placed in that
 * second. While none comes, and none would be refused, nobody looks.
 * @param most orders; far more than wait in good times, for it is also what an outage of the broker may hold back
 */
export function watchBacklog(
  database: Database,
  most: number,
  log: Logger,
): Backlog & { stop(): Promise<void> } {
  const stopping = new AbortController();
  const asked = new Signal();
  let full = false;
  let blind = false;

  async function look(): Promise<void> {
    const [row] = await database.$queryRaw<{ waiting: number }[]>`
      SELECT count(*)::int AS waiting FROM (SELECT FROM orders WHERE status = 'PLACED' LIMIT ${most}) AS placed`;
    const waiting = row?.waiting ?? 0;
    if (waiting >= most !== full)
      log.warn({ waiting, most }, full ? 'takes orders again' : 'refusing orders: too many are waiting');
    full = waiting >= most;
    if (blind) log.info('counts waiting orders again');
    blind = false;
  }

  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const seen = asked.given;
      await look().catch((error: unknown) => {
        // Once an outage: until then what was seen last holds.
        if (!blind)
          log.warn(
            { error: briefly(error) },
            'cannot count waiting orders: MAX_WAITING_ORDERS is not enforced',
          );
        blind = true;
      });
      const pauseMs = Math.max(EVERY_MS, (performance.now() - startedAt) / LOOKING_SHARE);
      await pause(pauseMs, stopping.signal);
      if (!full && !blind) await asked.after(seen, UNTIL_ASKED_MS, stopping.signal);
    }
  })();

  const isFull = () => {
    asked.give();
    return full;
  };
  return {
    isFull,
    refuseWhenFull: () => {
      if (isFull())
        throw overloaded(`${most} orders wait to be decided, and more are not taken on.`, RETRY_AFTER_S);
    },
    stop: async () => {
      stopping.abort();
      await within(1_000, watching).catch(() => undefined); // a look at a database that hangs
    },
  };
}
