import type { Broker } from '../command-line/broker';
import { showProgress } from '../command-line/progress';
import type { DeadLetterQueue } from './choose-queues';
import { readDeadLetter } from './dead-letter';
import { matches, type Filter } from './filter';
import { scanQueue } from './scan-queue';
import { startTally, type Count } from './tally';

// Nothing is kept of what is read, so the window may be large.
const WINDOW = 20_000;

/** Counts what matches, and how many of each queue were read for it. Takes nothing out. */
export async function countMatching(
  broker: Broker,
  queues: readonly DeadLetterQueue[],
  filter: Filter,
  stopping: AbortSignal,
): Promise<{ counts: Count[]; read: Map<string, number> }> {
  const tally = startTally();
  const read = new Map<string, number>();
  for (const { service, queue } of queues) {
    const progress = showProgress(`Reading ${queue}`);
    const messages = await scanQueue(broker, queue, {
      windowSize: WINDOW,
      wants: (message) => {
        const letter = readDeadLetter(service, message);
        if (matches(filter, letter)) tally.add(letter);
        return false;
      },
      progress: progress.update,
      enough: () => stopping.aborted,
    });
    progress.end();
    read.set(queue, messages);
  }
  return { counts: tally.counts(), read };
}
