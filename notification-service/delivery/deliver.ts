import { briefly } from '../../shared/messaging/failure';
import type { Database } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';
import { pause } from '../../shared/service/pause';
import type { Stop } from '../../shared/service/run-service';
import { attempt } from './attempt';
import { claimDue, LEASE_MS, type Claimed } from './claim';
import type { Channel } from './channel';
import { Lanes } from './lanes';
import { settle, type Outcome } from './settle';

const POLL_MS = 250;
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
}

/**
 * Sends what is recorded, with several attempts at a time. Instances share the work: each claims what it takes, and
 * what a dead one had claimed comes back when its lease ends. A notification is sent again only if the process died, or
 * lost the database for longer than the lease, between sending it and recording that.
 */
export function deliver(
  database: Database,
  { channels, concurrency, finishMs = FINISH_MS }: Delivery,
  log: Logger,
): Stop {
  const stopping = new AbortController();
  const giveUp = new AbortController();
  const lanes = new Lanes(byPrefix(channels), concurrency);
  const attempts = new Set<Promise<void>>();
  let over: Outcome[] = [];
  let wake = () => {};

  /** Whether something was done, so that there may be more to do. */
  async function round(): Promise<boolean> {
    const settled = await record();
    if (stopping.signal.aborted || lanes.busy >= concurrency) return settled;
    const leasedAt = performance.now();
    const claimed = await claimDue(database, lanes.room());
    for (const one of claimed) {
      lanes.begin(one.lane);
      const attempting = make(one, leasedAt).finally(() => attempts.delete(attempting));
      attempts.add(attempting);
    }
    return settled || claimed.length > 0;
  }

  async function make(notification: Claimed, leasedAt: number): Promise<void> {
    const channel = channels[notification.channel]!;
    // Of a process that was stopped in between, it may be another's by now.
    const late = performance.now() - leasedAt > LEASE_MS - channel.timeoutMs - 5_000;
    const outcome = late ? undefined : await attempt(channel, notification, giveUp.signal);
    lanes.end(notification.lane, outcome?.lane ?? 'unknown');
    if (!outcome) return;
    if (outcome.status !== 'SENT') tell(log, outcome);
    over.push(outcome);
    wake();
  }

  async function record(): Promise<boolean> {
    if (over.length === 0) return false;
    const now = over;
    over = [];
    try {
      await settle(database, channels, now);
    } catch (error) {
      over = [...now, ...over];
      throw error;
    }
    return true;
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      const from = performance.now();
      try {
        const more = (await round()) || over.length > 0;
        if (more) await pause(Math.min(performance.now() - from, LONGEST_REST_MS), stopping.signal);
        else await somethingHappens();
      } catch (error) {
        log.warn({ error: briefly(error) }, 'could not claim or record notifications');
        await pause(POLL_MS, stopping.signal);
      }
    }
  })();

  async function somethingHappens(): Promise<void> {
    const happened = new AbortController();
    wake = () => happened.abort();
    await pause(POLL_MS, happened.signal);
  }

  return async () => {
    stopping.abort();
    wake();
    await running;
    const timer = setTimeout(() => giveUp.abort(), finishMs);
    await Promise.all(attempts);
    clearTimeout(timer);
    await record().catch((error: unknown) =>
      log.error({ error: briefly(error), sent: over.length }, 'could not record what was sent'),
    );
  };
}

const byPrefix = (channels: Delivery['channels']) =>
  Object.fromEntries(
    Object.entries(channels).map(([name, { concurrency }]) => [name.toLowerCase(), concurrency]),
  );

function tell(log: Logger, { notification, status, error, retryMs }: Outcome): void {
  const { id, channel, orderId, attempt: number, correlationId } = notification;
  const fields = {
    notification_id: id,
    channel,
    order_id: orderId ?? undefined,
    correlation_id: correlationId,
    attempt: number,
    error,
    retry_in_ms: status === 'PENDING' ? Math.round(retryMs ?? 0) : undefined,
  };
  if (status === 'DROPPED') log.debug(fields, 'a notification was dropped');
  else if (status === 'FAILED') log.error(fields, 'a notification failed for good');
  else log.warn(fields, 'a notification was not sent, and will be tried again');
}
