import type { Instance } from './instance';
import { tailOf } from './owned-process';
import { type Search, UserError } from './search';
import { Hopeless, messageOf, waitUntil } from './wait-until';

export interface InstanceStart {
  what: string;
  /** Spawns it. */
  start: () => Promise<void>;
  /** Throws until it answers. */
  ready: () => Promise<void>;
  timeoutMs: number;
}

const attempts = 5;

/**
 * Has the instance run and answer, and stops it again if it does not. Another
 * program may take a port between our look at it and the server's own: then it is
 * started once more, with the next ports.
 * @returns whether it was still running, left by a run that was killed
 */
export async function startInstance(
  instance: Instance,
  how: InstanceStart,
  search: Search,
): Promise<boolean> {
  const reused = instance.running;
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (!instance.running) await how.start();
      await waitUntil(() => answers(instance, how), {
        what: `${how.what} in ${instance.folder}`,
        timeoutMs: how.timeoutMs,
        signal: search.signal,
      });
      return reused;
    } catch (error) {
      await instance.stop();
      if (search.signal.aborted || error instanceof UserError) throw error;
      if (attempt === attempts || !portWasTaken(instance)) {
        throw new UserError(`${messageOf(error)}\n${tailOf(instance.inFolder('log'))}`);
      }
      search.log(`${how.what}: one of its ports has just been taken; trying others`);
    }
  }
}

async function answers(instance: Instance, { what, ready }: InstanceStart): Promise<void> {
  if (!instance.running) throw new Hopeless(`${what} ended while it was starting`);
  await ready();
}

function portWasTaken(instance: Instance): boolean {
  const logs = ['log', 'epmd.log'].map((name) => tailOf(instance.inFolder(name), 300));
  return /eaddrinuse|address already in use|address in use|port_already_used/i.test(logs.join('\n'));
}
