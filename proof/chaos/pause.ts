import { setTimeout as wait } from 'node:timers/promises';

/** Waits, or not, when the signal has come. Never throws. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await wait(ms, undefined, { signal }).catch(() => undefined);
}
