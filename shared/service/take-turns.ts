import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that may wait for their turn. Whoever sends more before reading an answer is cut off. */
export const MOST_WAITING = 100;

/**
 * Lets the requests of one connection be served one after the other, each when the answer before it is with the kernel.
 * Node begins with all that have arrived. Then one could overtake a POST that was sent before it, which RFC 9112 (9.3.2) allows
 * between safe methods only; and the answers to whoever sends requests and reads nothing would gather in memory, a
 * thousand to each 64 kB that are sent.
 */
export function takeTurns(): (request: IncomingMessage, response: ServerResponse, serve: () => void) => void {
  const lines = new WeakMap<Socket, (() => void)[]>();
  return ({ socket }, response, serve) => {
    const line = lines.get(socket);
    const begin = () => {
      response.once('close', () => {
        const next = socket.destroyed ? undefined : lines.get(socket)?.shift();
        if (next) next();
        else lines.delete(socket);
      });
      serve();
    };
    if (!line) {
      lines.set(socket, []);
      begin();
    } else if (line.length < MOST_WAITING) line.push(begin);
    else socket.destroy();
  };
}
