import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';

export interface RetryOptions {
  /** How long a request is sent again, in milliseconds; 60,000 unless said otherwise, 0 for never. */
  retryForMs?: number;
  /** How long a whole answer is waited for, in milliseconds; 40,000 unless said otherwise: longer than `Prefer: wait=30`. */
  timeoutMs?: number;
  /** Instead of the platform's, and called as that is: what ends the request is the signal that comes beside it. */
  fetch?: (request: Request, init?: { signal: AbortSignal }) => Promise<Response>;
}

const givenSignals = new WeakMap<Request, AbortSignal>();

/**
 * Requests whose signal is known as it was given. A Request's own signal only follows that, and no more once garbage was
 * collected: https://github.com/nodejs/undici/issues/4068. For the same reason a signal is given to `fetch` and to no Request.
 */
export const KeepingRequest = new Proxy(globalThis.Request, {
  construct(target, [input, init]: [string, RequestInit?]) {
    const request = new target(input, init);
    if (init?.signal) givenSignals.set(request, init.signal);
    return request;
  },
});

const KEY = 'Idempotency-Key';
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;
/** Of a proxy that has nobody to ask, or that got no answer. */
const FROM_PROXIES = new Set([502, 504]);

/**
 * A `fetch` that sends a request again where that may help: no answer at all, 429 and 503 with their `Retry-After`, 502 and
 * 504, and 409 while the first one is being worked on. Whatever changes something has one `Idempotency-Key` for all
 * tries (its own, or a new one), so that it is done once.
 */
export function retryingFetch({
  retryForMs = 60_000,
  timeoutMs = 40_000,
  fetch = globalThis.fetch,
}: RetryOptions = {}): (request: Request) => Promise<Response> {
  return async (request) => {
    if (!['GET', 'HEAD'].includes(request.method) && !request.headers.has(KEY))
      request.headers.set(KEY, randomUUID());
    const signal = givenSignals.get(request) ?? request.signal;
    const until = performance.now() + retryForMs;
    for (let tries = 0; ; tries += 1) {
      const backoffMs = Math.min(FIRST_WAIT_MS * 2 ** tries, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
      const { response, error } = await attempt(request.clone(), signal);
      const waitMs = response ? await waitBefore(response, backoffMs) : backoffMs;
      const isOver = waitMs === undefined || performance.now() + waitMs > until;
      if (isOver || signal.aborted) {
        if (response) return response;
        throw error;
      }
      await response?.body?.cancel();
      await wait(waitMs, undefined, { signal });
    }
  };

  async function attempt(
    request: Request,
    signal: AbortSignal,
  ): Promise<{ response?: Response; error?: unknown }> {
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new Error(`no answer within ${timeoutMs} ms: ${request.method} ${request.url}`)),
      timeoutMs,
    );
    const giveUp = () => late.abort(signal.reason);
    signal.addEventListener('abort', giveUp);
    if (signal.aborted) giveUp();
    try {
      return { response: await whole(await fetch(request, { signal: late.signal })) };
    } catch (error) {
      return { error: late.signal.aborted ? late.signal.reason : error };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }
}

/** The answer with its body read: one that is cut off, or that never ends, is no answer. A stream is read as it comes. */
async function whole(response: Response): Promise<Response> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  if (response.body && !isStream) await response.clone().arrayBuffer();
  return response;
}

/** How long to wait before the request is sent again; undefined where that would be of no use. */
async function waitBefore(response: Response, backoffMs: number): Promise<number | undefined> {
  const { status } = response;
  if (FROM_PROXIES.has(status)) return backoffMs;
  const asked = retryAfterMs(response.headers.get('retry-after'));
  if (status === 429 || status === 503) return asked === undefined ? undefined : Math.max(asked, backoffMs);
  if (status !== 409) return undefined;
  const text = await response
    .clone()
    .text()
    .catch(() => '');
  return text.includes('idempotency-key-in-use') ? (asked ?? backoffMs) : undefined;
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
export function retryAfterMs(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
