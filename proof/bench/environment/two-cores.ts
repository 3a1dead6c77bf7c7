import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const CORES = 2;

/**
 * Keeps this process, and so all that it starts, on two cores where there are more: figures are for two.
 * @returns what became of it, for the report
 */
export function keepToTwoCores(): string {
  const cores = availableParallelism();
  if (cores <= CORES) return `${cores} cores`;
  // All threads: what is inherited is the affinity of the one that spawns.
  const { status } = spawnSync('taskset', ['-a', '-p', '-c', `0-${CORES - 1}`, String(process.pid)]);
  return status === 0
    ? `kept to ${CORES} of ${cores} cores`
    : `${cores} cores (taskset could not keep it to ${CORES})`;
}
