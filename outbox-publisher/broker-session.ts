import { performance } from 'node:perf_hooks';
import type { Channel } from 'amqplib';
import { briefly } from '../shared/messaging/failure';
import { openPublisher } from '../shared/messaging/publisher';
import { keepSession, type Session } from '../shared/messaging/session';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { backoffMs } from '../shared/service/backoff';
import type { Check } from '../shared/service/health-server';
import type { Logger } from '../shared/service/logger';
import { createFlight, type Flight } from './flight';
import { codeOf } from './suspects';

/** A session with the broker over which events may be published. */
export interface OpenBroker {
  flight: Flight;
  /** Given when it has ended. */
  lost: AbortSignal;
  fail(error: Error): void;
}

export interface Broker {
  /** The session, unless there is none, or none that may be tried yet. */
  open(): OpenBroker | undefined;
  /** Something was routed: whatever was at fault is not any more. */
  works(): void;
  ready(): Check;
  stop(): Promise<void>;
}

export interface BrokerOptions {
  url: string;
  window: number;
  log: Logger;
  /** Told of each session's end, with the rows that the broker had not answered about. */
  onEnd: (error: Error, unanswered: Flight) => void;
}

const CONFIRM_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 2_000;
/** What was refused is tried again sooner than this. */
const FAULT_MS = 15_000;
const NOT_FOUND = 404;
const ACCESS_REFUSED = 403;

/**
 * Keeps a session with the broker, on which the events exchange exists. An exchange that is deleted is noticed within
 * seconds, also when nothing is published, and is declared again. (Only where it is missing: declaring what exists
 * takes a permission that the relay does not need.) That it is missing, or that the relay may not write to it, is no
 * event's fault: after it, each try waits longer, until something is routed.
 */
export function keepBroker({ url, window, log, onEnd }: BrokerOptions): Broker {
  let open: OpenBroker | undefined;
  let missing = false;
  let fault: { reason: string; at: number; code: number } | undefined;
  let faults = 0;
  let waitUntil = 0;

  const keeper = keepSession({
    url,
    name: 'outbox-publisher',
    log,
    setUp: async (session) => {
      session.onEnd(blame);
      const channel = await session.openChannel();
      if (missing) await channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
      else await channel.checkExchange(EVENTS_EXCHANGE);
      if (missing) log.warn(`the exchange ${EVENTS_EXCHANGE} was missing and is declared`);
      missing = false;
      if (fault?.code === NOT_FOUND) fault = undefined;
      open = await openSession(session, channel);
    },
  });

  async function openSession(session: Session, channel: Channel): Promise<OpenBroker> {
    const publisher = await openPublisher(session, CONFIRM_TIMEOUT_MS, { waitsOutAlarms: true });
    const flight = createFlight(publisher, window);
    const lost = new AbortController();
    let looking = false;
    // Where it is missing, the broker closes the channel, and the session ends. One question at a time: a broker in
    // alarm answers none for as long as that lasts.
    const look = setInterval(() => {
      if (looking) return;
      looking = true;
      channel.checkExchange(EVENTS_EXCHANGE).then(
        () => (looking = false),
        () => undefined, // the session has ended with it
      );
    }, LOOK_EVERY_MS);
    session.onEnd((error) => {
      clearInterval(look);
      open = undefined;
      onEnd(error, flight);
      lost.abort();
    });
    return { flight, lost: lost.signal, fail: (error) => session.fail(error) };
  }

  function blame(error: Error): void {
    const code = codeOf(error);
    // After a refused declaration it is looked for again first: somebody else may have declared it.
    missing = code === NOT_FOUND && !missing;
    if (code !== NOT_FOUND && code !== ACCESS_REFUSED) return;
    const reason = code === NOT_FOUND ? `the exchange ${EVENTS_EXCHANGE} is missing` : briefly(error);
    fault = { reason, code, at: performance.now() };
    waitUntil = performance.now() + backoffMs(faults++);
  }

  return {
    open: () => (performance.now() >= waitUntil ? open : undefined),
    works: () => {
      faults = 0;
      fault = undefined;
    },
    ready: () => {
      if (fault && performance.now() - fault.at < FAULT_MS) return fault.reason;
      return keeper.isUp() || 'not connected to RabbitMQ, or it is in alarm and takes no messages';
    },
    stop: () => keeper.stop(),
  };
}
