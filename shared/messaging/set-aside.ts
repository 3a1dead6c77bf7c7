import { backoff } from '../service/backoff';
import type { Database } from '../service/database';
import type { Logger } from '../service/logger';
import { within } from '../service/within';
import { publishCopy, recordFailure, takePlaceOnRecord, type Failure } from './dead-letter';
import { countOutcome } from './consumer-metrics';
import {
  acknowledge,
  deliveryLogFields,
  giveBack,
  isForBroker,
  isSettled,
  leaveToBroker,
  type Delivery,
} from './delivery';
import { briefly } from './failure';
import type { Publisher, PublishOutcome } from './publisher';
import type { RetryDelay } from './topology';

/** The way by which copies go out. */
export interface Copies {
  /** Undefined while the broker takes none: it is away, or in alarm. */
  publisher(): Publisher | undefined;
  /**
   * Told that the broker refused one: the next ones go over a new connection. RabbitMQ keeps in mind for each channel
   * that a queue is full, and may never forget it when a policy is the cause that goes away (seen with 3.10).
   */
  refused(): void;
}

export interface AsideOptions {
  /** The consumer's name. */
  name: string;
  database: Database;
  log: Logger;
  copies: Copies;
  /** Deliveries that may wait for this at a time; beyond, the oldest make room. */
  most: number;
  stopping: AbortSignal;
}

export interface Aside {
  /** Begins to set a failed message aside; the others need not wait for it. Never throws. */
  begin(delivery: Delivery, failure: Failure, retry: RetryDelay | undefined): void;
  /** Leaves a dead letter to the broker at once, without a copy that says why; that is on record. Never throws. */
  leave(delivery: Delivery, failure: Failure): void;
  /** Resolves when nothing is under way any more. */
  finished(): Promise<void>;
}

/** So long a dead letter waits for the broker to take its copy, which says why; then the broker moves it without. */
const PATIENCE_MS = 60_000;
/** And so long while the broker takes no copies at all, as in an alarm: less than its own time for an acknowledgement. */
const PATIENCE_IN_ALARM_MS = 10 * 60_000;
const LOOK_EVERY_MS = 500;
/** A database that hangs holds up no copy for longer. */
const PLACE_MS = 2_000;

/**
 * Sets failed messages aside, each by itself and beside the handling of others: a copy that says why goes into the
 * retry queue or the dead-letter queue, and only when the broker has it is the original acknowledged.
 *
 * Where the copy is refused, the message stays safe in the queue: a dead letter is left to the broker's own
 * dead-lettering, a message to be retried is held and tried again. Copies go out on a connection of their own,
 * because a broker in alarm stops reading from connections that publish, and with it their acknowledgements. What was
 * sent into an alarm comes out at its end: it is waited for rather than sent again, as long as nobody needs the room.
 */
