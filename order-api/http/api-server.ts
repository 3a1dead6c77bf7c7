import {
  createServer,
  STATUS_CODES,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { saysTooLarge } from './json-body';
import { Problem } from './problem';

/** Longer than load balancers keep an idle connection (60 s): it has to be they who close it, or a request is lost. */
const KEEP_ALIVE_MS = 75_000;

/**
 * A server for the application, with its time limits; it listens to nothing yet.
 * @param keepAliveMs how long an idle connection is kept for another request
 */
export function createApiServer(app: RequestListener, keepAliveMs = KEEP_ALIVE_MS): Server {
  const limits = { requestTimeout: 30_000, headersTimeout: 15_000, keepAliveTimeout: keepAliveMs };
  const server = createServer(limits, app);
  // A body that is too large is refused before it is sent.
  server.on('checkContinue', (request, response) => {
    if (!saysTooLarge(request)) response.writeContinue();
    app(request, response);
  });
  server.on('checkExpectation', (_request, response) => {
    const problem = new Problem(
      417,
      'Expectation Failed',
      'The one expectation that can be met is 100-continue.',
    );
    response.writeHead(417, {
      'content-type': 'application/problem+json; charset=utf-8',
      connection: 'close',
    });
    response.end(JSON.stringify(problem));
  });
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => answers.set(request.socket, response));
  server.on('clientError', (error, socket) => {
    const answer = answers.get(socket);
    const halfAnswered = answer?.headersSent && !answer.writableFinished;
    if (socket.writable && !halfAnswered) refuseMalformed(error, socket);
    else socket.destroy();
  });
  return server;
}

/** Clients that keep a connection learn in so long that it ends, before it does. */
const LINGER_MS = 1_500;

/**
 * Stops listening and lets requests in progress finish. A connection that is kept open is not cut at once, which would
 * reset it under a request that is on its way: for a moment requests are still answered, with `Connection: close`.
 * @param withinMs after which a client that never ends its request is cut off
 */
export async function closeApiServer(server: Server, withinMs: number): Promise<void> {
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
  const cut = setTimeout(() => server.closeAllConnections(), withinMs);
  // Of net and not of http, which closes idle connections too.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  let idle: NodeJS.Timeout | undefined;
  const lingering = setTimeout(
    () => (idle = setInterval(() => server.closeIdleConnections(), 50)),
    Math.min(LINGER_MS, withinMs),
  );
  await closed;
  server.close();
  clearTimeout(lingering);
  clearInterval(idle);
  clearTimeout(cut);
}

/** https://nodejs.org/docs/latest-v20.x/api/http.html#event-clienterror */
const STATUS_BY_CODE: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** What Node's parser refuses never becomes a request of the application; it is answered as a problem all the same. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = STATUS_BY_CODE[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? 'Bad Request';
  const body = JSON.stringify(new Problem(status, title, `The request is not valid HTTP: ${error.message}`));
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
