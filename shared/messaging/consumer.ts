import { setMaxListeners } from 'node:events';
import type { ConsumeMessage } from 'amqplib';
import { isEventType } from '../events/contracts';
import { parseMessage, type Event } from '../events/envelope';
import type { Database } from '../service/database';
import type { Logger } from '../service/logger';
import type { Transactions } from '../service/transaction';
import { pause } from '../service/pause';
import { neverPaused, type Pauses } from '../service/pauses';
import { within } from '../service/within';
import { beginCounting } from './consumer-metrics';
import { failedAttempts } from './dead-letter';
import {
  flushAcks,
  giveBack,
  isForBroker,
  isGood,
  isSettled,
  type Attachment,
  type Delivery,
} from './delivery';
import { briefly } from './failure';
import { createMissed } from './fetch-missed';
import { createFlow, type Flow } from './flow';
import { subscribedTypes, type HandlerTable } from './handler';
import { createHands } from './hands';
import { keepTopology } from './keep-topology';
import { QUIET_TIMES, RECORD_EVERY_MS, recordProgress, type Holding } from './progress';
import { onLooseChannel } from './loose-channel';
import { openCopies } from './open-copies';
import { keepSession, type Session } from './session';
import { isBeingRenewed } from './renewal-lock';
import { createRetirement, recordLadder } from './retire-retry-queues';
import { createAside } from './set-aside';
import { createSettler } from './settle';
import { recordedSubscriptions } from './subscriptions';
import {
  declareService,
  isExchangeGone,
  otherwiseDeclared,
  serviceNames,
  type DeclareHow,
  type RetryDelay,
} from './topology';

export interface ConsumerOptions {
  /** The service's name: its queue, and the consumer in `processed_events`. */
  name: string;
  handlers: HandlerTable;
  database: Database;
  /** What batches are handled in; the database's, if absent. */
  transactions?: Transactions;
  rabbitmqUrl: string;
  log: Logger;
  /** Deliveries in one transaction at most. */
  batchSize: number;
  /** Unacknowledged deliveries in this process at most. */
  prefetch: number;
  /** How long a transient failure waits before each further attempt; after the last, the dead-letter queue. */
  retryDelays: readonly RetryDelay[];
  /** How long an event may wait for others after a round, while others come, in milliseconds; not at all, if absent. */
  patienceMs?: ((event: Event) => number) | undefined;
  /** What is paused; nothing ever, if absent. */
  pauses?: Pauses;
  /** Others than its own intervals. */
  upkeep?: Partial<Upkeep>;
}

/** The intervals at which a consumer looks after itself, in milliseconds. */
export interface Upkeep {
  /** Between two looks at the bindings, and for what was missed; three times that while nothing happens. */
  tendEveryMs: number;
  /** What was published more recently is not missed yet: it may still be on its way. */
  settlingMs: number;
  /** Between two records of how far it has come; three times that while it has nothing to do. */
  recordEveryMs: number;
  /** Messages that wait for so long, while none is settled, mean that it does not consume. */
  stalledMs: number;
  /** What nobody has begun with so long after a pause goes back to the queue. */
  letGoMs: number;
}

const UPKEEP: Upkeep = {
  tendEveryMs: 5_000,
  settlingMs: 5_000,
  recordEveryMs: RECORD_EVERY_MS,
  stalledMs: 30_000,
  letGoMs: 5_000,
};
/** Of two instances that look, the second has nothing to find so soon after the first. */
const TURN_SHARE = 0.8;
const FORGOTTEN_TIMES = 3;
const RENEWING = 'npm run migrate is declaring its queue anew';

export interface Consumer {
  /** True while it is attached to its queue with its bindings, and gets its work done. */
  isReady(): boolean;
  /** Why it is not ready, for people; undefined where it is. */
  notReadyBecause(): string | undefined;
  /** For how long it has been at the same attempt to handle something, in milliseconds; 0 where it is at none. */
  attemptMs(): number;
  /** The ids of the events that it is at. */
  atWork(): string[];
  /** How many deliveries it has settled, one way or the other. */
  settled(): number;
  /** Messages in its dead-letter queue when last looked at, seconds ago; undefined where it cannot look. */
  deadLetters(): number | undefined;
  /** Deliveries in this process that are neither handled nor set aside yet. */
  inHand(): number;
  /** Deliveries that this process has and the broker has heard nothing of yet. */
  unacknowledged(): number;
  /** Stops consuming, finishes and acknowledges what is in hand, closes. */
  stop(): Promise<void>;
}

