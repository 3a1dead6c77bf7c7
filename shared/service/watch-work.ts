import type { Check } from './health-server';

/** What a service's workers have under way, for its health. */
export interface WorkWatch {
  /**
   * Does a bounded piece of a worker's work. One that takes longer than the limit hangs, and the service is not ready
   * until it ends.
   * @param name the worker's, for people
   */
  during: <T>(name: string, work: () => Promise<T>, limitMs?: number) => Promise<T>;
  /** A check for `/readyz`: which workers hang, and since when. */
  check: () => Check;
}

/** No statement takes so long, and no transaction. */
const LIMIT_MS = 90_000;

export function watchWork(now = () => Date.now()): WorkWatch {
  const underWay = new Set<{ name: string; since: number; limitMs: number }>();
  return {
    during: async (name, work, limitMs = LIMIT_MS) => {
      const one = { name, since: now(), limitMs };
      underWay.add(one);
      try {
        return await work();
      } finally {
        underWay.delete(one);
      }
    },
    check: () => {
      const hanging = [...underWay].filter(({ since, limitMs }) => now() - since > limitMs);
      // Of several of a name the oldest, which was begun first.
      const byName = new Map(hanging.reverse().map((one) => [one.name, one]));
      if (byName.size === 0) return true;
      return [...byName.values()]
        .map(({ name, since }) => `${name} hangs, at the same work since ${new Date(since).toISOString()}`)
        .join('; ');
    },
  };
}
