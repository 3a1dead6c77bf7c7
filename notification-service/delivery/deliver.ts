import { briefly, isPassing } from '../../shared/messaging/failure';
import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { pause } from '../../shared/service/pause';
import type { Stop } from '../../shared/service/run-service';
import { waiting } from '../waiting';
import { attempt, GivenUp } from './attempt';
import { claimDue, type Claimed } from './claim';
import type { Channel } from './channel';
import { alwaysWell, type DeliveryHealth } from './delivery-health';
import { countAttempt, tellOfLanes } from './delivery-metrics';
import { Hands } from './hands';
import { Lanes } from './lanes';
import { settle, type Outcome } from './settle';
import { tellOutcome } from './tell-outcome';
import { endTelling, traceTelling } from './trace-telling';

/** For what other instances have left. */
const LOOK_EVERY_MS = 2_000;
/** What is due may be held up by another of its order, at another instance. */
const BLOCKED_MS = 250;
const AFTER_FAILURE_MS = 250;
/** Between rounds, so that each has more than one to claim and to settle. */
const LONGEST_REST_MS = 25;
const FINISH_MS = 4_000;

export interface Delivery {
  /** By their names in the table. A row of another channel waits. */
  channels: Readonly<Record<string, Channel>>;
  /** Attempts at a time, all lanes together. */
  concurrency: number;
  /** How long what is being sent may take to end when the service is stopped. Default: 4 s. */
  finishMs?: number;
  /** How often it looks while nothing happens and nothing is due. Default: every two seconds. */
  lookEveryMs?: number;
}

/**
 * Sends what is recorded, with several attempts at a time. Instances share the work: each claims what it takes and
 * renews its claim while it is at it, and what a dead one had claimed comes back when the claim ends. A notification is
 * sent again only if the process died, or lost the database, between sending it and recording that.
 */
export function deliver(
  database: Database,
  { channels, concurrency, finishMs = FINISH_MS, lookEveryMs = LOOK_EVERY_MS }: Delivery,
  log: Logger,
  { share, during }: DeliveryHealth = alwaysWell,
): Stop {
  const stopping = new AbortController();
  const lanes = new Lanes(byPrefix(channels), concurrency, share);
  const hands = new Hands(database);
  tellOfLanes(lanes);
  let over: Outcome[] = [];

  /** @returns for how long there is nothing to do, unless something happens; 0 where there may be more */
  async function round(): Promise<number> {
    const settled = await record();
    await hands.renew();
    if (stopping.signal.aborted || lanes.busy >= concurrency) return settled ? 0 : lookEveryMs;
    const claimedAt = performance.now();
    const { claimed, nextInMs } = await claimDue(database, lanes.room());
    for (const one of claimed) hands.take(one, claimedAt, (abort) => make(one, abort));
    if (settled || claimed.length > 0) return 0;
    return Math.min(nextInMs > 0 ? Math.ceil(nextInMs) : BLOCKED_MS, lookEveryMs);
  }

  async function make(notification: Claimed, abort: AbortController): Promise<void> {
    lanes.begin(notification.lane);
    const span = traceTelling(notification, notification.channel.toLowerCase());
    const outcome = await attempt(channels[notification.channel]!, notification, abort);
    endTelling(span, outcome);
    lanes.end(notification.lane, outcome.lane, outcome.restMs);
    countAttempt(notification.channel, outcome.status);
    tellOutcome(log, outcome, span);
    over.push(outcome);
    waiting.channels.give();
  }

  async function record(): Promise<boolean> {
    if (over.length === 0) return false;
    const now = over;
    over = [];
    try {
      await settle(database, channels, now);
    } catch (error) {
      if (!isPassing(error)) await recordOneByOne(now);
      else {
        over = [...now, ...over];
        throw error;
      }
    }
    return true;
  }

  /**
   * Something about one of them cannot be recorded, and is not the trouble of the others. That one is left to its claim's
   * end: it is sent again then, and ends as failed when it has used up its attempts.
   */
  async function recordOneByOne(outcomes: readonly Outcome[]): Promise<void> {
    for (const [at, outcome] of outcomes.entries())
      try {
        await settle(database, channels, [outcome]);
      } catch (error) {
        if (isPassing(error)) {
          over = [...outcomes.slice(at), ...over];
          throw error;
        }
        const { id, channel, orderId } = outcome.notification;
        const about = { notification_id: id, channel, order_id: orderId ?? undefined, error: briefly(error) };
        log.error(about, 'what became of a notification cannot be recorded; it is sent again');
      }
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      const from = performance.now();
      const seen = waiting.channels.given;
      try {
        const restMs = await during('the delivery of notifications', round);
        await pause(Math.min(performance.now() - from, LONGEST_REST_MS), stopping.signal);
        if (restMs > 0) await waiting.channels.after(seen, restMs, stopping.signal);
      } catch (error) {
        log.warn({ error: briefly(error) }, 'could not claim or record notifications');
        await pause(AFTER_FAILURE_MS, stopping.signal);
      }
    }
  })();

  return async () => {
    stopping.abort();
    await running;
    const timer = setTimeout(() => hands.giveUp(new GivenUp('the service was stopped meanwhile')), finishMs);
    await hands.empty();
    clearTimeout(timer);
    await record().catch((error: unknown) =>
      log.error({ error: briefly(error), attempts: over.length }, 'could not record what was sent'),
    );
  };
}

const byPrefix = (channels: Delivery['channels']) =>
  Object.fromEntries(
    Object.entries(channels).map(([name, channel]) => [name.toLowerCase(), channel.concurrency]),
  );
