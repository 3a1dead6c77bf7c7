import { Client } from 'pg';
import { sessionConfig } from '../../shared/service/session-settings';
import { pause } from './pause';

/** How the mesh is, at one moment. */
export interface Sample {
  at: number;
  /** Processes that do not say that they are ready. */
  unready: string[];
  /** Undefined while the database does not answer. */
  backlog?: Backlog;
}

export interface Backlog {
  /** Events that wait in the outbox, and published ones that a subscriber has not handled yet. */
  waiting: number;
  /** Of them, those that wait for longer than a moment. */
  late: number;
  /** Payments for which the gateway is still to be asked. */
  unpaid: number;
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
const LATE = '1500 milliseconds';
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
    // Nothing published before then is open any more; the margin is for what commits late.
    if (backlog?.waiting === 0) clearSince = new Date(at - 60_000);
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

/** At one moment: events that are not through yet, of those published since, and payments. A dead letter is through: it is looked at elsewhere. */
export async function readBacklog(databaseUrl: string, since: Date): Promise<Backlog> {
  const text = `
    WITH open AS (
      SELECT created_at AS since FROM outbox_events
      UNION ALL
      SELECT e.published_at FROM event_log e JOIN subscriptions s ON s.event_type = e.type AND s.until IS NULL
      WHERE e.published_at >= $1
        AND NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = s.consumer AND p.event_id = e.event_id)
        AND NOT EXISTS (SELECT FROM delivery_failures f WHERE f.consumer = s.consumer AND f.event_id = e.event_id
                        AND f.outcome = 'DEAD_LETTERED'))
    SELECT count(*)::int AS waiting, (count(*) FILTER (WHERE since < now() - $2::interval))::int AS late,
      (SELECT count(*)::int FROM payments WHERE next_attempt_at IS NOT NULL) AS unpaid
    FROM open`;
  const [row] = await query<Backlog>(databaseUrl, text, [since, LATE]);
  return row ?? { waiting: 0, late: 0, unpaid: 0 };
}

/** One query on a connection of its own: none outlives what is done to the server. */
export async function query<Row extends object>(
  databaseUrl: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new Client({
    ...sessionConfig(databaseUrl, { kind: 'command', applicationName: 'chaos', connectTimeoutMs: 5_000 }),
    query_timeout: 30_000,
  });
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
