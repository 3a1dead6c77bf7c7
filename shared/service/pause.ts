import { setTimeout as wait } from 'node:timers/promises';

/** Waits so long, or until the signal: whoever is told to stop need not sleep to the end. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
