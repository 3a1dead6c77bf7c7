import type { Logger } from '../../shared/service/logger';
import type { Settled } from './settled-position';

/** Notes whether open transactions hold the history back, and says so in the log once it takes long. */
export interface HeldBack {
  note(before: Settled | undefined, now: Settled): void;
  forget(): void;
  /** Whether somebody is just writing: in a moment more will be settled. */
  isBrief(): boolean;
  /** Since when it has been held back, where that is long. */
  since(): Date | undefined;
}

const LONG_MS = 5_000;

export function watchHeldBack(log: Logger): HeldBack {
  let held: { since: number; isSaid: boolean } | undefined;
  const isLong = ({ since }: { since: number }) => Date.now() - since >= LONG_MS;
  return {
    note: (before, { newest, settled, writers }) => {
      // In traffic somebody always writes, and yet it settles on and on: held is what does not.
      if (settled === newest || settled !== before?.settled) {
        if (held?.isSaid) log.info("restaurants' live moves go on");
        held = undefined;
      }
      if (settled === newest) return;
      held ??= { since: Date.now(), isSaid: false };
      if (held.isSaid || !isLong(held)) return;
      held.isSaid = true;
      const pids = [...writers.values()].map(({ pid }) => pid);
      log.warn(
        { pids },
        "open transactions hold restaurants' live moves back: what they wrote may yet appear",
      );
    },
    forget: () => (held = undefined),
    isBrief: () => held !== undefined && !isLong(held),
    since: () => (held?.isSaid ? new Date(held.since) : undefined),
  };
}
