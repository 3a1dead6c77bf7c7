import { setTimeout as wait } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { ProblemError, problemOf } from './problem';
import { retryAfterMs } from './retrying-fetch';

export interface FollowOptions {
  /** Ends it. */
  signal?: AbortSignal;
  /** How long nothing may come before it connects again, in milliseconds; 45,000 unless said otherwise. */
  silenceMs?: number;
  /** The id of the last event that is known already: what came after it is told first. */
  lastEventId?: string;
}

/** An event of a stream, as it came. */
export interface StreamEvent {
  id: string;
  event: string;
  data: unknown;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** Three heartbeats of the server's. */
const SILENCE_MS = 45_000;

/**
 * Follows a stream of Server-Sent Events to its end. Where the connection breaks it is resumed after the last event, on
 * whatever instance answers, so that none is missed or told twice.
 * @param connect opens the stream after an event
 * @throws {ProblemError} where it is refused for good
 */
export async function* followStream(
  connect: (lastEventId: string | undefined, signal: AbortSignal | undefined) => Promise<Response>,
  { signal, lastEventId, silenceMs = SILENCE_MS }: FollowOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  let last = lastEventId;
  let failures = 0;
  let pauseMs = FIRST_WAIT_MS;
  while (!signal?.aborted) {
    let askedMs: number | undefined;
    const connection = new AbortController();
    const end = () => connection.abort();
    // Where nothing at all comes for so long, not even a heartbeat, nobody is there any more.
    const silence = setTimeout(end, silenceMs);
    signal?.addEventListener('abort', end);
    try {
      const response = await connect(last, connection.signal);
      if (response.status === 204) return;
      if (!response.ok || !isStream(response)) throw await problemOf(response);
      const heard = () => void silence.refresh();
      for await (const message of messagesOf(response, connection.signal, heard, (ms) => (pauseMs = ms))) {
        failures = 0;
        last = message.id;
        yield message;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ProblemError && !MAY_PASS.has(error.status)) throw error;
      failures += 1;
      if (error instanceof ProblemError) askedMs = retryAfterMs(error.headers.get('retry-after'));
    } finally {
      clearTimeout(silence);
      signal?.removeEventListener('abort', end);
      end(); // also where whoever follows has had enough
    }
    const backoffMs = Math.min(pauseMs * 2 ** Math.max(0, failures - 1), LONGEST_WAIT_MS);
    await wait(askedMs ?? backoffMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Overloaded, stopping, or behind a proxy that has nobody to ask. */
const MAY_PASS = new Set([429, 502, 503, 504]);

const isStream = ({ headers }: Response): boolean =>
  headers.get('content-type')?.startsWith('text/event-stream') ?? false;

async function* messagesOf(
  response: Response,
  signal: AbortSignal,
  onBytes: () => void,
  onRetry: (ms: number) => void,
): AsyncGenerator<StreamEvent, void, undefined> {
  const come: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ id = '', event = 'message', data }) =>
      void come.push({ id, event, data: JSON.parse(data) as unknown }),
    onRetry,
  });
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  const cancel = () => void reader?.cancel().catch(() => undefined);
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  try {
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
      onBytes();
      parser.feed(decoder.decode(read.value as Uint8Array, { stream: true }));
      yield* come.splice(0);
    }
  } finally {
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}
