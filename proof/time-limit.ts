import { setMaxListeners } from 'node:events';
import type { StopSignals } from '../scripts/run-main';
import type { Control } from '../scripts/supervisor/control';

/**
 * Runs a proof with a bound on its time, so that a machine of CI is never held for hours. When it is over, the work
 * is stopped in good order and counts as failed.
 * @returns the work's exit code; 1 when the time was up
 */
export async function withinMinutes(
  minutes: number,
  say: (line: string) => void,
  { stopping, hurrying }: StopSignals,
  work: (control: Control) => Promise<number>,
): Promise<number> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    say(`this takes longer than ${minutes} minutes: giving up`);
    late.abort();
  }, minutes * 60_000);
  const either = AbortSignal.any([stopping, late.signal]);
  setMaxListeners(0, either);
  try {
    const code = await work({ say, stopping: either, hurrying });
    return late.signal.aborted ? 1 : code;
  } catch (error) {
    if (late.signal.aborted) return 1;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
