import { CHANNELS } from '../service/pauses';
import type { Tx } from '../service/database';

/** A time in which something was paused, in milliseconds of the database's clock. */
export interface Span {
  from: number;
  to: number;
}

/**
 * Before which moment something must have begun to be overdue now: `deadlineMs` ago, not counting the time in which the
 * mesh was paused.
 * @param paused in any order, and they may overlap
 */
export function overdueBefore(now: number, deadlineMs: number, paused: readonly Span[]): number {
  let at = now;
  let left = deadlineMs;
  for (const { from, to } of [...paused].sort((a, b) => b.to - a.to)) {
    const worked = at - Math.min(to, at);
    if (worked >= left) break;
    left -= worked;
    at = Math.min(at - worked, from);
  }
  return at - left;
}

/** What an order that was placed does not wait for. */
const OF_NO_MATTER = ['order-api', 'analytics-service', 'notification-service', ...CHANNELS];

/** Whose pauses hold up what was placed, and a draft. */
export const holdUp = {
  placed: (part: string) => !OF_NO_MATTER.includes(part),
  // Nobody can approve it.
  draft: (part: string) => part === 'order-api',
};

/** What was paused since a deadline may have begun, by the database's clock. */
export interface PausedTime {
  now: number;
  /** What of it holds up something: see {@link holdUp}. */
  of(which: (part: string) => boolean): Span[];
}

export async function readPausedTime(database: Pick<Tx, '$queryRaw'>): Promise<PausedTime> {
  const [row] = await database.$queryRaw<{ now: Date; spans: (Span & { part: string })[] | null }[]>`
    SELECT clock_timestamp() AS now, (SELECT json_agg(json_build_object('part', part,
        'from', extract(epoch FROM paused_at) * 1000, 'to', extract(epoch FROM coalesce(resumed_at, clock_timestamp())) * 1000))
      FROM pauses) AS spans`;
  const spans = row?.spans ?? [];
  return {
    now: row?.now.getTime() ?? Date.now(),
    of: (which) => spans.filter(({ part }) => which(part)),
  };
}
