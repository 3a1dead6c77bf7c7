import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

/** Linux only: elsewhere there is no /proc to read. */
export const canReadProcesses = process.platform === 'linux';

export interface ProcessStat {
  pid: number;
  parent: number;
  /** Clock ticks of its own and of the children that it has waited for. */
  ticks: number;
}

/** Reads a line of /proc/<pid>/stat; see proc(5). */
export function parseStat(text: string): ProcessStat {
  // The name, in parentheses, may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]); // numbered as in proc(5); the third is the first here
  return {
    pid: Number(text.slice(0, text.indexOf(' '))),
    parent: field(4),
    ticks: field(14) + field(15) + field(16) + field(17),
  };
}

/** A process and all below it, as they are now. */
export function treeOf(root: number): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(readStat);
  const tree = all.filter(({ pid }) => pid === root);
  // Grows while it is walked.
  for (const { pid } of tree) tree.push(...all.filter(({ parent }) => parent === pid));
  return tree;
}

function readStat(pid: string): ProcessStat[] {
  try {
    return [parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))];
  } catch {
    return []; // it has just ended
  }
}

let ticksPerSecond: number | undefined;

/** CPU time that a process, its children and the children that it has outlived have used, in milliseconds. */
export function cpuMs(root: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const ticks = treeOf(root).reduce((sum, one) => sum + one.ticks, 0);
  return (ticks / ticksPerSecond) * 1000;
}

/** Resident memory of one process, without its children, in megabytes (of 2^20 bytes). */
export function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes ?? 0) / 1024;
}
