import { counter, histogram } from '../service/metrics';
import { isEventType } from '../events/contracts';

/** What became of a delivery. */
export type ConsumerOutcome = 'handled' | 'duplicate' | 'retried' | 'dead_lettered';

const events = counter(
  'ordermesh_consumer_events_total',
  'Deliveries that were settled, by what became of them',
  ['consumer', 'type', 'outcome'],
);

const handling = histogram(
  'ordermesh_consumer_handling_seconds',
  'From the beginning of a batch to its commit, waiting for the database included',
  ['consumer', 'type'],
  [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
);

const lag = histogram(
  'ordermesh_consumer_lag_seconds',
  "From an event's time to the commit of its handling",
  ['consumer', 'type'],
  [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600],
);

const batchSize = histogram(
  'ordermesh_consumer_batch_size',
  'Events of a batch that was handled in one transaction',
  ['consumer'],
  [1, 2, 5, 10, 20, 50, 100, 200, 500],
);

const lockTimeouts = counter(
  'ordermesh_consumer_lock_timeouts_total',
  'Batches that did not get a lock in time',
  ['consumer'],
);

const missed = counter(
  'ordermesh_consumer_missed_total',
  'Events that were published for the consumer and never reached it, and are sent again',
  ['consumer'],
);

/** A type that some stranger made up is no label. */
const typeLabel = (type: string | undefined) => (type && isEventType(type) ? type : 'unknown');

export function countOutcome(
  consumer: string,
  type: string | undefined,
  outcome: ConsumerOutcome,
  count = 1,
): void {
  if (count > 0) events.inc({ consumer, type: typeLabel(type), outcome }, count);
}

/** A batch of one type was handled. @param times of its events, in milliseconds since 1970 */
export function countBatch(
  consumer: string,
  type: string,
  { tookMs, fresh, times }: { tookMs: number; fresh: number; times: readonly number[] },
): void {
  countOutcome(consumer, type, 'handled', fresh);
  countOutcome(consumer, type, 'duplicate', times.length - fresh);
  const labels = { consumer, type: typeLabel(type) };
  handling.observe(labels, tookMs / 1_000);
  batchSize.observe({ consumer }, times.length);
  const now = Date.now();
  // A stranger's clock may be ahead.
  for (const time of times) lag.observe(labels, Math.max(0, now - time) / 1_000);
}

/** Counters begin with 0 rather than with their first count: an increase shows from the first on. */
export function beginCounting(consumer: string): void {
  missed.inc({ consumer }, 0);
  lockTimeouts.inc({ consumer }, 0);
}

export const countMissed = (consumer: string): void => missed.inc({ consumer });

export const countLockTimeout = (consumer: string): void => lockTimeouts.inc({ consumer });
