import type { Channel } from 'amqplib';
import type { Message } from './dead-letter';

/** A message that the reader wanted. It leaves the queue when it is acknowledged, and else stays where it is. */
export interface Taken {
  message: Message;
  acknowledge: () => void;
}

export interface Reader {
  /** Messages that stay where they are in one window at most; what is wanted of a window is held in memory. */
  windowSize: number;
  /** Stops after so many; by default after as many as are there now. */
  atMost?: number;
  /** Asked once for each message, oldest first. */
  wants(message: Message): boolean;
  /** Given what was wanted, in order, as it arrives. */
  settle?(taken: Taken[]): Promise<void>;
  /** Told now and then how many were read, and how many there are. */
  progress?(read: number, total: number): void;
  /** Stops soon. */
  enough?(): boolean;
}

/** Messages held unacknowledged, on a channel of their own. */
export interface Window {
  channel: Channel;
  read: number;
  held: number;
  since: number;
}

const QUIET_MS = 500;

/** Reads the head of a queue. @returns how many were ready with it; undefined when none was */
export async function readHead(window: Window, queue: string, reader: Reader): Promise<number | undefined> {
  const message = await window.channel.get(queue);
  if (!message) return undefined;
  const taken: Taken[] = [];
  take(window, message, reader, taken);
  if (taken.length > 0) await reader.settle?.(taken);
  return message.fields.messageCount + 1;
}

export interface WindowBounds {
  /** Messages that the broker lets us hold. */
  size: number;
  /** Messages that are read at most; what it sends beyond them is only held. */
  limit: number;
  /** The moment to stop at. */
  until: number;
  progress: () => void;
}

/**
 * Reads on until the window is full of messages that stay, or a bound is reached. What is wanted is settled
 * while the consumer is still attached: RabbitMQ keeps back acknowledgements to a quorum queue while 32
 * commands are under way, and forgets those when the channel closes, but sends them, and waits for them,
 * when the consumer is cancelled.
 * @returns true when the queue fell silent
 */
export async function readWindow(
  window: Window,
  queue: string,
  reader: Reader,
  { size, limit, until, progress }: WindowBounds,
): Promise<boolean> {
  const { channel } = window;
  let arrived: Taken[] = [];
  let lastAt = Date.now();
  let deleted = false;
  let wake: () => void = () => undefined;
  // So that a silence is noticed, too.
  const watch = setInterval(() => wake(), QUIET_MS / 5);
  const isQuiet = () => Date.now() - lastAt > QUIET_MS;
  const isOver = () =>
    window.read >= limit || window.held >= size || Date.now() > until || isQuiet() || reader.enough?.();
  try {
    await channel.prefetch(size);
    for (;;) {
      const { consumerTag } = await channel.consume(queue, (message) => {
        lastAt = Date.now();
        if (!message) deleted = true;
        else if (window.read < limit) take(window, message, reader, arrived);
        else window.held++;
        if (arrived.length > 0 || isOver()) wake();
      });
      lastAt = Date.now();
      while (arrived.length > 0 || !isOver()) {
        if (deleted) throw new Error(`${queue} was deleted`);
        const batch = arrived;
        arrived = [];
        if (batch.length > 0) {
          await reader.settle?.(batch);
          lastAt = Date.now(); // what was settled makes room for more, which need a moment to come
        } else await new Promise<void>((resolve) => (wake = resolve));
        progress();
      }
      const quiet = window.read < limit && window.held < size && isQuiet();
      await channel.cancel(consumerTag);
      // What a slow broker sent before it heard of the cancelling is settled like the rest: while attached.
      if (arrived.length === 0) return quiet;
    }
  } finally {
    clearInterval(watch);
  }
}

function take(window: Window, message: Message, reader: Reader, taken: Taken[]): void {
  window.read++;
  window.held++;
  if (!reader.wants(message)) return;
  const acknowledge = () => {
    window.channel.ack(message);
    window.held--;
  };
  taken.push({ message, acknowledge });
}
