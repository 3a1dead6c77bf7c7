import type { Logger } from './logger';
import { LateError, within } from './within';

/** How each part of a service is stopped, by the name that it has in the log. */
export type StopParts = Readonly<Record<string, () => Promise<unknown>>>;

/** For all parts together: less than `runService` waits, so that a server that hangs is no failure of the service. */
const STOP_MS = 9_000;

/**
 * Stops a service's parts one after the other. A database or a broker that hangs answers none of them, and closing waits
 * for answers that never come: once the time for all is up, the parts that are left are told to stop, and not waited for.
 * The end of the process closes their connections, and what was in hand comes again, here or elsewhere.
 * @throws what a part throws
 */
export async function stopInTurn(parts: StopParts, log: Logger, stopMs = STOP_MS): Promise<void> {
  const stopBy = performance.now() + stopMs;
  const late: string[] = [];
  for (const [part, stop] of Object.entries(parts))
    await within(stopBy - performance.now(), stop()).catch((error: unknown) => {
      if (!(error instanceof LateError)) throw error;
      late.push(part);
    });
  if (late.length > 0) log.warn({ late }, 'stopping without these: they wait for a server that hangs');
}
