import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { answerOtherMethod, answerRead, type Reads } from './answer-read';
import { HEALTH_NAMES, listen } from './listen';
import { askedForAnother, identity, type Identity } from './identity';
import { metricsPage } from './metrics';
import { originForm } from './origin-form';
import type { Pause } from './pauses';
import { takeTurns } from './take-turns';

/** Whether something holds; a text says that it does not, and why. */
export type Check = boolean | string;

export interface Health {
  /** What has to be true for the process to do its work; each is asked anew at every request. */
  checks: Record<string, () => Check | Promise<Check>>;
  /** Whether the process is able to go on at all. Where it is not, `/healthz` says so and a supervisor restarts it. */
  alive?: () => Check;
  /** What of it people have paused: that is no reason not to be ready. */
  paused?: () => readonly Pause[];
  /** What else is to be read here. */
  reads?: Reads;
}

export interface Readiness extends Identity {
  ready: boolean;
  checks: Record<string, boolean>;
  /** Of the checks that do not hold those that know why. */
  reasons?: Record<string, string>;
  /** Where people have paused something of it. */
  paused?: Pause[];
}

/**
 * The answer of `/readyz`: 200 when all checks hold, else 503, naming which do not and why.
 * @param url of the request: 503, too, where it asks for another service or instance
 */
export async function readiness(
  { checks, paused }: Pick<Health, 'checks' | 'paused'>,
  url?: string,
): Promise<{ status: 200 | 503; body: Readiness }> {
  const another = askedForAnother(url);
  if (another)
    return {
      status: 503,
      body: { ready: false, checks: { identity: false }, ...identity(), reasons: { identity: another } },
    };
  const results = await Promise.all(
    Object.entries(checks).map(
      async ([name, check]) => [name, await Promise.resolve(check()).catch(() => false)] as const,
    ),
  );
  const ready = results.every(([, result]) => result === true);
  const reasons = results.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const body: Readiness = {
    ready,
    checks: Object.fromEntries(results.map(([name, r]) => [name, r === true])),
    ...identity(),
  };
  if (reasons.length > 0) body.reasons = Object.fromEntries(reasons);
  const pauses = paused?.() ?? [];
  if (pauses.length > 0) body.paused = [...pauses];
  return { status: ready ? 200 : 503, body };
}

/**
 * The answer of `/healthz`: 200 while the process can go on. That something which it needs is away does not count.
 * @param url of the request: 503, too, where it asks for another service or instance
 */
export function liveness(
  { alive }: Pick<Health, 'alive'>,
  url?: string,
): { status: 200 | 503; body: object } {
  const another = askedForAnother(url);
  if (another) return { status: 503, body: { status: 'another', reason: another, ...identity() } };
  const isAlive = alive?.() ?? true;
  return isAlive === true
    ? { status: 200, body: { status: 'ok', ...identity() } }
    : { status: 503, body: { status: 'stuck', reason: isAlive || undefined, ...identity() } };
}

const PATHS = ['/healthz', '/readyz', '/metrics'];

/**
 * Serves `/healthz` (the process runs, its event loop turns, and `alive` holds), `/readyz` (see {@link readiness}) and
 * `/metrics`, by the methods and in the spellings by which order-api serves them.
 * @throws {PortTakenError} {ConfigError} as `listen`
 */
export async function serveHealth(
  health: Health,
  port: number,
  host: string,
): Promise<{ port: number; stop: () => Promise<void> }> {
  const inTurn = takeTurns();
  const server = createServer((request, response) =>
    inTurn(request, response, () => serve(request, response)),
  );
  const serve: RequestListener = (request, response) => {
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    request.url = originForm(request.url ?? '') ?? request.url;
    const [, path] = /^(\/\w+)\/?(?:\?|$)/.exec(request.url ?? '') ?? [];
    if (!path || !PATHS.includes(path)) return void answerRead(health.reads, request, response);
    if (answerOtherMethod(request, response)) return;
    if (path === '/healthz') {
      const { status, body } = liveness(health, request.url);
      return send(status, body);
    }
    if (path === '/metrics') return sendMetrics(response);
    readiness(health, request.url).then(
      ({ status, body }) => send(status, body),
      () => send(503, { ready: false, checks: {} }),
    );
  };
  return { port: await listen(server, { port, host }, HEALTH_NAMES), stop: () => closeServer(server) };
}

function sendMetrics(response: ServerResponse): void {
  metricsPage().then(
    ({ contentType, text }) => response.writeHead(200, { 'content-type': contentType }).end(text),
    () => response.writeHead(500).end(),
  );
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