export function createAside({ name, database, log, copies, most, stopping }: AsideOptions): Aside {
  const underWay = new Map<Delivery, Promise<void>>();

  /** Of too many the oldest: those alone, or what was given back would come again at once, and again. */
  const makesRoom = (delivery: Delivery) =>
    underWay.size > most && [...underWay.keys()].indexOf(delivery) < underWay.size - most;
  const patient = (startedAt: number) =>
    Date.now() - startedAt < (copies.publisher() ? PATIENCE_MS : PATIENCE_IN_ALARM_MS);

  async function setAside(
    delivery: Delivery,
    failure: Failure,
    retry: RetryDelay | undefined,
  ): Promise<void> {
    const startedAt = Date.now();
    // Without one, as where the database is away, it is recorded by the time of its writing, and record() says what is wrong.
    const place = await within(PLACE_MS, takePlaceOnRecord(database)).catch(() => undefined);
    for (let failures = 0; !isSettled(delivery); failures++) {
      const refusal = await copy(delivery, failure, retry, startedAt);
      if (refusal === undefined) return finish(delivery, failure, retry, place);
      if (failures === 0)
        log.error(
          { ...deliveryLogFields(delivery), error: refusal },
          'could not set a failed message aside; it waits',
        );
      const inVain = makesRoom(delivery) || !patient(startedAt) || isForGood(refusal);
      if (!retry && inVain && isForBroker(delivery)) {
        await record(delivery, failure, retry);
        countOutcome(name, typeOf(delivery), 'dead_lettered');
        log.error(
          { ...deliveryLogFields(delivery), ...failure },
          'failed, left to the broker to dead-letter',
        );
        return leaveToBroker(delivery);
      }
      if (makesRoom(delivery)) return giveBack(delivery);
      await backoff(failures, { signal: stopping });
      if (stopping.aborted) return; // unacknowledged: delivered again
    }
  }

  async function leave(delivery: Delivery, failure: Failure): Promise<void> {
    log.error({ ...deliveryLogFields(delivery), ...failure }, 'failed, left to the broker to dead-letter');
    countOutcome(name, typeOf(delivery), 'dead_lettered');
    leaveToBroker(delivery);
    await record(delivery, failure, undefined);
  }

  /** @returns why the broker has no copy for certain; undefined when it has one */
  async function copy(
    delivery: Delivery,
    failure: Failure,
    retry: RetryDelay | undefined,
    startedAt: number,
  ): Promise<string | undefined> {
    const open = copies.publisher();
    if (!open) return 'the broker takes no messages now';
    try {
      const copying = publishCopy(open, name, delivery.message, failure, retry);
      const outcome = await unlessInVain(copying, delivery, startedAt);
      if (outcome.kind === 'refused' && !outcome.unencodable) copies.refused();
      return outcome.kind === 'routed' ? undefined : refusalOf(outcome, name, retry);
    } catch (error) {
      return briefly(error);
    }
  }

  /** A copy that an alarm holds up is waited for, unless the room is needed, the process stops, or it takes too long. */
  async function unlessInVain(
    copying: Promise<PublishOutcome>,
    delivery: Delivery,
    startedAt: number,
  ): Promise<PublishOutcome> {
    let look: NodeJS.Timeout | undefined;
    const inVain = new Promise<never>((_, reject) => {
      look = setInterval(() => {
        const isInVain = stopping.aborted || makesRoom(delivery) || !patient(startedAt);
        if (isInVain && !copies.publisher()) reject(new Error('the broker is in alarm'));
      }, LOOK_EVERY_MS);
    });
    return Promise.race([copying, inVain]).finally(() => clearInterval(look));
  }

  async function finish(
    delivery: Delivery,
    failure: Failure,
    retry: RetryDelay | undefined,
    place: bigint | undefined,
  ): Promise<void> {
    countOutcome(name, typeOf(delivery), retry ? 'retried' : 'dead_lettered');
    const about = { ...deliveryLogFields(delivery), ...failure };
    if (retry) log.warn({ ...about, retry_in: retry.label }, 'failed, will be retried');
    else log.error(about, 'failed, put into the dead-letter queue');
    await record(delivery, failure, retry, place);
    acknowledge(delivery); // last: what is not on record by then comes again, and is set aside again
  }

  async function record(
    delivery: Delivery,
    failure: Failure,
    retry: RetryDelay | undefined,
    place?: bigint,
  ): Promise<void> {
    const { parsed } = delivery;
    await recordFailure(database, name, parsed.ok ? parsed.event : parsed, failure, retry, place).catch(
      (error: unknown) =>
        log.warn({ ...deliveryLogFields(delivery), error: briefly(error) }, 'could not record the failure'),
    );
  }

  return {
    begin: (delivery, failure, retry) => {
      const work = setAside(delivery, failure, retry)
        .catch((error: unknown) => delivery.attachment.session.fail(error)) // delivered again in a new one
        .finally(() => underWay.delete(delivery));
      underWay.set(delivery, work);
    },
    leave: (delivery, failure) => void leave(delivery, failure),
    finished: async () => {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
  };
}

const typeOf = ({ parsed }: Delivery) => (parsed.ok ? parsed.event.type : parsed.type);

const refusalOf = (outcome: PublishOutcome, name: string, retry: RetryDelay | undefined): string =>
  outcome.kind === 'refused'
    ? `${outcome.unencodable ? UNENCODABLE : ''}${outcome.error}`
    : `${name} has lost its ${retry ? 'retry' : 'dead-letter'} queue`;

const UNENCODABLE = 'it cannot be written as AMQP: ';
const isForGood = (refusal: string) => refusal.startsWith(UNENCODABLE);
