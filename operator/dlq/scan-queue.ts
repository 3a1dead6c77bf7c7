import type { Broker } from '../command-line/broker';
import { readHead, readWindow, type Reader, type Window } from './read-window';

const FIRST_WINDOW = 200;
// The broker closes a channel that has held a message for 30 minutes.
const LONGEST_HOLD_MS = 10 * 60_000;

/**
 * Reads a queue from its head, each message once, without emptying it: everything read is held
 * unacknowledged, so that the broker goes on to the next, and goes back at the end unless it was
 * acknowledged. Memory is bounded by one window; the end by the number of messages ready at the start, so
 * that what arrives meanwhile, or comes back, is not read.
 *
 * What goes back keeps its order: a quorum queue puts back what a closed channel held as it was, whereas
 * RabbitMQ 3.10 shuffles what is returned by `nack`. So each window has a channel of its own, and they are
 * closed one after the other.
 * @returns how many were read
 */
export async function scanQueue(broker: Broker, queue: string, reader: Reader): Promise<number> {
  let windows: Window[] = [];
  let read = 0;
  let total: number | undefined;
  let size = FIRST_WINDOW;
  let quiet = true;

  const putBack = async () => {
    for (const { channel } of windows) await channel.close();
    windows = [];
  };

  try {
    while ((total === undefined || read < total) && !reader.enough?.()) {
      const [oldest] = windows;
      if (oldest && Date.now() - oldest.since > LONGEST_HOLD_MS) {
        // They are read once more, being at the head again.
        const held = windows.reduce((sum, window) => sum + window.held, 0);
        await putBack();
        read -= held;
      }
      const window: Window = { channel: await broker.openChannel(), read: 0, held: 0, since: Date.now() };
      windows.push(window);
      if (quiet) {
        // The counts of a queue may be seconds old, the answer to a `get` is not: it says how many there
        // are, and, after a silence, whether that was all.
        const ready = await readHead(window, queue, reader);
        if (ready === undefined) break;
        total ??= Math.min(ready, reader.atMost ?? Infinity);
        quiet = false;
      } else {
        const limit = (total ?? 0) - read;
        const before = read;
        quiet = await readWindow(window, queue, reader, {
          size: Math.min(size, limit),
          limit,
          until: window.since + LONGEST_HOLD_MS,
          progress: () => reader.progress?.(before + window.read, total ?? 0),
        });
        size = Math.min(size * 2, reader.windowSize);
      }
      read += window.read;
      if (window.held === 0) {
        windows.pop();
        await window.channel.close();
      }
      reader.progress?.(read, total ?? read);
    }
    return read;
  } finally {
    if (broker.session.open) await putBack();
  }
}