const DRAIN_MS = 8_000;
const REST_SHARE = 2;
const LONGEST_REST_MS = 50;
/** An event that has been on its way for so long meets a mesh that is behind. */
const BEHIND_MS = 20;
/** Events that may wait for others wait no longer than that for the next one. */
const LULL_MS = 100;

/** Of messages that are larger, so much is held at a time; the broker moves the others by itself. */
const MOST_LARGE_BYTES = 8 * 1024 * 1024;
const TEND_MS = 15_000;
const LOOK_MS = 5_000;
/** So many times as long as it takes to say so: whoever asks shall hear of it before it is over. */
const HEAL_AFTER = 1.5;
/** No attempt takes so long, where the database is well. It is half of what a statement is waited for: see `ANSWER_MS`. */
const STUCK_MS = 20_000;

/**
 * The consumer runtime: takes messages from the service's queue, handles them in batches of one type,
 * each in one transaction with its dedupe rows and its outbox rows, and acknowledges after the commit.
 *
 *     queue ──▶ in hand ──▶ batch ──▶ transaction ──▶ acknowledged
 *                             │            │
 *                             │            ├─ infrastructure: pause, the same batch again, no attempt spent
 *                             │            ├─ contention: the batch one by one, whoever still waits is set aside
 *                             │            └─ failed: one by one, the guilty one is set aside
 *                             └─ no event of ours: set aside
 *     set aside ──▶ retry queue ──▶ (its delay) ──▶ queue          or ──▶ dead-letter queue
 *
 * **Who is right about what.** The database, about what was handled: `processed_events` commits with the effects.
 * The broker, about what is to be done: a message is acknowledged on the channel that delivered it, after the commit,
 * or not at all. The relay's log, about what there was: what the broker lost is found there and sent again.
 *
 * **One session, one fate.** A connection with its channels is used until anything of it breaks, and then given up
 * whole: everything unacknowledged comes again, here or at another instance, marked as redelivered. Such an event
 * goes alone and on record, so that one that kills its process is told from its neighbours.
 *
 * **What happens when…**
 * - *the process is killed*: the broker delivers again at once; what had committed is recognised and ignored.
 * - *the process hangs* (SIGSTOP, a blocked event loop): PostgreSQL ends its transaction (`idle_in_transaction_session_timeout`)
 *   and frees its locks; the broker misses two heartbeats and gives its messages to the others. When it wakes, its
 *   transaction is gone and its session too: it does no harm. Liveness fails meanwhile, so that it is restarted.
 * - *the database is away, slow, or lacks a grant*: the consumer pauses with its batch, says why, and resumes.
 * - *somebody holds a lock*: on a table, as before; on rows, only the events about these go up the ladder.
 * - *the broker does not take a copy* (a refusing policy, an alarm): that one message waits, the others are handled.
 * - *a binding, a queue or the exchange is gone*: it is restored within seconds, and what was published meanwhile is
 *   taken from the log.
 * - *the service is paused*: the broker is told to send no more, what has been begun is finished, and the rest goes back
 *   to the queue. After that the prefetch grows by and by.
 * - *it is attached and is sent nothing*, though messages wait: it is not ready, and begins another session.
 * - *a handler never ends*: see {@link endWhenStuck}; the events come again, and each is handled alone.
 * - *the process is told to stop*: it takes no more, finishes what it has, acknowledges, and leaves.
 *
 * What becomes of failures is {@link createSettler}'s and {@link createAside}'s part.
 */
