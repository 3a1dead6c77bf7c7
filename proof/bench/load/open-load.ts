import { setTimeout as delay } from 'node:timers/promises';
import { Arrivals } from './arrivals';
import type { Connection } from './connection';
import type { Tally } from './tally';

const TICK_MS = 1;

/**
 * Sends at a fixed rate from `startMs` to the tally's end. A request that is due while all connections are
 * taken waits for one, and the wait is part of its latency; after `patienceMs` it is given up unsent.
 */
export async function openLoad(
  connections: readonly Connection[],
  nextRequest: () => Buffer,
  tally: Tally,
  { rate, startMs, patienceMs }: { rate: number; startMs: number; patienceMs: number },
): Promise<void> {
  const arrivals = new Arrivals(rate, startMs, tally.toMs);
  const free = [...connections];
  const due: number[] = [];
  let nextDue = 0;
  const underWay = new Set<number>();
  let over = false;

  const late = new Error('not answered in time');
  const serve = (connection: Connection) => {
    for (let at = due[nextDue]; at !== undefined && performance.now() - at > patienceMs; at = due[++nextDue])
      tally.add(at, performance.now() - at, late);
    const at = due[nextDue];
    if (at === undefined || over) return void free.push(connection);
    nextDue += 1;
    underWay.add(at);
    void connection.send(nextRequest()).then((result) => {
      if (over) return;
      underWay.delete(at);
      tally.add(at, performance.now() - at, result);
      serve(connection);
    });
  };

  const giveUpAt = tally.toMs + patienceMs;
  while (!arrivals.over || underWay.size > 0 || nextDue < due.length) {
    const now = performance.now();
    if (now > giveUpAt) break;
    due.push(...arrivals.take(now));
    while (free.length > 0 && nextDue < due.length) serve(free.pop() as Connection);
    await delay(TICK_MS);
  }
  over = true;
  for (const at of [...underWay, ...due.slice(nextDue)]) tally.add(at, performance.now() - at, late);
}
