import { setTimeout as wait } from 'node:timers/promises';

type Falsy = false | null | undefined | 0 | '';

/**
 * Polls until a check gives something truthy, and returns it.
 * @throws after `withinMs`, with what the last try gave or threw
 */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  withinMs = 30_000,
): Promise<Exclude<T, Falsy>> {
  const deadline = Date.now() + withinMs;
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
    await wait(20);
  }
}
