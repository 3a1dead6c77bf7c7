import { isGood, type Attachment, type Delivery } from './delivery';

/** The deliveries that a consumer holds, from their arrival until they are acknowledged or lost with their session. */
export interface Hands {
  take(delivery: Delivery): void;
  /** The next ones to handle together; empty when none waits. They are at work until {@link release}. */
  nextBatch(): readonly Delivery[];
  /** The batch is settled, or somebody else is settling what is left of it. */
  release(): void;
  /** A session is over: the broker delivers what it had delivered there again. */
  lose(attachment: Attachment): void;
  dropAll(): void;
  /** Takes out what nobody has begun with, for somebody else. */
  letGo(): Delivery[];
  /** The least patience of those that wait, in milliseconds. */
  readonly patienceMs: number;
  /** When one was last taken in hand, by `performance.now()`. */
  readonly takenAt: number;
  /** How long ago the event was made that has waited longest here, by this machine's clock; in milliseconds. */
  oldestAgeMs(): number;
  /** Until one comes that may wait less, or that makes a batch full; that long at most. */
  change(withinMs: number, signal: AbortSignal): Promise<void>;
  readonly waiting: number;
  readonly held: number;
  /** The ids of events that are held and not settled. */
  eventIds(): string[];
  /** Those of the batch that is at work. */
  atWork(): string[];
}

/**
 * @param batchSize deliveries of one batch at most
 * @param isSettled whether a delivery was acknowledged, rejected, or lost
 */
export function createHands(batchSize: number, isSettled: (delivery: Delivery) => boolean): Hands {
  let waiting: Delivery[] = [];
  let atWork: readonly Delivery[] = [];
  /** Taken out of the line, and waiting to be set aside. */
  let aside: Delivery[] = [];
  let patienceMs = Infinity;
  let takenAt = -Infinity;
  let changed: (() => void) | undefined;

  const leave = (left: Delivery[]) => {
    waiting = left;
    patienceMs = waiting.reduce((least, one) => Math.min(least, one.patienceMs), Infinity);
  };

  return {
    take: (delivery) => {
      waiting.push(delivery);
      takenAt = performance.now();
      const isSooner = delivery.patienceMs < patienceMs;
      if (isSooner) patienceMs = delivery.patienceMs;
      if (isSooner || waiting.length >= batchSize) changed?.();
    },
    get patienceMs() {
      return patienceMs;
    },
    get takenAt() {
      return takenAt;
    },
    oldestAgeMs: () => {
      const [first] = waiting;
      return first && isGood(first) ? Date.now() - Date.parse(first.parsed.event.time) : 0;
    },
    change: (withinMs, signal) =>
      new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          changed = undefined;
          resolve();
        };
        const timer = setTimeout(end, withinMs);
        signal.addEventListener('abort', end);
        changed = end;
      }),
    nextBatch: () => {
      atWork = batchOf(waiting, batchSize);
      const taken = new Set(atWork);
      leave(waiting.filter((delivery) => !taken.has(delivery)));
      return atWork;
    },
    release: () => {
      aside = [...aside, ...atWork].filter((delivery) => !isSettled(delivery));
      atWork = [];
    },
    lose: (attachment) => {
      const others = (delivery: Delivery) => delivery.attachment !== attachment;
      leave(waiting.filter(others));
      aside = aside.filter(others);
    },
    letGo: () => {
      const left = waiting;
      leave([]);
      return left;
    },
    dropAll: () => {
      leave([]);
      aside = [];
    },
    get waiting() {
      return waiting.length;
    },
    get held() {
      aside = aside.filter((delivery) => !isSettled(delivery));
      return waiting.length + atWork.length + aside.length;
    },
    eventIds: () => idsOf([...aside, ...atWork, ...waiting].filter((delivery) => !isSettled(delivery))),
    atWork: () => idsOf(atWork),
  };
}

const idsOf = (deliveries: readonly Delivery[]) =>
  deliveries.flatMap((delivery) => (isGood(delivery) ? [delivery.parsed.event.id] : []));

/**
 * The oldest delivery, with others of its type as far as the batch goes: one type a transaction keeps
 * the global order of locks. What is invalid, or may have crashed a process, goes alone.
 */
function batchOf([first, ...others]: readonly Delivery[], batchSize: number): Delivery[] {
  if (!first) return [];
  const batch = [first];
  if (!isGood(first) || first.suspect) return batch;
  for (const next of others) {
    if (batch.length >= batchSize) break;
    if (isGood(next) && !next.suspect && next.parsed.event.type === first.parsed.event.type) batch.push(next);
  }
  return batch;
}
