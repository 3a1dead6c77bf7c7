import { setImmediate as immediate } from 'node:timers/promises';
import {
  createServer,
  STATUS_CODES,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { takeTurns } from '../../shared/service/take-turns';
import { saysTooLarge } from './json-body';
import { Problem } from './problem';
import { readTarget } from './request-target';

/** Longer than load balancers keep an idle connection (60 s): it has to be they who close it, or a request is lost. */
const KEEP_ALIVE_MS = 75_000;

export interface ApiServerOptions {
  /** How long an idle connection is kept for another request. Default: 75 s. */
  keepAliveMs?: number;
  /** How long a request may take to arrive, its head for half of that. Default: 30 s. */
  requestMs?: number;
  /** How long a connection may stand still while it is answered: who does not read is cut off. Default: 2 min. */
  stillMs?: number;
  /** One more is closed at once. Default: no bound. */
  maxConnections?: number;
}

/**
 * A server for the application, with its limits of time and size; it listens to nothing yet. A client that sends its request, or
 * reads its answer, a byte at a time holds its connection for so long and no longer.
 */
export function createApiServer(app: RequestListener, options: ApiServerOptions = {}): Server {
  const { keepAliveMs = KEEP_ALIVE_MS, requestMs = 30_000, stillMs = 120_000, maxConnections } = options;
  const limits = {
    requestTimeout: requestMs,
    headersTimeout: requestMs / 2,
    keepAliveTimeout: keepAliveMs,
    // Node looks this often for who is late: with its 30 s, a limit of 30 s would be one of 60.
    connectionsCheckingInterval: Math.min(2_000, requestMs / 4),
    maxHeaderSize: 16 * 1024,
  };
  const serve: RequestListener = (request, response) => {
    const problem = readTarget(request);
    if (problem) return endWith(response, problem);
    if (request.url === '*' && request.method === 'OPTIONS') return void response.writeHead(204).end();
    app(request, response);
  };
  const inTurn = takeTurns();
  // Node would refuse a request without a host with an empty answer; here it is a problem, as everything else is.
  const server = createServer({ ...limits, requireHostHeader: false }, (request, response) =>
    inTurn(request, response, () => serve(request, response)),
  );
  server.timeout = stillMs;
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.on('connect', (_request, socket) => {
    const problem = new Problem(405, 'Method Not Allowed', 'CONNECT is not supported: this is no proxy.');
    socket.end(rawAnswer(problem));
  });
  // A body that is too large is refused before it is sent.
  server.on('checkContinue', (request, response) => {
    inTurn(request, response, () => {
      if (!saysTooLarge(request)) response.writeContinue();
      serve(request, response);
    });
  });
  server.on('checkExpectation', (_request, response) => {
    const problem = new Problem(417, 'Expectation Failed', 'Only the expectation 100-continue is supported.');
    response.writeHead(417, {
      'content-type': 'application/problem+json; charset=utf-8',
      connection: 'close',
    });
    response.end(JSON.stringify(problem));
  });
  // A client may end its side as soon as it has sent its request: it is answered all the same.
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  const open = new Set<Socket>();
  connections.set(server, open);
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
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

/** What is open at each server. */
const connections = new WeakMap<Server, Set<Socket>>();

/** Ends what is idle: also connections on which nothing was ever sent, which Node does not count as that. */
function endIdle(server: Server): void {
  server.closeIdleConnections();
  for (const socket of connections.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy();
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
  await acceptWhatWaits(server);
  // Of net and not of http, which closes idle connections too.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  let idle: NodeJS.Timeout | undefined;
  const lingering = setTimeout(
    () => (idle = setInterval(() => endIdle(server), 50)),
    Math.min(LINGER_MS, withinMs),
  );
  await closed;
  server.close();
  clearTimeout(lingering);
  clearInterval(idle);
  clearTimeout(cut);
}

const LONGEST_ACCEPTING_MS = 500;

/** A listener that closes resets what the kernel has accepted for it. A turn of the event loop takes one of these. */
async function acceptWhatWaits(server: Server): Promise<void> {
  let accepted = 0;
  const count = () => (accepted += 1);
  server.on('connection', count);
  const until = performance.now() + LONGEST_ACCEPTING_MS;
  for (let idleTurns = 0; idleTurns < 2 && performance.now() < until; idleTurns += 1) {
    const before = accepted;
    await immediate();
    if (accepted > before) idleTurns = -1;
  }
  server.off('connection', count);
}

/** https://nodejs.org/docs/latest-v20.x/api/http.html#event-clienterror */
const STATUS_BY_CODE: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** What Node's parser refuses never becomes a request of the application; it is answered as a problem all the same. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = STATUS_BY_CODE[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? 'Bad Request';
  const detail = `The request is not valid HTTP: ${error.message}`;
  socket.end(rawAnswer(new Problem(status, title, detail)));
}

/** For where there is no response to write to. */
function rawAnswer(problem: Problem): string {
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

function endWith(response: ServerResponse, problem: Problem): void {
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, {
    'Content-Type': 'application/problem+json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  });
  response.end(body);
}
