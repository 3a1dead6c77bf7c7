import type { IncomingMessage, ServerResponse } from 'node:http';

/** What is on its way already is read and thrown away, so much and so long at most. */
const MOST_BYTES = 2 * 1024 * 1024;
const MOST_MS = 1_000;

/**
 * Ends an answer to a request whose body may not have been read. A large one is not read to its end, as Node would do
 * to keep the connection: it is told at once, with `Connection: close`. And as closing a connection with unread bytes
 * resets it, so that the client would lose the answer, it stays open for a moment and what still comes is discarded
 * (a lingering close: https://www.rfc-editor.org/rfc/rfc9112#section-9.6).
 */
export function endUnread(request: IncomingMessage, response: ServerResponse, body: string): void {
  const length = Buffer.byteLength(body);
  response.setHeader('Content-Length', length);
  if (request.complete || !mayBeLong(request))
    return void response.end(request.method === 'HEAD' ? undefined : body);
  response.setHeader('Connection', 'close');
  response.write(body);
  let read = 0;
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, MOST_MS);
  request.unpipe();
  request.removeAllListeners('data');
  request.on('data', (chunk: Buffer) => {
    read += chunk.length;
    if (read > MOST_BYTES) end();
  });
  request.once('end', end);
  request.once('close', end);
  request.resume();
}

const SHORT_BYTES = 64 * 1024;
const mayBeLong = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > SHORT_BYTES;