export function startConsumer(options: ConsumerOptions): Consumer {
  const { name, handlers, database, log, prefetch, pauses = neverPaused } = options;
  const upkeep = { ...UPKEEP, ...options.upkeep };
  beginCounting(name);
  const ownTypes = subscribedTypes(handlers);
  const accepts = (type: string) => isEventType(type) && handlers[type] !== undefined;
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // one for each message that waits to be set aside
  const copies = openCopies(options.rabbitmqUrl, name, log);
  const aside = createAside({ name, database, log, copies, most: prefetch / 2, stopping: stopping.signal });
  const settler = createSettler({ ...options, aside, stopping: stopping.signal });
  const missed = createMissed({
    name,
    database,
    log,
    publisher: () => copies.publisher(),
    turnMs: upkeep.tendEveryMs * TURN_SHARE,
    settlingMs: upkeep.settlingMs,
  });
  const hands = createHands(options.batchSize, isSettled);
  let attached: Attachment | undefined;
  let flow: Flow | undefined;
  let working: Promise<void> | undefined;
  let missing = 0;
  let waiting = 0;
  let settledBefore = 0;
  /** By the broker, of its own accord: what a `get` brings is no sign that it has not forgotten this consumer. */
  let sent = 0;
  let sentThen = 0;
  /** Since when messages wait and none is sent, and when that was last seen. */
  let still = { since: 0, seenAt: 0 };
  let letGoAt = Infinity;
  /** When the broker took something back: whoever has that now must have said so before this instance says it has nothing. */
  let lostAt = -Infinity;
  let untended = { times: 0, error: '' };
  let deadLetters: number | undefined;
  let inCopy: Delivery[] = [];
  let roundEndedAt = -Infinity;
  let lastRoundMs = 0;
  const retirement = createRetirement(database, name);
  const asIs = new Set<string>();
  let exchange: DeclareHow['exchange'] = 'bind';

  const keeper = keepSession({ url: options.rabbitmqUrl, name, log, setUp: attach });
  const progress = recordProgress(
    database,
    name,
    holding,
    (error) => log.debug({ error: briefly(error) }, 'could not record the progress'),
    { ladder: options.retryDelays.map(({ label }) => label), everyMs: upkeep.recordEveryMs },
  );
  const tending = tend();

  async function attach(session: Session): Promise<void> {
    if (await isBeingRenewed(database, name)) throw new Error(RENEWING);
    await declare(session);
    const channel = await session.openChannel();
    const tendingChannel = await session.openChannel();
    const attachment: Attachment = {
      session,
      channel,
      tendingChannel,
      unacknowledged: new Set(),
      mostAcks: Math.floor(prefetch / 4),
      delivered: 0,
      since: performance.now(),
      forgotten: 0,
    };
    session.onEnd(() => {
      if (attachment.unacknowledged.size > 0) lostAt = performance.now();
      hands.lose(attachment); // the broker delivers these again, to whoever is attached then
      settledBefore += settledOf(attachment);
      if (attached === attachment) attached = flow = undefined;
      deadLetters = undefined;
    });
    await pauses.known(); // one that is paused consumes nothing, not even for a moment
    await progress.begin(); // one that hangs with its first deliveries must not go unnoticed
    attached = attachment;
    flow = createFlow(attachment, name, prefetch, pauses, () => consume(attachment));
    await flow.adjust();
  }

  async function consume(attachment: Attachment): Promise<string> {
    const { consumerTag } = await attachment.channel.consume(serviceNames(name).queue, (message) => {
      if (!message) {
        return attachment.session.fail(
          new Error(`the broker cancelled the consumer of ${name}: was its queue deleted?`),
        );
      }
      sent += 1;
      receive(message, attachment);
    });
    return consumerTag;
  }

  pauses.onRead(() => {
    if (stopping.signal.aborted) return;
    void flow?.adjust();
    if (!pauses.of(name)) letGoAt = Infinity;
    else if (letGoAt === Infinity) letGoAt = performance.now() + upkeep.letGoMs;
    else if (performance.now() > letGoAt) for (const delivery of hands.letGo()) giveBack(delivery);
  });

  const settledOf = ({ delivered, unacknowledged }: Attachment) => delivered - unacknowledged.size;
  const settled = () => settledBefore + (attached ? settledOf(attached) : 0);

  function receive(message: ConsumeMessage, attachment: Attachment): void {
    attachment.delivered++;
    attachment.unacknowledged.add(message.fields.deliveryTag);
    const parsed = parseMessage(message.content, accepts, message.properties);
    const delivery: Delivery = {
      message,
      parsed,
      attempt: failedAttempts(message) + 1,
      suspect: message.fields.redelivered,
      attachment,
      patienceMs: 0,
    };
    if (isGood(delivery)) delivery.patienceMs = options.patienceMs?.(delivery.parsed.event) ?? 0;
    const isLarge = !parsed.ok && parsed.reason === 'too_large';
    if (isLarge && !hasRoomFor(delivery) && isForBroker(delivery))
      return aside.leave(delivery, { reason: parsed.reason, error: parsed.error, attempt: delivery.attempt });
    hands.take(delivery);
    if (message.fields.redelivered) progress.renewSoon();
    work();
  }

  /** Large ones are copied to the dead-letter queue with the reason, as far as the memory for them goes. */
  function hasRoomFor(delivery: Delivery): boolean {
    inCopy = inCopy.filter((one) => !isSettled(one));
    const bytes = inCopy.reduce((sum, { message }) => sum + message.content.length, 0);
    if (bytes + delivery.message.content.length > MOST_LARGE_BYTES) return false;
    inCopy.push(delivery);
    return true;
  }

  /** What another version has declared otherwise is no reason to be away. */
  async function declare(session: Session): Promise<void> {
    await recordLadder(database, name, options.retryDelays);
    const types = await typesToBind();
    for (let isDone = false; !isDone;) {
      try {
        await onLooseChannel(session.loose, (channel) =>
          declareService(channel, name, types, options.retryDelays, { asIs, exchange }),
        );
        isDone = true;
        exchange = 'bind';
      } catch (error) {
        exchange = isExchangeGone(error) ? 'declare' : 'bind';
        const other = otherwiseDeclared(error);
        if (!other || asIs.has(other)) {
          asIs.clear(); // one of them may be gone: the next session declares it
          throw error;
        }
        asIs.add(other);
        log.warn(
          { queue: other, error: briefly(error) },
          `${other} was declared with other arguments; it is used as it is until npm run migrate`,
        );
      }
    }
  }

  /** The record says what to bind: it knows what a newer version takes, and what was ended. */
  async function typesToBind(): Promise<readonly string[]> {
    const { current, ended } = await recordedSubscriptions(database, name);
    if (current.length === 0)
      log.warn('no subscription is on record: run npm run migrate, for audit and backfill go by the record');
    return current.length + ended.length > 0 ? current : ownTypes;
  }

  /** Restores what is gone, and fetches what was published meanwhile. */
  async function tend(): Promise<void> {
    let settledThen = -1;
    for (let isQuiet = false; !stopping.signal.aborted;) {
      await pause(isQuiet ? QUIET_TIMES * upkeep.tendEveryMs : upkeep.tendEveryMs, stopping.signal);
      isQuiet = false;
      if (!attached || !flow || stopping.signal.aborted) continue;
      const tended = attached;
      const tag = flow.consumerTag;
      try {
        const restoring = keepTopology(tended.tendingChannel, database, name, ownTypes, options.retryDelays);
        const found = await within(TEND_MS, restoring);
        ({ deadLetters, waiting } = found);
        untended = { times: 0, error: '' };
        noticeForgotten(tended, found.consumers === 0 && tag !== undefined && flow?.consumerTag === tag);
        noticeStall(tended);
        const oneIsGone = flow?.consumerTag !== undefined && (await progress.forgetDead(found.consumers));
        missing = pauses.of(name) ? 0 : await missed.look();
        await retirement.look(tended.session.loose);
        if (await isBeingRenewed(database, name)) await letGo(tended);
        isQuiet =
          settled() === settledThen && hands.held + waiting + missing + tended.forgotten === 0 && !oneIsGone;
        settledThen = settled();
      } catch (error) {
        untended = { times: untended.times + 1, error: briefly(error) };
        log.warn({ error: untended.error }, 'could not check the bindings, or what was never delivered');
      }
    }
  }

  /**
   * One that the broker has forgotten, or never began to send to, looks like one that has nothing to do: it begins anew.
   * One that settles what it has is sent more. It goes by looks into the queue alone, so that a broker that is slow to
   * answer is not taken for one that sends nothing.
   */
  function noticeStall(attachment: Attachment): void {
    const now = performance.now();
    const moves = waiting === 0 || sent !== sentThen || pauses.of(name) !== undefined;
    sentThen = sent;
    still = { since: moves ? now : still.since, seenAt: now };
    const healMs = upkeep.stalledMs * HEAL_AFTER;
    if (hands.held === 0 && now - still.since > healMs && now - attachment.since > healMs)
      attachment.session.fail(new Error(`${waiting} messages wait in the queue, and none is delivered`));
  }

  /**
   * A quorum queue that has lost its leader for good still answers: nothing waits, and nobody consumes it, though this
   * one does. So it may while one is elected, or while its leader takes longer than the 250 ms that the broker gives it.
   * Said three times to one that has nothing in hand and is sent nothing, it is so, and attaching anew says what is wrong.
   */
  function noticeForgotten(attachment: Attachment, saysNobody: boolean): void {
    const isForgotten = saysNobody && waiting + hands.held === 0 && sent === sentThen;
    attachment.forgotten = isForgotten ? attachment.forgotten + 1 : 0;
    if (attachment.forgotten >= FORGOTTEN_TIMES)
      attachment.session.fail(new Error(`${name} says that nobody consumes it, though this instance does`));
  }

  const isStalled = () => still.seenAt - still.since > upkeep.stalledMs && sent === sentThen;

  /** Gives the queue up for a moment, with nothing in hand: deleting it would lose that. */
  async function letGo(attachment: Attachment): Promise<void> {
    const { channel, session } = attachment;
    log.info(RENEWING);
    if (flow) await within(1_000, flow.end()).catch(() => undefined);
    await within(DRAIN_MS, finished()).catch(() => undefined); // what is not settled is delivered again
    flushAcks(attachment);
    await within(1_000, channel.close()).catch(() => undefined);
    session.fail(new Error(RENEWING));
  }

  async function finished(): Promise<void> {
    while (working) await working;
    await aside.finished();
  }

  function work(): void {
    working ??= emptyHands()
      .catch((error: unknown) => log.error({ err: error }, 'the consumer loop failed'))
      .finally(() => {
        working = undefined;
        hands.release();
        if (hands.waiting > 0 && !stopping.signal.aborted) work();
      });
  }

  async function emptyHands(): Promise<void> {
    while (hands.waiting > 0 && !settler.hasGivenUp()) {
      await gather();
      const startedAt = performance.now();
      for (let left = hands.waiting; left > 0 && hands.waiting > 0 && !settler.hasGivenUp();) {
        const batch = hands.nextBatch();
        left -= batch.length;
        await settler.settle(batch);
        hands.release();
      }
      roundEndedAt = performance.now();
      lastRoundMs = roundEndedAt - startedAt;
    }
  }

  /**
   * A young event is handled at once; what arrives during its transaction gathers by itself. Where events are so old
   * that the mesh must be behind, a round is followed by a rest in proportion to what it took: a transaction costs about
   * the same for one event as for ten, and the busier the machine, the longer the round and the fuller the next. Events
   * that nobody waits for gather for as long as they may, and as others come.
   */
  async function gather(): Promise<void> {
    while (!stopping.signal.aborted && hands.waiting > 0 && hands.waiting < options.batchSize) {
      const restMs =
        hands.oldestAgeMs() > BEHIND_MS ? Math.min(LONGEST_REST_MS, REST_SHARE * lastRoundMs) : 0;
      const gatheredAt = Math.min(roundEndedAt + hands.patienceMs, hands.takenAt + LULL_MS);
      const waitMs = Math.max(roundEndedAt + restMs, gatheredAt) - performance.now();
      if (waitMs <= 0) return;
      await hands.change(waitMs, stopping.signal);
    }
  }

  async function holding(): Promise<Holding | undefined> {
    const attachment = attached;
    if (!attachment || !flow || stopping.signal.aborted) return undefined;
    if (!flow.consumerTag)
      return hands.held > 0 ? { eventIds: hands.eventIds(), moreMayWait: true } : undefined;
    if (performance.now() - lostAt < upkeep.recordEveryMs)
      return { eventIds: hands.eventIds(), moreMayWait: true };
    if (hands.eventIds().length === 0 && !isDrained(attachment)) await lookIntoQueue(attachment);
    const eventIds = hands.eventIds();
    const isFull = attachment.unacknowledged.size >= flow.prefetch;
    return { eventIds, moreMayWait: isFull || (eventIds.length === 0 && !isDrained(attachment)) };
  }

  /**
   * Nothing in hand may only mean that the broker is slow to send more. The answer to a `get` is up to date. The
   * broker gives it ahead of a delivery that is on its way already, but for one that was before the `get` came: so
   * the second of two answers proves, if nothing was delivered since before the first.
   */
  async function lookIntoQueue(attachment: Attachment): Promise<void> {
    const { delivered } = attachment;
    for (const _ of ['ahead', 'proof']) {
      const got = attachment.channel.get(serviceNames(name).queue).then((message) => {
        // Taken in hand also where it comes too late for who has asked.
        if (message)
          receive(
            { ...message, fields: { ...message.fields, consumerTag: flow?.consumerTag ?? '' } },
            attachment,
          );
        return message !== false;
      });
      if (await within(LOOK_MS, got)) return;
    }
    attachment.drainedAt = delivered;
  }

  const isDrained = ({ delivered, drainedAt }: Attachment) => delivered === drainedAt;

  function notReadyBecause(): string | undefined {
    if (!keeper.isUp() || !flow) {
      const why = keeper.downBecause();
      return `it is not attached to its queue${why ? `: ${why}` : ''}`;
    }
    const paused = settler.pausedBy();
    if (paused) return `the database cannot do the work: ${paused}`;
    if (settler.attemptMs() > STUCK_MS)
      return `it has been at the same batch for ${Math.round(settler.attemptMs() / 1_000)} s`;
    if (untended.times > 1) return `its bindings cannot be looked after: ${untended.error}`;
    if (isStalled())
      return `${waiting} messages wait in its queue, and it has ${hands.held > 0 ? 'settled' : 'been sent'} none for ${Math.round((performance.now() - still.since) / 1_000)} s`;
    if (missing > 0)
      return `${missing} events were published and never delivered (was a binding or a queue deleted?); they are sent again`;
    return undefined;
  }

  return {
    notReadyBecause,
    isReady: () => notReadyBecause() === undefined,
    attemptMs: () => settler.attemptMs(),
    atWork: () => hands.atWork(),
    settled,
    deadLetters: () => deadLetters,
    inHand: () => hands.held,
    unacknowledged: () => (attached?.unacknowledged.size ?? 0) + (attached?.acks?.settled.length ?? 0),
    stop: async () => {
      stopping.abort(); // whoever waits out an outage gives up: unacknowledged, so delivered again
      const stopAt = Date.now() + DRAIN_MS;
      // Should the broker not answer: closing the session gives everything back just as well.
      if (flow)
        await within(1_000, flow.end()).catch((error: unknown) =>
          log.warn({ error: briefly(error) }, 'the broker did not confirm the end of the consumer'),
        );
      await within(stopAt - Date.now(), finished()).catch(() =>
        log.warn('stopping although work is still in progress'),
      );
      hands.dropAll();
      // amqplib interleaves the frames of its channels, so the end of the connection could overtake the
      // last acknowledgements; the end of their own channel cannot.
      let gaveBack = !attached || flow?.consumerTag !== undefined;
      if (attached) {
        flushAcks(attached);
        gaveBack ||= attached.unacknowledged.size > 0;
        await within(1_000, attached.channel.close()).catch(() => undefined);
      }
      await Promise.all([keeper.stop(), copies.stop(), within(2_000, tending).catch(() => undefined)]);
      await within(1_000, progress.stop(gaveBack)).catch(() => undefined); // a row that stays is forgotten by itself
    },
  };
}
