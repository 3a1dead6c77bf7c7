import { readFileSync } from 'node:fs';

/** What processes hold in memory, in megabytes, while they are watched. */
export interface MemoryWatch {
  /** By name: at the beginning, at most, and at the end. */
  end(): Record<string, { first: number; most: number; last: number }>;
}

const EVERY_MS = 500;

/** Looks at the processes' resident memory. Where there is no /proc, it sees nothing. */
export function watchMemory(processes: readonly { name: string; pid: number }[]): MemoryWatch {
  const seen = new Map<string, number[]>(processes.map(({ name }) => [name, []]));
  const look = () => {
    for (const { name, pid } of processes) seen.get(name)?.push(residentMegabytes(pid));
  };
  look();
  const looking = setInterval(look, EVERY_MS);
  return {
    end: () => {
      clearInterval(looking);
      look();
      return Object.fromEntries(
        [...seen].map(([name, all]) => [
          name,
          { first: all[0] ?? 0, most: Math.max(...all), last: all.at(-1) ?? 0 },
        ]),
      );
    },
  };
}

function residentMegabytes(pid: number): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kilobytes ?? 0) / 1024);
  } catch {
    return 0; // it has ended, or this is another system
  }
}
