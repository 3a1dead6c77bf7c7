import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  what: string;
  timeoutMs: number;
  everyMs?: number;
  signal?: AbortSignal;
}

/**
 * Polls until `attempt` stops throwing, and resolves with what it returned. The
 * error at the deadline carries the last failure. Throw a {@link Hopeless} to give
 * up early.
 */
export async function waitUntil<T>(attempt: () => Promise<T> | T, options: WaitOptions): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      if (Date.now() >= deadline) {
        const seconds = Math.round(options.timeoutMs / 1000);
        throw new TimedOut(`${options.what}: not within ${seconds} s (${messageOf(error)})`);
      }
    }
    await delay(options.everyMs ?? 100, undefined, { signal: options.signal });
  }
}

/** The deadline passed; the message says what the last attempt failed with. */
export class TimedOut extends Error {}

/** Waiting longer cannot help. */
export class Hopeless extends Error {}

/** Node leaves the message of a refused connection to two addresses empty: take the code then. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return `${error.message}: ${messageOf(error.cause)}`; // fetch says no more than "failed"
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
}
