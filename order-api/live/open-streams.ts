import type { ServerResponse } from 'node:http';
import type { Logger } from '../../shared/service/logger';
import { overloaded } from '../http/problem';
import { openEventStream, type EventStream, type StreamOptions, type StreamTimes } from './event-stream';

/** The streams that are open at this process. */
export interface OpenStreams {
  /** @throws {Problem} 503 while there are as many as may be, or the process stops */
  refuseWhenFull(): void;
  /** Begins one. @throws {Problem} as {@link refuseWhenFull}, and then nothing has been sent */
  open(response: ServerResponse, options: StreamOptions): EventStream;
  /** Ends all of them, so that their clients connect again. */
  endAll(why: string): void;
  /** As {@link endAll}; and no other is opened. */
  stop(): void;
}

/** How many streams at a time, and how long clients may be silent or deaf. */
export interface StreamLimits extends Partial<StreamTimes> {
  most: number;
}

/** Well below what common proxies cut a silent connection after (60 s). */
const HEARTBEAT_MS = 15_000;
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 1_000;

export function openStreams(
  log: Logger,
  { most, heartbeatMs = HEARTBEAT_MS, patienceMs = PATIENCE_MS }: StreamLimits,
): OpenStreams {
  const streams = new Set<EventStream>();
  let looking: NodeJS.Timeout | undefined;
  let isStopping = false;

  function refuseWhenFull(): void {
    if (isStopping) throw overloaded('This process is stopping, and opens no stream.', 1);
    if (streams.size >= most)
      throw overloaded(`${most} streams are open here, and more are not taken on.`, 5);
  }

  /** One timer for all. */
  function look(): void {
    const now = performance.now();
    for (const stream of streams) stream.look(now);
    if (streams.size > 0) return;
    clearInterval(looking);
    looking = undefined;
  }

  const endAll = (why: string) => {
    for (const stream of streams) stream.sendAway(why);
  };
  return {
    refuseWhenFull,
    open: (response, options) => {
      refuseWhenFull();
      const onDrop = (why: string) => log.info(`dropped a stream: its client ${why}`);
      const stream = openEventStream(response, options, { heartbeatMs, patienceMs }, onDrop);
      streams.add(stream);
      stream.onClose(() => streams.delete(stream));
      looking ??= setInterval(look, LOOK_EVERY_MS).unref();
      return stream;
    },
    endAll,
    stop: () => {
      isStopping = true;
      endAll('this process stops: connect again');
    },
  };
}
