import { pause } from './pause';
import { readBacklog, type Backlog } from './read-backlog';

/** How the mesh is, at one moment. */
export interface Sample {
  at: number;
  /** Processes that do not say that they are ready. */
  unready: string[];
  /** Undefined while the database does not answer. */
  backlog?: Backlog;
}

export interface Watch {
  latest(): Sample | undefined;
  /** All that was seen, oldest first. */
  samples(): readonly Sample[];
  /** When each of those processes had been ready again after `since`; and then no event was late. */
  recovery(since: number, concerned: (process: string) => boolean): { readyAt?: number; clearAt?: number };
  stop(): Promise<void>;
}

const EVERY_MS = 500;
const ANSWER_MS = 2_000;

/** Looks at the mesh twice a second, past all proxies. */
export function startWatch(databaseUrl: string, processes: readonly { name: string; url: string }[]): Watch {
  const samples: Sample[] = [];
  const stopping = new AbortController();
  let clearSince = new Date(0);

  async function look(): Promise<void> {
    const at = Date.now();
    const [unready, backlog] = await Promise.all([
      Promise.all(processes.map(async (one) => ((await isReady(one.url)) ? [] : [one.name]))),
      readBacklog(databaseUrl, clearSince).catch(() => undefined),
    ]);
    // Nothing published before the oldest that waits is open any more; the margin is for what commits late.
    if (backlog) clearSince = new Date((backlog.oldestAt ?? at) - 60_000);
    samples.push({ at, unready: unready.flat(), backlog });
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await look();
      await pause(EVERY_MS, stopping.signal);
    }
  })();
  return {
    latest: () => samples.at(-1),
    samples: () => samples,
    recovery: (since, concerned) => {
      const after = samples.filter(({ at }) => at >= since);
      // Each on its own: meanwhile others may have been killed by another fault.
      const readyAt = processes
        .map(({ name }) => name)
        .filter(concerned)
        .map((name) => after.find(({ unready }) => !unready.includes(name))?.at ?? Infinity)
        .reduce((latest, at) => Math.max(latest, at), since);
      const clearAt = after.find(({ at, backlog }) => at >= readyAt && backlog?.late === 0)?.at;
      return { readyAt: Number.isFinite(readyAt) ? readyAt : undefined, clearAt };
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function isReady(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
