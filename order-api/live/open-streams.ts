import type { ServerResponse } from 'node:http';
import type { Logger } from '../../shared/service/logger';
import { overloaded } from '../http/problem';
import { commentFrame, retryFrame } from './event-frame';

/** A stream of events to one client. */
export interface EventStream {
  /** Whether the client has read what it was sent. */
  isReady(): boolean;
  /** Does nothing once the stream is over. */
  send(frame: string): void;
  /** Says the rest, and ends. */
  end(): void;
}

export interface StreamOptions {
  /** Said when nothing else was for a while. */
  heartbeat?: () => string;
  /** The client can take more again. */
  onReady: () => void;
  onClose: () => void;
}

/** The streams that are open at this process. */
export interface OpenStreams {
  readonly size: number;
  /** @throws {Problem} 503 while there are as many as may be, or the process stops */
  refuseWhenFull(): void;
  /** Begins one. @throws {Problem} as {@link refuseWhenFull}, and then nothing has been sent */
  open(response: ServerResponse, options: StreamOptions): EventStream;
  /** Ends all of them, so that their clients connect to another process. */
  endAll(why: string): void;
  /** As {@link endAll}; and no other is opened. */
  stop(): void;
}

export interface StreamLimits {
  /** Streams at a time. */
  most: number;
  /** How long nothing may be said. */
  heartbeatMs?: number;
  /** How long a client may read nothing of what was sent to it. */
  patienceMs?: number;
}

export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // A proxy shall neither keep it nor rewrite it (compression buffers), nor wait for more of it (nginx).
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

/** Well below what common proxies cut a silent connection after (60 s). */
const HEARTBEAT_MS = 15_000;
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 1_000;
/** More than a client that reads can ever owe: followers are told a page at a time, when they have read the one before. */
const MOST_UNREAD_BYTES = 1024 * 1024;

/** Clients come back at different times, or a restart would bring all of them at once. */
const between = (least: number, most: number) => Math.round(least + Math.random() * (most - least));
const RETRY_MS = [1_000, 3_000] as const;
/** Longer than a stopping server still answers on connections that it keeps. */
const RETRY_ELSEWHERE_MS = [2_000, 5_000] as const;

interface Stream extends EventStream {
  look(now: number): void;
  drop(why: string): void;
  say(why: string): void;
}

export function openStreams(
  log: Logger,
  { most, heartbeatMs = HEARTBEAT_MS, patienceMs = PATIENCE_MS }: StreamLimits,
): OpenStreams {
  const streams = new Set<Stream>();
  let looking: NodeJS.Timeout | undefined;
  let isStopping = false;

  function refuseWhenFull(): void {
    if (isStopping) throw overloaded('This process is stopping, and opens no stream.', 1);
    if (streams.size >= most)
      throw overloaded(`${most} streams are open here, and more are not taken on.`, 5);
  }

  function open(response: ServerResponse, options: StreamOptions): EventStream {
    refuseWhenFull();
    const { socket } = response;
    let saidAt = performance.now();
    let read = 0;
    let readAt = saidAt;

    const write = (frame: string) => {
      saidAt = performance.now();
      response.write(frame);
      if (response.writableLength > MOST_UNREAD_BYTES) stream.drop('is too far behind');
    };
    const stream: Stream = {
      isReady: () => streams.has(stream) && !response.writableNeedDrain,
      send: (frame) => {
        if (streams.has(stream)) write(frame);
      },
      end: () => {
        close();
        response.end();
      },
      look: (now) => {
        const total = (socket?.bytesWritten ?? 0) - response.writableLength;
        if (response.writableLength === 0 || total !== read) readAt = now;
        read = total;
        if (now - readAt >= patienceMs) stream.drop(`has read nothing for ${patienceMs} ms`);
        else if (now - saidAt >= heartbeatMs) write(commentFrame(options.heartbeat?.() ?? 'still here'));
      },
      drop: (why) => {
        close();
        response.destroy();
        log.info(`dropped a stream: its client ${why}`);
      },
      say: (why) => {
        if (response.writableLength > 0) return stream.drop('does not read');
        close();
        const lastWords = retryFrame(between(...RETRY_ELSEWHERE_MS)) + commentFrame(why);
        response.end(lastWords, () => socket?.destroySoon());
      },
    };
    function close(): void {
      if (!streams.delete(stream)) return;
      socket?.off('end', probe);
      options.onClose();
      if (streams.size > 0) return;
      clearInterval(looking);
      looking = undefined;
    }
    streams.add(stream);
    looking ??= setInterval(() => {
      const now = performance.now();
      for (const one of streams) one.look(now);
    }, LOOK_EVERY_MS).unref();
    // It may have ended its side only, or be gone: which of the two, the answer to a packet tells.
    const probe = () => stream.send(commentFrame(''));
    socket?.once('end', probe);
    response.once('close', close);
    response.on('error', close);
    response.on('drain', options.onReady);
    response.writeHead(200, EVENT_STREAM_HEADERS);
    write(retryFrame(between(...RETRY_MS)));
    return stream;
  }

  const endAll = (why: string) => {
    for (const stream of streams) stream.say(why);
  };
  return {
    get size() {
      return streams.size;
    },
    refuseWhenFull,
    open,
    endAll,
    stop: () => {
      isStopping = true;
      endAll('this process stops: connect again');
    },
  };
}
