import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { Flight } from './flight';
import type { Next } from './read-next';
import type { Sleep } from './sleep';
import type { Suspects } from './suspects';
import type { Unmarked } from './unmarked';

/** When an owner reads, when it marks, and when it sleeps. */
export interface Pace {
  isTimeToMark(): boolean;
  /**
   * Waits until it is time for the next read.
   * @param startedAt when the last one began, on the clock of performance.now()
   */
  rest(startedAt: number, last: Next): Promise<void>;
}

/**
 * From the beginning of one read to that of the next. In traffic, events are young when they are read, and are published
 * at once. Where they are not, the relay is behind, or the whole machine: then fewer and fuller reads cost less.
 */
const READ_EVERY_MS = { inTraffic: 5, behind: 15, idle: 20 };
/** Where nothing is found for so long, and nothing is in hand, it sleeps. To sleep and be woken costs about as many statements. */
const AWAKE_MS = 30;
/** Nobody waits for a mark, but what is confirmed and not marked when this process is killed is published again. */
const MARK_WITHIN_MS = 20;
/** While more wait than were read, or than the window has room for. */
const GATHER_MS = 2;

export interface PaceOptions {
  flight: Flight;
  unmarked: Unmarked;
  suspects: Suspects;
  sleep: Sleep;
  /** Rows read at a time. */
  batchSize: number;
  lost: AbortSignal;
  stopping: AbortSignal;
}

export function createPace(options: PaceOptions): Pace {
  const { flight, unmarked, suspects, sleep, batchSize, lost, stopping } = options;
  const ending = AbortSignal.any([lost, stopping]);
  let foundAt = performance.now();
  const fewAnswers = () => flight.answers() < batchSize / 4;

  return {
    isTimeToMark: () =>
      unmarked.size > 0 ||
      (flight.answered() &&
        (!fewAnswers() || flight.answeredForMs() >= MARK_WITHIN_MS || suspects.size > 0 || stopping.aborted)),

    rest: async (startedAt, { rows, all, late }) => {
      if (rows.length > 0) {
        foundAt = performance.now();
        await sleep.end();
      }
      const isIdle = performance.now() - foundAt >= AWAKE_MS;
      if (!all && isIdle) return Promise.race([flight.next(), wait(READ_EVERY_MS.idle)]);
      if (!all && suspects.size > 0) return Promise.race([flight.next(), wait(GATHER_MS)]);
      if (!all) return fewAnswers() ? wait(GATHER_MS) : undefined;
      if (isIdle && flight.rows.size === 0 && unmarked.size === 0) {
        if (!(await sleep.goOn(ending))) foundAt = performance.now(); // somebody is about to commit
        return;
      }
      const everyMs = READ_EVERY_MS[isIdle ? 'idle' : late ? 'behind' : 'inTraffic'];
      await wait(Math.max(1, startedAt + everyMs - performance.now()));
    },
  };
}
