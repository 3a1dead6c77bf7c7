import { briefly } from '../../shared/messaging/failure';
import { backoffMs } from '../../shared/service/backoff';
import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { pause } from '../../shared/service/pause';
import { within } from '../../shared/service/within';
import { openFollowers, type Followers } from './followers';
import { watchHeldBack } from './held-back';
import { changesBetween, lookAtHistory, movesOfOrders, movesOfRestaurants } from './read-moves';
import { afterLook, type Settled } from './settled-position';

/** Tells followers of every move, whoever made it: one reader of the history for all streams of a process. */
export interface MoveFeed {
  /** By order; told of a move as soon as it can be read, for versions have no gaps. */
  orders: Followers;
  /** By restaurant; told of a move once nothing can appear before it any more. */
  restaurants: Followers;
  /** Has it look at once: somebody follows, or can take more. */
  wake(): void;
  /**
   * How far the history is settled now, if the database says so in time; a moment is waited for those who are just writing.
   * Undefined while it cannot be told.
   */
  settledNow(): Promise<number | undefined>;
  /** Since when an open transaction has held restaurants' moves back; undefined where none has for long. */
  heldSince(): Date | undefined;
  stop(): Promise<void>;
}

/** Between two looks while nothing happens, after a move, and while somebody is just writing. */
const QUIET_MS = 500;
const LIVELY_MS = 250;
const WRITING_MS = 100;
/** No two looks are closer than this, whatever happens. */
const LEAST_MS = 20;
/** Looking shall cost a fifth of the time at most. */
const LOOKING_SHARE = 1 / 5;
/** How long after a move more are expected soon. */
const LIVELY_FOR_MS = 10_000;
/** Changes that are sorted by whom they concern; of more, everybody is taken to be concerned. */
const MOST_CHANGES = 1_000;
const SETTLE_LOOKS = 5;
const SETTLE_MS = 2_000;

/** @param onLost the history has lost its end, so that positions mean something else: streams have to begin anew */
export function openMoveFeed(database: Database, log: Logger, onLost: () => void): MoveFeed {
  const orders = openFollowers({
    keyOf: ({ told }) => told.order_id,
    positionOf: ({ told }) => told.version,
  });
  const restaurants = openFollowers({
    keyOf: ({ restaurantId }) => restaurantId,
    positionOf: ({ id }) => id,
  });
  const held = watchHeldBack(log);
  const looked = new Set<() => void>();
  let known: Settled | undefined;
  /** Whether followers were marked for everything up to what is known. */
  let isMarked = false;
  let waiting = 0;
  let livelyUntil = 0;
  let waker = new AbortController();
  let isStopping = false;

  const isWanted = () => orders.size + restaurants.size + waiting > 0;

  async function look(): Promise<void> {
    const before = known;
    known = afterLook(before, await lookAtHistory(database));
    if (before && known.newest < (before.settled ?? 0)) {
      log.warn({ was: before.settled, is: known.newest }, 'the history of orders has lost its end');
      isMarked = false;
      onLost();
    }
    held.note(before, known);
    await mark(before, known);
    const { settled } = known;
    await orders.tell((places, most) => movesOfOrders(database, places, most));
    if (settled !== undefined)
      await restaurants.tell((places, most) => movesOfRestaurants(database, places, settled, most));
    for (const resolve of looked) resolve();
  }

  /** Marks whom the changes between two looks concern. */
  async function mark(before: Settled | undefined, now: Settled): Promise<void> {
    if (isMarked && before && isSame(before, now)) return;
    const from = isMarked ? before?.settled : undefined;
    isMarked = false; // until it is done
    const changes =
      from === undefined ? [] : await changesBetween(database, from, now.newest, MOST_CHANGES + 1);
    if (from === undefined || changes.length > MOST_CHANGES) {
      orders.markAll();
      restaurants.markAll();
    }
    for (const { id, order_id, restaurant_id, version } of changes) {
      orders.mark(order_id, version);
      if (restaurant_id && id <= (now.settled ?? 0)) restaurants.mark(restaurant_id, id);
    }
    isMarked = true;
    livelyUntil = performance.now() + LIVELY_FOR_MS;
  }

  function pauseMs(): number {
    const isLate = orders.anyDue() || (known?.settled !== undefined && restaurants.anyDue());
    if (isLate) return LEAST_MS;
    if (held.isBrief()) return WRITING_MS;
    return performance.now() < livelyUntil ? LIVELY_MS : QUIET_MS;
  }

  /** Until so much time is over, or, after the shortest pause, until it is woken. */
  async function rest(ms: number): Promise<void> {
    await pause(LEAST_MS);
    if (ms > LEAST_MS) await pause(ms - LEAST_MS, waker.signal);
    waker = new AbortController();
  }

  const following = (async () => {
    let failures = 0;
    while (!isStopping) {
      // Looked at once before anybody asks: what is open then cannot be told apart later.
      if (!isWanted() && known?.settled !== undefined) {
        isMarked = false; // of what happens meanwhile, whoever comes next finds out for itself
        held.forget();
        await rest(FOREVER_MS);
        continue;
      }
      const startedAt = performance.now();
      try {
        await look();
        if (failures > 0) log.info('follows the history of orders again');
        failures = 0;
      } catch (error) {
        if (failures === 0)
          log.warn({ error: briefly(error) }, 'cannot follow the history of orders: streams wait');
        failures += 1;
      }
      const spent = performance.now() - startedAt;
      await rest(failures > 0 ? backoffMs(failures) : Math.max(pauseMs(), spent / LOOKING_SHARE));
    }
  })();

  const nextLook = () =>
    new Promise<void>((resolve) => {
      const done = () => {
        looked.delete(done);
        resolve();
      };
      looked.add(done);
      waker.abort();
    });

  async function settle(): Promise<void> {
    await nextLook();
    const target = known?.newest ?? 0;
    for (let looks = 1; looks < SETTLE_LOOKS && (known?.settled ?? -1) < target; looks += 1) await nextLook();
  }

  return {
    orders,
    restaurants,
    wake: () => waker.abort(),
    settledNow: async () => {
      waiting += 1;
      try {
        await within(SETTLE_MS, settle()).catch(() => undefined);
      } finally {
        waiting -= 1;
      }
      return known?.settled;
    },
    heldSince: () => held.since(),
    stop: async () => {
      isStopping = true;
      waker.abort();
      await within(1_000, following).catch(() => undefined); // a look at a database that hangs
    },
  };
}

const FOREVER_MS = 2 ** 31 - 1;

const isSame = (one: Settled, other: Settled) =>
  one.newest === other.newest &&
  one.settled === other.settled &&
  one.writers.size === other.writers.size &&
  [...one.writers.keys()].every((key) => other.writers.has(key));
