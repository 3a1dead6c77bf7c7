import { pause } from './pause';

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** Exponential from 100 ms to 5 s with full jitter over its upper half, so that a fleet does not come back at once. */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.round(ceiling * (0.5 + random() / 2));
}

/** Waits as {@link backoffMs} says, or until the signal. */
export async function backoff(failures: number, options: { signal?: AbortSignal } = {}): Promise<void> {
  await pause(backoffMs(failures), options.signal);
}
