import {
  request as httpRequest,
  Agent as HttpAgent,
  type ClientRequest,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest, Agent as HttpsAgent } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Logger } from '../service/logger';
import { counter } from '../service/metrics';
import { pause } from '../service/pause';
import { redactText } from '../service/redact';
import { within } from '../service/within';
import type { Encoding, Origin } from './encoding';
import type { Span } from './span';

export interface ExportOptions {
  url: URL;
  headers: Readonly<Record<string, string>>;
  encoding: () => Encoding;
  origin: Origin;
  log: Logger;
  /** For the answer to one request. */
  timeoutMs: number;
  /** How long spans wait to be sent together. */
  delayMs: number;
  compress: boolean;
  /** Waiting to be sent, in bytes; what comes beyond is dropped. */
  most?: number;
}

export interface Exporter {
  take(span: Span): void;
  /** Sends what there is, as far as it goes within the time, and ends. Never throws. */
  stop(withinMs: number): Promise<void>;
}

const MOST_BYTES = 8 * 1024 * 1024;
const TRIES = 5;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes */
const TO_BE_TRIED_AGAIN = new Set([429, 502, 503, 504]);

const spans = counter(
  'ordermesh_spans_total',
  'Spans of traces, by what became of them: sent, dropped because they could not be sent in time, refused by the receiver',
  ['outcome'],
);

interface Batch {
  body: Buffer;
  count: number;
}

interface Reply {
  status: number;
  /** Why it is not well, for people. */
  why: string;
  retryAfterMs: number;
}

/**
 * Sends spans to an OTLP receiver, one request at a time, beside the work and never in its way: whatever the receiver
 * does (refuse, hang, take a byte a second), nobody waits for it, and what waits to be sent has a bound.
 */
export function exportSpans(options: ExportOptions): Exporter {
  const { url, origin, log, delayMs, most = MOST_BYTES } = options;
  const isSecure = url.protocol === 'https:';
  const agent = isSecure ? new HttpsAgent(KEEP) : new HttpAgent(KEEP);
  /** No more is taken, and nothing tried again. */
  const ending = new AbortController();
  let encoding = options.encoding();
  let count = 0;
  let waiting: Batch[] = [];
  let bytes = 0;
  let sending: Promise<void> | undefined;
  let underWay: ClientRequest | undefined;
  let droppedSinceSaid = 0;
  let inTrouble = false;

  const timer = setInterval(() => {
    seal();
    send();
  }, delayMs).unref();

  function take(span: Span): void {
    if (bytes >= most || ending.signal.aborted) return drop(1, 'dropped');
    encoding.add(span);
    count += 1;
    if (!encoding.isFull()) return;
    seal();
    send();
  }

  function seal(): void {
    if (count === 0) return;
    const body = encoding.body(origin);
    waiting.push({ body, count });
    bytes += body.length;
    encoding = options.encoding();
    count = 0;
  }

  function drop(some: number, outcome: 'dropped' | 'refused'): void {
    spans.inc({ outcome }, some);
    droppedSinceSaid += some;
  }

  function send(): void {
    sending ??= sendAll().finally(() => (sending = undefined));
  }

  async function sendAll(): Promise<void> {
    for (let batch = waiting[0]; batch; batch = waiting[0]) {
      const outcome = await deliver(batch).catch((error: Error) => trouble(error.message));
      waiting.shift();
      bytes -= batch.body.length;
      if (outcome === 'sent') spans.inc({ outcome }, batch.count);
      else drop(batch.count, outcome);
    }
  }

  async function deliver({ body }: Batch): Promise<'sent' | 'dropped' | 'refused'> {
    const content = options.compress ? await promisify(gzip)(body) : body;
    for (let tries = 1; ; tries++) {
      const reply = await post(content)
        .catch((error: Error) => (isIdleEnd(error, underWay) ? post(content) : Promise.reject(error)))
        .catch((error: Error): Reply => ({ status: 0, why: error.message, retryAfterMs: 0 }));
      if (reply.status >= 200 && reply.status < 300) return well();
      trouble(reply.why);
      if (reply.status > 0 && !TO_BE_TRIED_AGAIN.has(reply.status)) return 'refused';
      if (tries >= TRIES || ending.signal.aborted) return 'dropped';
      const usualMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1));
      await pause(Math.max(reply.retryAfterMs, usualMs * (0.5 + Math.random() / 2)), ending.signal);
      if (ending.signal.aborted) return 'dropped';
    }
  }

  /** Said once at the beginning of trouble, and once at its end. */
  function trouble(why: string): 'dropped' {
    if (!inTrouble) log.warn({ error: redactText(why), receiver: url.origin }, 'traces cannot be sent');
    inTrouble = true;
    return 'dropped';
  }

  function well(): 'sent' {
    if (inTrouble) log.info({ receiver: url.origin, dropped: droppedSinceSaid }, 'traces are sent again');
    inTrouble = false;
    droppedSinceSaid = 0;
    return 'sent';
  }

  function post(body: Buffer): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const how: RequestOptions = {
        method: 'POST',
        agent,
        headers: {
          ...options.headers,
          'content-type': encoding.contentType,
          'content-length': body.length,
          ...(options.compress ? { 'content-encoding': 'gzip' } : {}),
        },
      };
      const request = (isSecure ? httpsRequest : httpRequest)(url, how);
      underWay = request;
      const late = () => request.destroy(new Error(`no answer within ${options.timeoutMs} ms`));
      const timeout = setTimeout(late, options.timeoutMs).unref();
      let isAnswered = false;
      request.once('response', (response) => {
        isAnswered = true;
        const { statusCode: status = 0, headers } = response;
        const retryAfterMs = Math.min(60, Number(headers['retry-after']) || 0) * 1_000;
        // Read to its end, so that the connection can be used again; but what it says is not kept.
        response.resume();
        response.on('error', reject);
        response.once('end', () => resolve({ status, why: `it answers ${status}`, retryAfterMs }));
        response.once('close', () => reject(new Error('the answer was cut off')));
      });
      request.on('error', reject); // also one that comes when all is over
      request.once('close', () => {
        clearTimeout(timeout);
        if (!isAnswered) reject(new Error('the connection was closed without an answer'));
      });
      request.end(body);
    });
  }

  return {
    take,
    stop: async (withinMs) => {
      clearInterval(timer);
      seal();
      ending.abort();
      send();
      await within(withinMs, sending ?? Promise.resolve()).catch(() => undefined);
      const isLeft = bytes > 0;
      waiting = [];
      underWay?.destroy();
      agent.destroy();
      if (isLeft) log.warn({ bytes }, 'stopping before all traces were sent');
    },
  };
}

/** The receiver has closed a connection that was kept, at the moment at which it was used again. */
const isIdleEnd = (error: NodeJS.ErrnoException, request: ClientRequest | undefined) =>
  request?.reusedSocket === true && error.code === 'ECONNRESET';

const KEEP = { keepAlive: true, maxSockets: 1 };
