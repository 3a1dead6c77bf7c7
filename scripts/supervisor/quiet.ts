import { pause } from '../../shared/service/pause';

/** Knows when lines were last written, to print after them. */
export interface Quiet {
  /** A line was written. */
  heard(): void;
  /** Resolves when nothing has been written for a moment, or has been for too long; at once when aborted. */
  fallen(signal: AbortSignal): Promise<void>;
}

/**
 * @param quietMs so long without a line is quiet
 * @param withinMs so long is waited for it at most
 */
export function createQuiet(quietMs = 400, withinMs = 3_000): Quiet {
  let heardAt = performance.now();
  return {
    heard: () => void (heardAt = performance.now()),
    fallen: async (signal) => {
      const deadline = performance.now() + withinMs;
      while (!signal.aborted) {
        const waitMs = Math.min(heardAt + quietMs, deadline) - performance.now();
        if (waitMs <= 0) return;
        await pause(waitMs, signal);
      }
    },
  };
}
