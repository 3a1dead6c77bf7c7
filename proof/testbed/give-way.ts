import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Some tenth of the CPU that others get where there is not enough for all. */
const NICE = 10;

/**
 * Has a process that was just started give way to others, as a container's CPU weight does. It has to be alone in its
 * session: where Linux shares CPU out by session, that is what gives way.
 */
export function giveWay(pid: number): void {
  setPriority(pid, NICE);
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(NICE));
  } catch {
    // no Linux, or one that does not share by session: the priority says it all
  }
}
