import { canReadProcesses, residentMb } from './process-tree';

const EVERY_MS = 1_000;

/** The most resident memory of each process from now until it is stopped, in megabytes. */
export function watchMemory(processes: readonly { name: string; pid: number }[]): {
  stop(): Record<string, number>;
} {
  const peaks: Record<string, number> = {};
  const look = () => {
    for (const [name, megabytes] of Object.entries(memoryOf(processes)))
      peaks[name] = Math.max(peaks[name] ?? 0, megabytes);
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peaks;
    },
  };
}

/** The resident memory of each process now; of none where it cannot be told. */
export function memoryOf(processes: readonly { name: string; pid: number }[]): Record<string, number> {
  if (!canReadProcesses) return {};
  return Object.fromEntries(processes.map(({ name, pid }) => [name, residentMb(pid)]));
}
