import { Refused, TryLater, type Detail } from '../delivery/channel';
import type { Reply } from './post';

/** A receiver that wants to be left alone for longer is asked nevertheless. */
const LONGEST_WAIT_MS = 24 * 60 * 60_000;

/** It says that it will never take anything again; the endpoint is disabled. */
export const GONE = 410;

/**
 * What an answer says of a delivery.
 * @throws {Refused} after 410 @throws {TryLater} after anything else that is no 2xx
 */
export function judgeReply({ status, retryAfter, beginning }: Reply, now = Date.now()): { detail: Detail } {
  const detail: Detail = { status, answer: beginning };
  if (status >= 200 && status < 300) return { detail };
  if (status === GONE) throw new Refused('answered 410: it wants no more', { detail });
  const why = status >= 300 && status < 400 ? `${status}; redirects are not followed` : String(status);
  throw new TryLater(`answered ${why}`, {
    detail,
    ...(status === 429 || status === 503 ? { afterMs: waitOf(retryAfter, now) } : {}),
    // Of others it may be this event that the receiver cannot take.
    wholeLane: status === 429 || status >= 500,
  });
}

/** `Retry-After`, in seconds or as a date: RFC 9110, section 10.2.3. */
export function waitOf(retryAfter: string | undefined, now: number): number {
  const text = retryAfter?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}
