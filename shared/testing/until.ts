import { setTimeout as wait } from 'node:timers/promises';

type Falsy = false | null | undefined | 0 | '';

/** What is waited for longer is asked for less often: asking takes from the work of whoever is waited for. */
const SHORTEST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 50;

/**
 * Polls until a check gives something truthy, and returns it.
 * @throws after `withinMs`, with what the last try gave or threw
 */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  withinMs = 30_000,
): Promise<Exclude<T, Falsy>> {
  const startedAt = Date.now();
  const deadline = startedAt + withinMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await check();
      if (value) return value as Exclude<T, Falsy>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what} (last: ${String(last)})`);
    await wait(Math.min(LONGEST_PAUSE_MS, SHORTEST_PAUSE_MS + (Date.now() - startedAt) / 20));
  }
}
