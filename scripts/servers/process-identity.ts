import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A pid alone says little: it may have been given to another program since it was
 * written down. The identity adds when the process began, and the boot it began in.
 * Undefined when there is no such process (a zombie counts as gone).
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
}

/** True while the very process that was written down is running. */
export function isRunning(owner: { pid: number; identity: string }): boolean {
  return processIdentity(owner.pid) === owner.identity;
}

export function describeProcess(pid: number): { pid: number; identity: string } {
  return { pid, identity: processIdentity(pid) ?? 'gone' };
}

function fromProc(pid: number): string | undefined {
  try {
    // The name in parentheses may itself hold spaces and parentheses.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${startTime}`;
  } catch {
    return undefined;
  }
}

function fromPs(pid: number): string | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const line = stdout?.trim();
  return line && !line.startsWith('Z') ? line.replace(/^\S+\s+/, '') : undefined;
}
