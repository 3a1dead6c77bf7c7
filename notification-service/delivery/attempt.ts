import { briefly } from '../../shared/messaging/failure';
import { within } from '../../shared/service/within';
import type { Claimed } from './claim';
import { Dropped, Refused, TryLater, type Channel, type Sent } from './channel';
import type { Outcome } from './settle';

const STOPPED = 'the service was stopped meanwhile';

/** How the lane did, beside what became of the one notification. */
export type Attempted = Outcome & { lane: 'reached' | 'failed' | 'unknown' };

/**
 * Makes one attempt, and says what became of it. Never throws.
 * @param stopping aborted when the process may wait no longer
 */
export async function attempt(
  channel: Channel,
  notification: Claimed,
  stopping: AbortSignal,
): Promise<Attempted> {
  const base = { notification, startedAt: new Date(), latencyMs: 0 };
  if (notification.stale)
    return { ...base, status: 'DROPPED', error: 'the order has moved on', lane: 'unknown' };
  // Each attempt was claimed by a process that ended before it could say how it went.
  if (notification.attempt > channel.retryDelays.length + 1)
    return { ...base, status: 'FAILED', error: 'no attempt came to an end', lane: 'unknown' };
  const from = performance.now();
  const over = await send(channel, notification, stopping);
  return { ...base, ...over, latencyMs: Math.round(performance.now() - from) };
}

type Over = Pick<Attempted, 'status' | 'error' | 'detail' | 'retryMs' | 'unspent' | 'lane'>;

async function send(channel: Channel, notification: Claimed, stopping: AbortSignal): Promise<Over> {
  const { signal, end } = limit(channel.timeoutMs, stopping);
  try {
    // A channel that does not heed its signal keeps no lane: it is given up a moment later.
    const sent: Sent | void = await within(channel.timeoutMs + 1_000, channel.send(notification, signal));
    return { status: 'SENT', detail: sent?.detail, lane: 'reached' };
  } catch (error) {
    if (error instanceof Dropped) return { status: 'DROPPED', error: briefly(error), lane: 'unknown' };
    if (error instanceof Refused)
      return { status: 'FAILED', error: briefly(error), detail: error.detail, lane: 'reached' };
    if (stopping.aborted)
      return { status: 'PENDING', error: STOPPED, retryMs: 0, unspent: true, lane: 'unknown' };
    return failed(channel, notification, error);
  } finally {
    end();
  }
}

/** Not AbortSignal.any: on Node 20 a signal that lives as long as the process remembers all that were made of it. */
function limit(ms: number, stopping: AbortSignal): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error(STOPPED));
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${ms} ms`)), ms);
  stopping.addEventListener('abort', stop);
  const end = () => {
    clearTimeout(timer);
    stopping.removeEventListener('abort', stop);
  };
  return { signal: controller.signal, end };
}

function failed(channel: Channel, { attempt: number }: Claimed, error: unknown): Over {
  const later = error instanceof TryLater ? error : undefined;
  const over = {
    error: briefly(error),
    detail: later?.detail,
    lane: later && !later.wholeLane ? ('reached' as const) : ('failed' as const),
  };
  const delay = channel.retryDelays[number - 1];
  if (delay === undefined) return { ...over, status: 'FAILED' };
  // Not all at once, and not before the other side wants it.
  const retryMs = Math.max(delay * (0.9 + Math.random() * 0.2), later?.afterMs ?? 0);
  return { ...over, status: 'PENDING', retryMs };
}
