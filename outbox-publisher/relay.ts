import type { Client } from 'pg';
import { briefly } from '../shared/messaging/failure';
import { openPublisher, type Publisher } from '../shared/messaging/publisher';
import { keepSession, type Session } from '../shared/messaging/session';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { backoff } from '../shared/service/backoff';
import type { Logger } from '../shared/service/logger';
import { within } from '../shared/service/within';
import { connectOwner, giveUp, tryToOwn } from './ownership';
import { postpone, type OutboxRow } from './outbox-rows';
import { relayRows, reportRefusals, retryInMs, type RelayOptions } from './relay-rows';
import { pause } from '../shared/service/pause';

export interface Relay {
  /** True while it is connected to both sides, be it as the owner or standing by. */
  isReady(): { database: boolean; broker: boolean };
  stop(): Promise<void>;
}

const STANDBY_POLL_MS = 250;
const CONFIRM_TIMEOUT_MS = 15_000;

/**
 * Relays the outbox to the events exchange. Of several relays one owns the outbox and the others stand
 * by: with one writer, one order's events are published in the order in which they were written. A
 * relay that loses the broker gives the ownership up, for one that may still have it.
 */
export function startRelay(
  databaseUrl: string,
  rabbitmqUrl: string,
  options: RelayOptions,
  log: Logger,
): Relay {
  const stopping = new AbortController();
  let broker: { session: Session; publisher: Publisher } | undefined;
  let connected = false;
  const suspects = new Set<string>();

  const keeper = keepSession({
    url: rabbitmqUrl,
    name: 'outbox-publisher',
    log,
    setUp: async (session) => {
      const channel = await session.openChannel();
      await channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
      broker = { session, publisher: await openPublisher(session, CONFIRM_TIMEOUT_MS) };
      session.onEnd(() => (broker = undefined));
    },
  });

  /** One database connection, from its opening until it breaks or the relay stops. */
  async function serve(client: Client, lost: AbortSignal): Promise<void> {
    while (!stopping.signal.aborted && !lost.aborted) {
      if (!broker || !(await tryToOwn(client))) {
        await pause(STANDBY_POLL_MS, stopping.signal);
        continue;
      }
      log.info('owns the outbox');
      await relayWhileOwner(client, broker);
      await giveUp(client);
      log.info('gave the outbox up');
    }
  }

  async function relayWhileOwner(
    client: Client,
    { session, publisher }: { session: Session; publisher: Publisher },
  ): Promise<void> {
    const lost = new AbortController();
    let endedBy: Error | undefined;
    session.onEnd((reason) => {
      endedBy = reason;
      lost.abort();
    });
    const { inFlight, error } = await relayRows({
      client,
      publisher,
      options,
      log,
      suspects,
      lost: lost.signal,
      stopping: stopping.signal,
    });
    if (error) session.fail(error);
    if (endedBy && isChannelError(endedBy)) await accuse(client, inFlight, endedBy);
  }

  /** The broker closed the channel over something published: one of these rows, and if it is one, this. */
  async function accuse(client: Client, inFlight: readonly OutboxRow[], error: Error): Promise<void> {
    const [only] = inFlight;
    if (inFlight.length === 1 && only && suspects.delete(only.seq)) {
      const refusal = { seq: only.seq, error: briefly(error), retryInMs: retryInMs(only.attempts) };
      await postpone(client, [refusal]);
      reportRefusals(log, inFlight, [refusal]);
    } else for (const row of inFlight) suspects.add(row.seq);
  }

  const running = (async () => {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      const lost = new AbortController();
      let client: Client | undefined;
      try {
        client = await connectOwner(databaseUrl, (error) => lost.abort(error));
        connected = true;
        failures = 0;
        await serve(client, lost.signal);
      } catch (error) {
        if (!stopping.signal.aborted)
          log.warn({ error: briefly(error) }, 'the database is away, connecting again');
      }
      connected = false;
      if (client) await within(2_000, client.end()).catch(() => undefined);
      if (!stopping.signal.aborted) await backoff(failures, { signal: stopping.signal });
    }
  })();

  return {
    isReady: () => ({ database: connected, broker: keeper.isUp() }),
    stop: async () => {
      stopping.abort();
      await running;
      await keeper.stop();
    },
  };
}

// amqplib's words when the server closes one channel and keeps the connection.
const isChannelError = (error: Error) => error.message.startsWith('Channel closed by server');
