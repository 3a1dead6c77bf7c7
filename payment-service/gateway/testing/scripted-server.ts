import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What a request gets: an answer, a connection that breaks, nothing at all, or half an answer. */
export type Reply = { status: number; body: unknown } | 'drop' | 'hang' | 'half';

export interface ScriptedServer {
  url: string;
  /** What came in, oldest first. */
  received: Received[];
  /** Each request takes the next of these; the last one stays. */
  script(...replies: Reply[]): void;
  stop(): Promise<void>;
}

/** A server on loopback that answers as it was told, and remembers what it was asked. */
export async function scriptedServer(): Promise<ScriptedServer> {
  const received: Received[] = [];
  let replies: Reply[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = '', url: path = '', headers } = request;
      received.push({ method, path, headers, body });
      give(response, (replies.length > 1 ? replies.shift() : replies[0]) ?? 'drop');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    script: (...next) => {
      replies = next;
      received.length = 0;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function give(response: ServerResponse, reply: Reply): void {
  if (reply === 'drop') return void response.socket?.destroy();
  if (reply === 'hang') return;
  if (reply === 'half') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
    return void response.write('{"id":', () => response.socket?.destroy());
  }
  const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  response.writeHead(reply.status, { 'content-type': 'application/json', 'request-id': 'req_1' }).end(body);
}
