import { setTimeout as wait } from 'node:timers/promises';

/**
 * Spreads calls evenly: each resolves when its turn has come, `perSecond` of them a second at most, or at
 * once when the signal is given. Time that was not used is not saved up for a burst.
 */
export function pace(perSecond: number, signal: AbortSignal): () => Promise<void> {
  const gap = 1_000 / perSecond;
  let next = 0;
  return async () => {
    const now = performance.now();
    const turn = Math.max(next, now);
    next = turn + gap;
    // A timer is no finer than a millisecond; below that the next ones make up for it.
    if (turn - now >= 1) await wait(turn - now, undefined, { signal }).catch(() => undefined);
  };
}
