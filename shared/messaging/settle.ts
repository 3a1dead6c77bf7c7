import { identityOf } from '../events/envelope';
import { UnknownValueError } from '../events/growing';
import { backoff } from '../service/backoff';
import type { Database } from '../service/database';
import type { Transactions } from '../service/transaction';
import type { Logger } from '../service/logger';
import { within } from '../service/within';
import { countBatch, countLockTimeout } from './consumer-metrics';
import { aTableIsLocked } from './contention';
import { beginSuspect, clearSuspect, MAX_CRASHES } from './crash-suspects';
import type { Failure } from './dead-letter';
import { acknowledge, deliveryLogFields, isGood, isHeld, type Delivery, type GoodDelivery } from './delivery';
import { briefly, failureKind, isLockTimeout, PermanentError } from './failure';
import { handleBatch } from './handle-batch';
import type { HandlerTable } from './handler';
import type { Aside } from './set-aside';
import { recordedSubscriptions } from './subscriptions';
import type { RetryDelay } from './topology';
import { endFailed, endGivenUp, endHandled, traceHandling } from './trace-handling';

export interface SettleOptions {
  /** The consumer's name. */
  name: string;
  handlers: HandlerTable;
  database: Database;
  /** What batches are handled in; the database's, if absent. */
  transactions?: Transactions | undefined;
  log: Logger;
  retryDelays: readonly RetryDelay[];
  aside: Aside;
  /** Aborted when the process is to stop: nobody waits out an outage then. */
  stopping: AbortSignal;
}

export interface Settler {
  /**
   * Handles a batch of one type, or what is wrong with a message. Ends when all of it is acknowledged, on its way
   * aside, or lost with its session.
   */
  settle(batch: readonly Delivery[]): Promise<void>;
  /** For how long it has been at the same attempt, in milliseconds; 0 where it is at none. */
  attemptMs(): number;
  /** Why it cannot work at the moment, for people; undefined where it can. */
  pausedBy(): string | undefined;
  /** Whether work failed while the process was to stop: what is left is for the others. */
  hasGivenUp(): boolean;
}

/** Makes one attempt at a batch. */
type Attempt = <T>(work: () => Promise<T>) => Promise<T>;

/** A failure that took so long is an outage, and not a deadlock, say, that is over when it is known. */
const OUTAGE_MS = 10_000;
/** Of the database, for taking one row away. */
const CLEAR_MS = 10_000;
/** Attempts at an event that only a newer version knows: with the usual retry delays, a day. */
const MOST_FOR_A_NEWER = 150;
/** Once a lock was not to be had, so long is waited for one: the others are to go on within seconds. */
const SHORT_LOCK_MS = 150;
const SHORT_LOCKS_FOR_MS = 30_000;
/** So many statements in a row that took too long, with none that did not, mean that the database is slow. */
const SLOW_DATABASE = 5;

/**
 * What becomes of deliveries: handled and acknowledged, or given the treatment of their failure's kind.
 * No message is acknowledged before it is handled or safely set aside.
 */
