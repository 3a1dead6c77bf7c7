import { performance } from 'node:perf_hooks';

/**
 * What the broker refuses with basic.nack. A full queue (`max-length` with `reject-publish`) does it, and it is then no
 * fault of the channel's. But RabbitMQ 3.10 goes on refusing on a channel that has met a full queue, also when the queue
 * has no limit any more; on a new channel it takes the same event at once.
 */
export interface Nacks {
  /** Told of an event that was taken. */
  taken(): void;
  /** @param attempts how often this event had been refused or returned before */
  nacked(attempts: number): void;
  /** An event was refused again and again, at last on this channel, which is old enough to be the reason. */
  suspects(channel: { openedAt: number; isIdle: boolean }): boolean;
  /** Nothing else has happened for some time. */
  refusesEverything(): boolean;
}

/** Refused so often, it has waited longer than a burst lasts: 1 + 2 + 4 s. */
const OFTEN = 3;
/** One with nothing in flight costs nothing to give up; of another, what is in flight is published twice. */
const OLD_MS = { idle: 5_000, busy: 60_000 };
const EVERYTHING_AFTER_MS = 5_000;
/** What was refused comes again within this time. */
const QUIET_MS = 65_000;

export function createNacks(now = () => performance.now()): Nacks {
  let often = -Infinity;
  let first = Infinity;
  let last = -Infinity;

  return {
    taken: () => ([first, last] = [Infinity, -Infinity]),
    nacked: (attempts) => {
      last = now();
      first = Math.min(first, last);
      if (attempts >= OFTEN) often = last;
    },
    suspects: ({ openedAt, isIdle }) =>
      often > openedAt && now() - openedAt >= OLD_MS[isIdle ? 'idle' : 'busy'],
    refusesEverything: () => last - first >= EVERYTHING_AFTER_MS && now() - last < QUIET_MS,
  };
}
