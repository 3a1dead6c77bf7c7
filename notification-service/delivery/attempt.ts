import { briefly } from '../../shared/messaging/failure';
import type { Claimed } from './claim';
import { Dropped, Refused, TryLater, type Channel, type Sent } from './channel';
import type { Outcome } from './settle';

const HEEDING_MS = 500;

/** How the lane did, beside what became of the one notification. */
export type Attempted = Outcome & {
  lane: 'reached' | 'failed' | 'unknown';
  /** For how long the other side wants nothing more at all. */
  restMs?: number | undefined;
};

/** Why an attempt is given up that is nobody's fault. */
export class GivenUp extends Error {
  override name = 'GivenUp';
}

/**
 * Makes one attempt, and says what became of it. Never throws.
 * @param abort ends it when the channel's time is up, and by others who give it up
 */
export async function attempt(
  channel: Channel,
  notification: Claimed,
  abort: AbortController,
): Promise<Attempted> {
  const base = { notification, startedAt: new Date(), latencyMs: 0 };
  if (notification.stale)
    return { ...base, status: 'DROPPED', error: 'the order has moved on', lane: 'unknown' };
  // Each attempt was claimed by a process that ended before it could say how it went.
  if (notification.attempt > channel.retryDelays.length + 1)
    return { ...base, status: 'FAILED', error: 'no attempt came to an end', lane: 'unknown' };
  const from = performance.now();
  const over = await send(channel, notification, abort);
  return { ...base, ...over, latencyMs: Math.round(performance.now() - from) };
}

type Over = Pick<Attempted, 'status' | 'error' | 'detail' | 'retryMs' | 'unspent' | 'lane' | 'restMs'>;

async function send(channel: Channel, notification: Claimed, abort: AbortController): Promise<Over> {
  const { timeoutMs } = channel;
  const late = () => abort.abort(new Error(`no answer within ${timeoutMs} ms`));
  const timer = setTimeout(late, timeoutMs);
  try {
    const sent: Sent | void = await heeding(abort.signal, channel.send(notification, abort.signal));
    return { status: 'SENT', detail: sent?.detail, lane: 'reached' };
  } catch (error) {
    if (error instanceof Dropped) return { status: 'DROPPED', error: briefly(error), lane: 'unknown' };
    if (error instanceof Refused)
      return { status: 'FAILED', error: briefly(error), detail: error.detail, lane: 'reached' };
    const why: unknown = abort.signal.reason;
    if (why instanceof GivenUp)
      return { status: 'PENDING', error: briefly(why), retryMs: 0, unspent: true, lane: 'unknown' };
    return failed(channel, notification, abort.signal.aborted && !isKnown(error) ? why : error);
  } finally {
    clearTimeout(timer);
  }
}

/** A channel that does not heed its signal keeps no lane: it is given up a moment later. What it does goes on. */
async function heeding<T>(signal: AbortSignal, sending: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let begin = () => {};
  const abandoned = new Promise<never>((_, reject) => {
    begin = () => (timer = setTimeout(() => reject(signal.reason as Error), HEEDING_MS));
    signal.addEventListener('abort', begin);
  });
  try {
    return await Promise.race([sending, abandoned]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', begin);
  }
}

const isKnown = (error: unknown) => error instanceof TryLater;

function failed(channel: Channel, { attempt: number }: Claimed, error: unknown): Over {
  const later = error instanceof TryLater ? error : undefined;
  const over = {
    error: briefly(error),
    detail: later?.detail,
    lane: later && !later.wholeLane ? ('reached' as const) : ('failed' as const),
    restMs: later?.wholeLane ? later.afterMs : undefined,
  };
  const delay = channel.retryDelays[number - 1];
  if (delay === undefined) return { ...over, status: 'FAILED' };
  // Not all at once, and not before the other side wants it.
  const retryMs = Math.max(delay * (0.9 + Math.random() * 0.2), later?.afterMs ?? 0);
  return { ...over, status: 'PENDING', retryMs };
}
