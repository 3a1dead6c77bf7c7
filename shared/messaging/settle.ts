import { eventLogFields, identityOf } from '../events/envelope';
import { backoff } from '../service/backoff';
import type { Database } from '../service/database';
import type { Logger } from '../service/logger';
import { beginSuspect, clearSuspect, MAX_CRASHES } from './crash-suspects';
import { recordFailure, setAside, type Failure } from './dead-letter';
import { acknowledge, deliveryLogFields, isGood, isHeld, type Delivery, type GoodDelivery } from './delivery';
import { briefly, failureKind, PermanentError } from './failure';
import { handleBatch } from './handle-batch';
import type { HandlerTable } from './handler';
import type { RetryDelay } from './topology';

export interface SettleOptions {
  /** The consumer's name. */
  name: string;
  handlers: HandlerTable;
  database: Database;
  log: Logger;
  retryDelays: readonly RetryDelay[];
  /** Aborted when the process is to stop: nobody waits out an outage then. */
  stopping: AbortSignal;
}

export interface Settler {
  /** Handles a batch of one type, or what is wrong with a message. Ends when all of it is settled, or lost with its session. */
  settle(batch: readonly Delivery[]): Promise<void>;
  /** True while an outage of the database keeps it from working. */
  isPaused(): boolean;
}

/**
 * What becomes of deliveries: handled and acknowledged, or given the treatment of their failure's kind.
 * No message is acknowledged before it is handled or safely set aside.
 */
export function createSettler({
  name,
  handlers,
  database,
  log,
  retryDelays,
  stopping,
}: SettleOptions): Settler {
  let paused = false;

  async function settle(batch: readonly Delivery[]): Promise<void> {
    for (const delivery of batch) {
      if (delivery.parsed.ok) continue;
      const { reason, error } = delivery.parsed;
      await putAside(delivery, { reason, error, attempt: delivery.attempt }, 'permanent');
    }
    const good = batch.filter(isGood);
    const [first] = good;
    if (first?.suspect) await handleSuspect(first);
    else if (first) await handle(good);
  }

  /**
   * Does some work for the batch, taking it up again for as long as the infrastructure fails.
   * @returns undefined when the batch is lost, or its error where that is not the infrastructure's
   */
  async function persist<T>(
    batch: readonly Delivery[],
    work: () => Promise<T>,
  ): Promise<{ value: T } | { error: unknown } | undefined> {
    for (let failures = 0; batch.some(isHeld); failures++) {
      try {
        const value = await work();
        if (paused) log.info('resumed');
        paused = false;
        return { value };
      } catch (error) {
        if (failureKind(error) !== 'infrastructure') return { error };
        const fields = { error: briefly(error), events: batch.length };
        if (!paused) log.warn(fields, 'waiting: the database is away or broke the transaction');
        paused = failures > 1; // a deadlock's first retry is no outage
        await backoff(failures, { signal: stopping });
        if (stopping.aborted) return undefined; // unacknowledged: delivered again elsewhere
      }
    }
    return undefined; // the session is gone: they come again
  }

  async function handle(batch: readonly GoodDelivery[]): Promise<void> {
    const startedAt = performance.now();
    const attempts = batch.map(({ parsed, attempt }) => ({ event: parsed.event, attempt }));
    const result = await persist(batch, () => handleBatch(database, name, handlers, attempts));
    if (!result) return;
    if ('error' in result) return blame(batch, result.error);
    acknowledge(...batch);
    logHandled(batch, result.value, performance.now() - startedAt);
  }

  /** A redelivered event goes alone, and on record, so that it can be told from its neighbours if it kills. */
  async function handleSuspect(delivery: GoodDelivery): Promise<void> {
    const { event } = delivery.parsed;
    const begun = await persist([delivery], () => beginSuspect(database, name, event.id));
    if (!begun) return;
    if ('error' in begun) return blame([delivery], begun.error);
    if (begun.value >= MAX_CRASHES) {
      const error = `its consumer died ${begun.value} times with it in hand`;
      await putAside(delivery, { reason: 'crashed_consumer', error, attempt: delivery.attempt }, 'permanent');
    } else await handle([delivery]);
    await livedThrough(event.id);
  }

  /** Takes an event off the record of suspects, through an outage too: or it would be blamed for the outage. */
  async function livedThrough(eventId: string): Promise<void> {
    for (let failures = 0; !stopping.aborted; failures++) {
      try {
        return await clearSuspect(database, name, eventId);
      } catch (error) {
        log.warn({ event_id: eventId, error: briefly(error) }, 'could not clear a suspect');
        if (failureKind(error) !== 'infrastructure') return;
        await backoff(failures, { signal: stopping });
      }
    }
  }

  /** Finds the guilty one of a batch by handling each alone, or sets a single guilty one aside. */
  async function blame(batch: readonly GoodDelivery[], error: unknown): Promise<void> {
    const [only] = batch;
    if (batch.length > 1) {
      log.warn(
        { error: briefly(error), events: batch.length },
        'a batch failed; handling its events one by one',
      );
      for (const delivery of batch) await handle([delivery]);
    } else if (only) {
      const reason = error instanceof PermanentError ? error.reason : 'handler_failed';
      const kind = failureKind(error) === 'permanent' ? 'permanent' : 'transient';
      await putAside(only, { reason, error: briefly(error), attempt: only.attempt }, kind);
    }
  }

  async function putAside(
    delivery: Delivery,
    failure: Failure,
    kind: 'permanent' | 'transient',
  ): Promise<void> {
    const { attachment, message, parsed } = delivery;
    const delay = kind === 'transient' ? retryDelays[failure.attempt - 1] : undefined;
    const about = deliveryLogFields(delivery);
    try {
      await setAside(attachment.publisher, name, message, failure, delay);
    } catch (error) {
      // Unacknowledged, so not lost: a new session declares the queues again and it is delivered again.
      log.error({ ...about, error: briefly(error) }, 'could not set a failed message aside');
      return attachment.session.fail(error);
    }
    if (delay) log.warn({ ...about, ...failure, retry_in: delay.label }, 'failed, will be retried');
    else log.error({ ...about, ...failure }, 'failed, put into the dead-letter queue');
    const event = parsed.ok ? parsed.event : parsed;
    const outcome = delay ? 'RETRIED' : 'DEAD_LETTERED';
    await recordFailure(database, name, event, failure, outcome).catch((error: unknown) =>
      log.warn({ ...about, error: briefly(error) }, 'could not record the failure'),
    );
    acknowledge(delivery); // last: what is not on record by then comes again, and is set aside again
  }

  function logHandled(batch: readonly GoodDelivery[], fresh: ReadonlySet<string>, tookMs: number): void {
    const seen = new Set<string>();
    for (const { parsed, attempt } of batch) {
      const identity = identityOf(parsed.event);
      const isFirst = fresh.has(identity) && !seen.has(identity);
      seen.add(identity);
      const fields = {
        ...eventLogFields(parsed.event),
        attempt,
        batch: batch.length,
        took_ms: Math.round(tookMs),
      };
      log.info(fields, isFirst ? 'handled' : 'handled before, ignored');
    }
  }

  return { settle, isPaused: () => paused };
}
