import { isEventType } from '../events/contracts';
import { parseMessage } from '../events/envelope';
import type { Database } from '../service/database';
import type { Logger } from '../service/logger';
import { pause } from '../service/pause';
import { within } from '../service/within';
import { failedAttempts } from './dead-letter';
import { isGood, type Attachment, type Delivery } from './delivery';
import { briefly } from './failure';
import { subscribedTypes, type HandlerTable } from './handler';
import { recordProgress } from './progress';
import { openPublisher } from './publisher';
import { keepSession, type Session } from './session';
import { createSettler } from './settle';
import { declareService, serviceNames, type RetryDelay } from './topology';

export interface ConsumerOptions {
  /** The service's name: its queue, and the consumer in `processed_events`. */
  name: string;
  handlers: HandlerTable;
  database: Database;
  rabbitmqUrl: string;
  log: Logger;
  /** Deliveries in one transaction at most. */
  batchSize: number;
  /** Unacknowledged deliveries in this process at most. */
  prefetch: number;
  /** How long a transient failure waits before each further attempt; after the last, the dead-letter queue. */
  retryDelays: readonly RetryDelay[];
}

export interface Consumer {
  /** True while it is attached to its queue and the database lets it work. */
  isReady(): boolean;
  /** Deliveries in this process that are neither handled nor set aside yet. */
  inHand(): number;
  /** Stops consuming, finishes and acknowledges what is in hand, closes. */
  stop(): Promise<void>;
}

const CONFIRM_TIMEOUT_MS = 15_000;
const DRAIN_MS = 8_000;
const REST_SHARE = 2;
const LONGEST_REST_MS = 50;

/**
 * The consumer runtime: takes messages from the service's queue, handles them in batches of one type,
 * each in one transaction with its dedupe rows and its outbox rows, and acknowledges after the commit.
 * What becomes of failures is {@link createSettler}'s part.
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  const { name, handlers, database, log } = options;
  const accepts = (type: string) => isEventType(type) && handlers[type] !== undefined;
  const stopping = new AbortController();
  const settler = createSettler({ ...options, stopping: stopping.signal });
  let inHand: Delivery[] = [];
  let atWork: readonly Delivery[] = [];
  let attached: Attachment | undefined;
  let consumerTag: string | undefined;
  let working: Promise<void> | undefined;
  let restUntil = 0;

  const keeper = keepSession({ url: options.rabbitmqUrl, name, log, setUp: attach });
  const stopProgress = recordProgress(database, name, caughtUpAt, (error) =>
    log.debug({ error: briefly(error) }, 'could not record the progress'),
  );

  async function attach(session: Session): Promise<void> {
    const channel = await session.openChannel();
    await declareService(channel, name, subscribedTypes(handlers), options.retryDelays);
    const publisher = await openPublisher(session, CONFIRM_TIMEOUT_MS);
    const attachment: Attachment = { session, channel, publisher, unacknowledged: new Set() };
    session.onEnd(() => {
      // The broker delivers these again, to whoever is attached then.
      inHand = inHand.filter((delivery) => delivery.attachment !== attachment);
      if (attached === attachment) attached = consumerTag = undefined;
    });
    await channel.prefetch(options.prefetch);
    attached = attachment;
    ({ consumerTag } = await channel.consume(serviceNames(name).queue, (message) => {
      if (!message) {
        return session.fail(
          new Error(`the broker cancelled the consumer of ${name}: was its queue deleted?`),
        );
      }
      attachment.unacknowledged.add(message.fields.deliveryTag);
      inHand.push({
        message,
        parsed: parseMessage(message.content, accepts, message.properties),
        attempt: failedAttempts(message) + 1,
        suspect: message.fields.redelivered,
        attachment,
      });
      work();
    }));
  }

  function work(): void {
    working ??= emptyHands()
      .catch((error: unknown) => log.error({ err: error }, 'the consumer loop failed'))
      .finally(() => {
        working = undefined;
        atWork = [];
        if (inHand.length > 0 && !stopping.signal.aborted) work();
      });
  }

  async function emptyHands(): Promise<void> {
    while (inHand.length > 0) {
      await gather();
      const startedAt = performance.now();
      for (let left = inHand.length; left > 0 && inHand.length > 0; left -= atWork.length) {
        atWork = takeBatch();
        await settler.settle(atWork);
      }
      atWork = [];
      const endedAt = performance.now();
      restUntil = endedAt + Math.min(LONGEST_REST_MS, REST_SHARE * (endedAt - startedAt));
    }
  }

  /**
   * After a quiet moment a delivery is handled at once. In traffic a round is followed by a rest in proportion to
   * what it took, in which the next one gathers: a transaction costs about the same for one event as for
   * ten, and the busier the machine, the longer the round and the fuller the next.
   */
  async function gather(): Promise<void> {
    const waitMs = restUntil - performance.now();
    if (waitMs > 0 && inHand.length < options.batchSize) await pause(waitMs, stopping.signal);
  }

  /**
   * The oldest delivery, with others of its type as far as the batch goes: one type a transaction keeps
   * the global order of locks. What is invalid, or may have crashed a process, goes alone.
   */
  function takeBatch(): Delivery[] {
    const [first] = inHand;
    if (!first) return [];
    const batch = [first];
    if (isGood(first) && !first.suspect) {
      for (const next of inHand.slice(1)) {
        if (batch.length >= options.batchSize) break;
        if (isGood(next) && !next.suspect && next.parsed.event.type === first.parsed.event.type)
          batch.push(next);
      }
    }
    const taken = new Set(batch);
    inHand = inHand.filter((delivery) => !taken.has(delivery));
    return batch;
  }

  /** With nothing in hand the queue is empty as well: the broker sends ahead. Else, the event at work. */
  function caughtUpAt(): Date | undefined {
    if (!attached || !consumerTag) return undefined;
    const oldest = [...atWork, ...inHand].find((delivery) => isGood(delivery) && !delivery.suspect);
    if (oldest?.parsed.ok) return new Date(oldest.parsed.event.time);
    return atWork.length + inHand.length === 0 ? new Date() : undefined;
  }

  return {
    isReady: () => keeper.isUp() && consumerTag !== undefined && !settler.isPaused(),
    inHand: () => inHand.length + atWork.length,
    stop: async () => {
      stopping.abort(); // whoever waits out an outage gives up: unacknowledged, so delivered again
      const stopAt = Date.now() + DRAIN_MS;
      if (attached && consumerTag) {
        // Should the broker not answer: closing the session gives everything back just as well.
        await within(1_000, attached.channel.cancel(consumerTag)).catch((error: unknown) =>
          log.warn({ error: briefly(error) }, 'the broker did not confirm the end of the consumer'),
        );
      }
      while (working && Date.now() < stopAt) {
        await within(stopAt - Date.now(), working).catch(() =>
          log.warn('still at work, stopping all the same'),
        );
      }
      inHand = [];
      // amqplib interleaves the frames of its channels, so the end of the connection could overtake the
      // last acknowledgements; the end of their own channel cannot.
      if (attached) await within(1_000, attached.channel.close()).catch(() => undefined);
      await Promise.all([keeper.stop(), stopProgress()]);
    },
  };
}
