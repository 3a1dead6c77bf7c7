import { setImmediate as nextTurn } from 'node:timers/promises';

export interface GroupCommitOptions<Item, Result> {
  /** Does a group in one transaction. @returns for each item its result, or the error that is its own */
  commit: (group: readonly Item[]) => Promise<(Result | Error)[]>;
  /** Groups under way at a time. */
  lanes: number;
  /** Items of a group at most. */
  largest: number;
  /** How long an item waits for its group at most. */
  patienceMs: number;
  /** What an item is told that has waited for so long; nothing was done for it. */
  tooLate: () => Error;
}

const LOOK_EVERY_MS = 250;
/** Who came a moment ago may find the database well again. */
const NEWCOMER_MS = 1_000;

/**
 * Commits together what is asked for at the same time. An item that finds a lane free goes at once, with what else
 * came in the same turn of the event loop; in traffic those that come while all lanes are taken form the next
 * group, so that the busier it is, the less each of them costs.
 * @returns how to have an item committed; rejects with the item's own error, or with what its group failed with
 */
export function groupCommit<Item, Result>({
  commit,
  lanes,
  largest,
  patienceMs,
  tooLate,
}: GroupCommitOptions<Item, Result>): (item: Item) => Promise<Result> {
  interface Waiting {
    item: Item;
    until: number;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];
  let free = lanes;
  let looking: NodeJS.Timeout | undefined;

  /** Also while all lanes wait for a database that says nothing. */
  function turnAwayTheLate(): void {
    const now = performance.now();
    while (waiting[0] && waiting[0].until < now) waiting.shift()?.reject(tooLate());
    if (waiting.length > 0) return;
    clearInterval(looking);
    looking = undefined;
  }

  /** A database that let a whole group wait in vain would let the next one wait for as long once more. */
  function turnAwayWhoHasWaited(): void {
    const now = performance.now();
    const hasWaited = ({ until }: Waiting) => now - (until - patienceMs) > NEWCOMER_MS;
    for (const { reject } of waiting.filter(hasWaited)) reject(tooLate());
    waiting = waiting.filter((one) => !hasWaited(one));
  }

  async function run(): Promise<void> {
    await nextTurn();
    while (waiting.length > 0) {
      turnAwayTheLate();
      const group = waiting.slice(0, largest);
      waiting = waiting.slice(largest);
      if (group.length === 0) break;
      const begunAt = performance.now();
      try {
        const results = await commit(group.map(({ item }) => item));
        group.forEach(({ resolve, reject }, index) => {
          const result = results[index] as Result | Error;
          if (result instanceof Error) reject(result);
          else resolve(result);
        });
      } catch (error) {
        for (const { reject } of group) reject(error);
        if (performance.now() - begunAt > patienceMs / 2) turnAwayWhoHasWaited();
      }
    }
    free += 1;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, until: performance.now() + patienceMs, resolve, reject });
      looking ??= setInterval(turnAwayTheLate, LOOK_EVERY_MS).unref();
      if (free === 0) return;
      free -= 1;
      void run();
    });
}
