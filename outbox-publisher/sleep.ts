import type { Client } from 'pg';
import { RELAY_SLEEPS } from '../shared/outbox/wake-relay';
import { pause } from '../shared/service/pause';

/** The sleep of an owner that finds nothing to do; who wakes it, and how none is overlooked: shared/outbox/wake-relay.ts. */
export interface Sleep {
  /**
   * Falls asleep, if it may: what it returns then is to be followed by another read, for what was committed just before.
   * Where it is asleep already, sleeps on until it is woken, the time has come to look all the same, or the signal.
   * @returns false where somebody is about to write, or to commit
   */
  goOn(signal: AbortSignal): Promise<boolean>;
  /** From now on nobody need wake it. */
  end(): Promise<void>;
}

/** What nobody woke it for, as who writes to the outbox in another way does not, is found by then. */
const NET_MS = 1_000;

/** @param client listens to what wakes it */
export function createSleep(client: Client): Sleep {
  let isAsleep = false;
  let woken = new AbortController();
  const wake = () => woken.abort();
  client.on('notification', wake);
  client.on('end', wake);

  return {
    goOn: async (signal) => {
      if (isAsleep) {
        signal.addEventListener('abort', wake);
        if (!signal.aborted) await pause(NET_MS, woken.signal);
        signal.removeEventListener('abort', wake);
      }
      woken = new AbortController(); // before the read: what is told after this moment may be missed by it
      isAsleep ||= await takeLock(client);
      return isAsleep;
    },
    end: async () => {
      if (!isAsleep) return;
      isAsleep = false;
      await client.query('SELECT pg_advisory_unlock($1, $2)', [...RELAY_SLEEPS]);
    },
  };
}

async function takeLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
    ...RELAY_SLEEPS,
  ]);
  return rows[0]?.taken === true;
}
