import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../../scripts/servers/wait-until';
import type { Bench } from '../bench';
import { startService } from '../../testbed/measured-process';
import { inScope, type Scope } from '../../testbed/scope';
import { catchAll, type World } from '../environment/world';
import type { MarkedBatch } from '../measure/drain-rate';

const MOST_MS = 120_000;

/**
 * Runs the relay on a queue that takes everything, until the work is done.
 * @param seenAs the world with the relay's own login
 */
export function withRelay<T>(
  bench: Bench,
  outer: Scope,
  world: World,
  work: () => Promise<T>,
  seenAs = world,
): Promise<T> {
  return inScope(outer, async (scope) => {
    scope.own(await catchAll(world, 'bench'));
    const { databaseUrl: DATABASE_URL, rabbitmqUrl: RABBITMQ_URL } = seenAs;
    await startService(bench, scope, 'outbox-publisher', { DATABASE_URL, RABBITMQ_URL });
    return work();
  });
}

/** Waits until nothing waits; looks at the last row alone, so that the looking costs nothing. */
export async function untilEmpty(bench: Bench, { query }: World): Promise<void> {
  const ask = async () => {
    const [last] = await query<{ seq: string }>('SELECT seq FROM outbox_events ORDER BY seq DESC LIMIT 1');
    if (last) throw new Error(`row ${last.seq} waits`);
  };
  await waitUntil(ask, {
    what: 'The outbox to be empty',
    timeoutMs: MOST_MS,
    everyMs: 100,
    signal: bench.control.stopping,
  });
}

/** When events of the bench were marked published, batch by batch. */
export async function markedSince({ query }: World, from: Date, to?: Date): Promise<MarkedBatch[]> {
  const rows = await query<{ at: number; events: number }>(
    `SELECT extract(epoch FROM published_at)::float8 * 1000 AS at, count(*)::int AS events FROM event_log
     WHERE type = 'order.placed.v1' AND published_at >= $1 AND published_at < $2 GROUP BY published_at ORDER BY published_at`,
    [from, to ?? new Date(Date.now() + 60_000)],
  );
  return rows;
}

/** Waits until the first event since then is marked. */
export async function untilBegun(bench: Bench, world: World, from: Date): Promise<void> {
  await waitUntil(
    async () => {
      if ((await markedSince(world, from)).length === 0) throw new Error('nothing is marked yet');
    },
    { what: 'The relay to begin', timeoutMs: MOST_MS, everyMs: 50, signal: bench.control.stopping },
  );
}

export const pause = (seconds: number, bench: Bench): Promise<void> =>
  delay(seconds * 1000, undefined, { signal: bench.control.stopping });