export function createSettler(options: SettleOptions): Settler {
  const { name, handlers, database, transactions = database, log, retryDelays, aside, stopping } = options;
  let pausedBy: string | undefined;
  let gaveUp = false;
  let slowInARow = 0;
  let lockedAt = -Infinity;
  const trace = traceHandling(name);
  let attemptSince: number | undefined;

  async function settle(batch: readonly Delivery[]): Promise<void> {
    trace.begin(batch);
    for (const delivery of batch) if (!delivery.parsed.ok) await refuse(delivery);
    const good = batch.filter(isGood);
    const [first] = good;
    if (first?.suspect) await handleSuspect(first);
    else if (first) await handle(good);
  }

  /**
   * A message that is no event of ours: for good, unless only this version of the service does not know its type. Then it
   * waits for an instance of the newer one, on the last rung where need be: an upgrade may take hours, or be taken back.
   */
  async function refuse(delivery: Delivery): Promise<void> {
    const { parsed, attempt } = delivery;
    if (parsed.ok) return;
    const { reason, error, type } = parsed;
    const isNewer = reason === 'unknown_type' && type !== undefined && (await isRecorded(delivery, type));
    if (isNewer === undefined) return endGivenUp([delivery]);
    const lastRung = retryDelays.length;
    const rung = isNewer && attempt <= MOST_FOR_A_NEWER ? Math.min(attempt, lastRung) : undefined;
    putAside(delivery, { reason, error, attempt }, rung);
  }

  /** @returns undefined where the delivery is lost before that is known */
  async function isRecorded(delivery: Delivery, type: string): Promise<boolean | undefined> {
    const recorded = await persist([delivery], () => recordedSubscriptions(database, name));
    return recorded && 'value' in recorded && recorded.value.current.includes(type);
  }

  /**
   * Does some work for the batch, taking it up again for as long as the infrastructure fails.
   * @returns undefined when the batch is lost or the process stops, or its error where that is not the infrastructure's
   */
  async function persist<T>(
    batch: readonly Delivery[],
    work: () => Promise<T>,
  ): Promise<{ value: T } | { error: unknown } | undefined> {
    for (let failures = 0; batch.some(isHeld); failures++) {
      const startedAt = performance.now();
      try {
        attemptSince = startedAt;
        const value = await work().finally(() => (attemptSince = undefined));
        if (pausedBy) log.info('resumed');
        pausedBy = undefined;
        slowInARow = 0;
        return { value };
      } catch (error) {
        if (stopping.aborted) {
          gaveUp = true; // unacknowledged: delivered again elsewhere
          return undefined;
        }
        if (!(await isInfrastructures(error))) return { error };
        const fields = { error: briefly(error), events: batch.length };
        const isOutage = failures > 0 || performance.now() - startedAt > OUTAGE_MS;
        if (!pausedBy && isOutage) log.warn(fields, 'paused: the database cannot do the work');
        if (isOutage) pausedBy = briefly(error);
        await backoff(failures, { signal: stopping });
      }
    }
    return undefined; // the session is gone: they come again
  }

  async function isInfrastructures(error: unknown): Promise<boolean> {
    const kind = failureKind(error);
    if (kind !== 'contention') return kind === 'infrastructure';
    if (isLockTimeout(error)) {
      lockedAt = Date.now();
      countLockTimeout(name);
      return aTableIsLocked(database).catch(() => true);
    }
    slowInARow += 1;
    return slowInARow > SLOW_DATABASE;
  }

  async function handle(batch: readonly GoodDelivery[], attempt: Attempt = (work) => work()): Promise<void> {
    const startedAt = performance.now();
    const how = {
      lockTimeoutMs: Date.now() - lockedAt < SHORT_LOCKS_FOR_MS ? SHORT_LOCK_MS : undefined,
      suspect: batch.some(({ suspect, attempt }) => suspect || attempt > 1),
    };
    const attempts = batch.map(({ parsed, attempt }) => ({ event: parsed.event, attempt }));
    const result = await persist(batch, () =>
      attempt(() =>
        trace.around(batch, transactions, (over) => handleBatch(over, name, handlers, attempts, how)),
      ),
    );
    if (!result) return endGivenUp(batch);
    if ('error' in result) return blame(batch, result.error);
    acknowledge(...batch);
    logHandled(batch, result.value, performance.now() - startedAt);
  }

  /**
   * A redelivered event goes alone, and on record, so that it can be told from its neighbours if it kills. An attempt that
   * has failed was lived through: nothing is on record while the next one is waited for, however often we are killed then.
   */
  async function handleSuspect(delivery: GoodDelivery): Promise<void> {
    const { id } = delivery.parsed.event;
    let isOnRecord = false;
    await handle([delivery], async (work) => {
      if (!isOnRecord) {
        const deaths = await beginSuspect(database, name, id);
        isOnRecord = true;
        if (deaths >= MAX_CRASHES)
          throw new PermanentError('crashed_consumer', `its consumer died ${deaths} times with it in hand`);
      }
      try {
        return await work();
      } catch (error) {
        const cleared = within(CLEAR_MS, clearSuspect(database, name, id));
        isOnRecord = await cleared.then(
          () => false,
          () => true,
        );
        throw error;
      }
    });
    await livedThrough(id);
  }

  /**
   * Takes an event off the record of suspects, through an outage too, or it would be blamed for the outage; and
   * when the process stops, or it would be blamed for that.
   */
  async function livedThrough(eventId: string): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        return await within(CLEAR_MS, clearSuspect(database, name, eventId));
      } catch (error) {
        log.warn({ event_id: eventId, error: briefly(error) }, 'could not clear a suspect');
        const kind = failureKind(error);
        if (stopping.aborted || kind === 'transient' || kind === 'permanent') return;
        await backoff(failures, { signal: stopping });
      }
    }
  }

  /** Finds the guilty ones of a batch by handling each alone, or sets a single guilty one aside. */
  async function blame(batch: readonly GoodDelivery[], error: unknown): Promise<void> {
    const kind = failureKind(error);
    const [only] = batch;
    if (batch.length > 1) {
      log.warn(
        { error: briefly(error), events: batch.length },
        'a batch failed; handling its events one by one',
      );
      for (const delivery of batch) if (!gaveUp) await handle([delivery]);
    } else if (only) {
      putAside(
        only,
        { reason: reasonOf(error), error: briefly(error), attempt: only.attempt },
        kind === 'permanent' ? undefined : only.attempt,
      );
    }
  }

  /** @param rung of the ladder of retries, from 1; without one, or past the last, it is a dead letter */
  function putAside(delivery: Delivery, failure: Failure, rung = 0): void {
    const retry = retryDelays[rung - 1];
    endFailed(delivery, failure, retry ? 'retried' : 'dead_lettered');
    aside.begin(delivery, failure, retry);
  }

  function logHandled(batch: readonly GoodDelivery[], fresh: ReadonlySet<string>, tookMs: number): void {
    const seen = new Set<string>();
    const [first] = batch;
    const times = batch.map(({ parsed }) => Date.parse(parsed.event.time));
    if (first) countBatch(name, first.parsed.event.type, { tookMs, fresh: fresh.size, times });
    for (const delivery of batch) {
      const { parsed, attempt } = delivery;
      const identity = identityOf(parsed.event);
      const isFirst = fresh.has(identity) && !seen.has(identity);
      seen.add(identity);
      endHandled(delivery, isFirst ? 'handled' : 'duplicate');
      const fields = {
        ...deliveryLogFields(delivery),
        attempt,
        batch: batch.length,
        took_ms: Math.round(tookMs),
      };
      log.info(fields, isFirst ? 'handled' : 'handled before, ignored');
    }
  }

  return {
    settle,
    attemptMs: () => (attemptSince === undefined ? 0 : performance.now() - attemptSince),
    pausedBy: () => pausedBy,
    hasGivenUp: () => gaveUp,
  };
}

/** The short code under which a handler's failure is on record. */
function reasonOf(error: unknown): string {
  if (error instanceof PermanentError) return error.reason;
  // As with a type that only a newer version knows: it is tried again, for such a one may be there by then.
  return error instanceof UnknownValueError ? 'unknown_value' : 'handler_failed';
}
