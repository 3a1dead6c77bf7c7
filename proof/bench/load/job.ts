import type { Latencies } from '../measure/percentiles';

export interface HttpRequest {
  method: 'GET' | 'POST';
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Each time it is sent, it has another `Idempotency-Key`. */
  keyed?: boolean;
}

/** How requests come. */
export type Load =
  /** Each connection sends its next request when the last one is answered: finds the highest rate. */
  | { kind: 'closed' }
  /** The same, but waits while so many orders are placed and not yet PREPARING: finds the rate that lasts. */
  | { kind: 'bounded'; inFlight: number; databaseUrl: string }
  /** At a fixed rate, whatever the answers do: the load under which a latency means something. Who waited long enough gives up. */
  | { kind: 'open'; rate: number; patienceMs: number };

/** What the load generator is told. */
export interface Job {
  url: string;
  /** Sent in turn, over and over. */
  requests: HttpRequest[];
  connections: number;
  /** Not counted. */
  warmUpMs: number;
  measureMs: number;
  load: Load;
}

/** What it says afterwards, of the measured time alone. */
export interface Outcome {
  /** The measured time, in milliseconds since the epoch. */
  from: number;
  to: number;
  /** Answers by status; of an open load, those to the requests that were due in the measured time. */
  statuses: Record<string, number>;
  /** How many of the 503 said when to come again. */
  retryAfter: number;
  /** Broken connections, and requests that patience ended for. */
  unanswered: number;
  /** Of 2xx, in milliseconds; of an open load from the moment when they were due, what is unanswered included. */
  latencies: Latencies;
}

/** Answers of 2xx in a second. */
export const ratePerSecond = ({ statuses, from, to }: Outcome): number =>
  (succeeded(statuses) * 1000) / (to - from);

export const succeeded = (statuses: Record<string, number>): number =>
  Object.entries(statuses)
    .filter(([status]) => status.startsWith('2'))
    .reduce((sum, [, count]) => sum + count, 0);

export type FromGenerator =
  | { kind: 'began' }
  | { kind: 'ended' }
  | { kind: 'done'; outcome: Outcome }
  | { kind: 'failed'; why: string };
