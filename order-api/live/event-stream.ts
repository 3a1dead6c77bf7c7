import type { ServerResponse } from 'node:http';
import { commentFrame, retryFrame } from './event-frame';

/** A stream of events to one client. */
export interface EventStream {
  /** Whether the client has read what it was sent. */
  isReady(): boolean;
  /** Does nothing once the stream is over. */
  send(frame: string): void;
  /** Says the rest, and ends. */
  end(): void;
  /** Ends, and says why and when to come back; a client that does not read is cut off instead. */
  sendAway(why: string): void;
  /** Called once, when it is over for whatever reason; at once where it is over already. */
  onClose(listener: () => void): void;
  /** To be called about once a second: says a heartbeat, and drops who reads nothing. */
  look(now: number): void;
}

export interface StreamOptions {
  /** Said when nothing else was for a while. */
  heartbeat?: () => string;
  /** The client can take more again. */
  onReady: () => void;
}

export interface StreamTimes {
  /** How long nothing may be said. */
  heartbeatMs: number;
  /** How long a client may read nothing of what was sent to it. */
  patienceMs: number;
}

export const EVENT_STREAM_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  // A proxy shall neither keep it nor rewrite it (compression buffers), nor wait for more of it (nginx).
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

/** More than a client that reads can ever owe: it is told a page at a time, when it has read the one before. */
const MOST_UNREAD_BYTES = 1024 * 1024;

/** Clients come back at different times, or a restart would bring all of them at once. */
const between = (least: number, most: number) => Math.round(least + Math.random() * (most - least));
const retryMs = () => between(1_000, 3_000);
/** Longer than a stopping server still answers on connections that it keeps. */
const retryElsewhereMs = () => between(2_000, 5_000);

/** Begins a stream. @param onDrop told why a client is cut off */
export function openEventStream(
  response: ServerResponse,
  { heartbeat = () => 'heartbeat', onReady }: StreamOptions,
  { heartbeatMs, patienceMs }: StreamTimes,
  onDrop: (why: string) => void,
): EventStream {
  const { socket } = response;
  const closing: (() => void)[] = [];
  let isOver = false;
  let saidAt = performance.now();
  let read = 0;
  let readAt = saidAt;
  // Then it may be gone, too: of the two, the answer to a packet tells, and the next write learns of it.
  let hasEndedItsSide = socket?.readableEnded ?? false;

  const stream: EventStream = {
    isReady: () => !isOver && !response.writableNeedDrain,
    send,
    end: () => {
      close();
      response.end();
    },
    sendAway: (why) => {
      if (isOver) return;
      if (response.writableLength > 0) return drop('does not read');
      close();
      response.end(retryFrame(retryElsewhereMs()) + commentFrame(why), () => socket?.destroySoon());
    },
    onClose: (listener) => {
      if (isOver) listener();
      else closing.push(listener);
    },
    look: (now) => {
      const readByNow = (socket?.bytesWritten ?? 0) - response.writableLength;
      if (response.writableLength === 0 || readByNow !== read) readAt = now;
      read = readByNow;
      if (now - readAt >= patienceMs) drop(`has read nothing for ${patienceMs} ms`);
      else if (hasEndedItsSide || now - saidAt >= heartbeatMs) send(commentFrame(heartbeat()));
    },
  };

  function send(frame: string): void {
    if (isOver) return;
    saidAt = performance.now();
    response.write(frame);
    if (response.writableLength > MOST_UNREAD_BYTES) drop('is too far behind');
  }

  function drop(why: string): void {
    close();
    response.destroy();
    onDrop(why);
  }

  function close(): void {
    if (isOver) return;
    isOver = true;
    socket?.off('end', onEnd);
    for (const listener of closing.splice(0)) listener();
  }

  function onEnd(): void {
    hasEndedItsSide = true;
    send(commentFrame(heartbeat()));
  }

  response.once('close', close);
  response.on('error', close);
  response.on('drain', onReady);
  socket?.once('end', onEnd);
  // It may have left while it was found out what to tell it.
  if (response.destroyed) close();
  else {
    response.writeHead(200, EVENT_STREAM_HEADERS);
    send(retryFrame(retryMs()));
  }
  return stream;
}
