import { performance } from 'node:perf_hooks';
import type { Client } from 'pg';
import { briefly } from '../shared/messaging/failure';
import { backoff } from '../shared/service/backoff';
import type { Check } from '../shared/service/health-server';
import type { Logger } from '../shared/service/logger';
import { pause } from '../shared/service/pause';
import { neverPaused, type Pauses } from '../shared/service/pauses';
import { keepBroker, type OpenBroker } from './broker-session';
import { createNacks } from './nacks';
import { connectOwner, disconnect, giveUp, lookAtOwner, STANDBY_POLL_MS, tryToOwn } from './ownership';
import { relayRows, type RelayOptions } from './relay-rows';
import { createSleep, type Sleep } from './sleep';
import { createStanding } from './standing';
import { suspect } from './suspects';
import { createUnmarked } from './unmarked';

export interface Relay {
  health: {
    checks: Record<'database' | 'broker' | 'relaying', () => Check>;
    alive: () => Check;
  };
  stop(): Promise<void>;
}

const RELAY = 'outbox-publisher';
const LOOK_EVERY_MS = 1_000;
/** A connection that has lasted so long, as a standby's does, was no failure. */
const LASTED_MS = 10_000;

/**
 * Relays the outbox to the events exchange. Of several relays one owns the outbox and the others stand by: see
 * ownership.ts. A relay that loses the broker gives the ownership up, for one that may still have it; while relays are
 * paused nobody owns it.
 */
export function startRelay(
  databaseUrl: string,
  rabbitmqUrl: string,
  options: RelayOptions,
  log: Logger,
  pauses: Pauses = neverPaused,
): Relay {
  const stopping = new AbortController();
  const standing = createStanding();
  const unmarked = createUnmarked();
  const suspects = new Set<string>();
  const nacks = createNacks();
  let worked = false;
  const broker = keepBroker({
    url: rabbitmqUrl,
    window: options.window,
    log,
    onEnd: (error, { rows, awaiting }) => {
      const refusal = suspect(
        suspects,
        [...rows.values()].filter(({ seq }) => awaiting.has(seq)),
        error,
      );
      if (refusal) unmarked.refused(refusal);
    },
  });

  /** One database connection, from its opening until it breaks or the relay stops. */
  async function serve(client: Client, lost: AbortSignal): Promise<void> {
    const sleep = createSleep(client);
    let lookAt = 0;
    while (!stopping.signal.aborted && !lost.aborted) {
      standing.beat();
      const open = broker.open();
      if (open && !pauses.of(RELAY) && (await tryToOwn(client))) {
        await own(client, sleep, open);
        lookAt = 0;
        continue;
      }
      if (performance.now() >= lookAt) {
        lookAt = performance.now() + LOOK_EVERY_MS;
        await watchOwner(client);
      }
      await pause(STANDBY_POLL_MS, stopping.signal);
    }
  }

  const moved = () => {
    worked = true;
    standing.moved();
    broker.works();
  };

  async function own(client: Client, sleep: Sleep, open: OpenBroker): Promise<void> {
    log.info('owns the outbox');
    standing.owns();
    const run = { client, sleep, unmarked, suspects, nacks, standing, options, log, moved };
    const { flight, lost } = open;
    const leaving = AbortSignal.any([stopping.signal, pauses.whenPaused(RELAY)]);
    const error = await relayRows({ ...run, flight, lost, stopping: leaving });
    if (error) open.fail(error);
    await sleep.end();
    await giveUp(client);
    log.info('gave up the outbox');
  }

  async function watchOwner(client: Client): Promise<void> {
    const owner = await lookAtOwner(client);
    standing.standsBy(owner);
    if (owner?.ended)
      log.warn(
        { pid: owner.pid, application: owner.application, silent_ms: Math.round(owner.silentMs ?? 0) },
        'the relay that owns the outbox has done nothing for too long: its session is ended',
      );
  }

  const running = (async () => {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      const lost = new AbortController();
      const startedAt = performance.now();
      let client: Client | undefined;
      worked = false;
      standing.beat();
      try {
        await pauses.known(); // one that is paused relays nothing, not even for a moment
        client = await connectOwner(databaseUrl, (error) => lost.abort(error));
        standing.connected();
        await serve(client, lost.signal);
        throw lost.signal.reason ?? new Error('stopping');
      } catch (error) {
        const why = briefly(error);
        standing.disconnected(why);
        if (!stopping.signal.aborted) log.warn({ error: why }, 'the database is away, connecting again');
      }
      if (client) await disconnect(client);
      // Merely to connect proves nothing.
      if (worked || performance.now() - startedAt > LASTED_MS) failures = 0;
      if (!stopping.signal.aborted) await backoff(failures, { signal: stopping.signal });
    }
  })();

  return {
    health: {
      checks: {
        database: () => standing.database(),
        broker: () => broker.ready(),
        // Somebody wants it so, and `paused` says who.
        relaying: () => pauses.of(RELAY) !== undefined || standing.relaying(),
      },
      alive: () => standing.alive(),
    },
    stop: async () => {
      stopping.abort();
      await running;
      await broker.stop();
    },
  };
}
