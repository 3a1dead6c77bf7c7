import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerRead, type Reads } from './answer-read';
import { PortTakenError } from './exit-codes';
import { identity, type Identity } from './identity';
import { metricsPage } from './metrics';

/** Whether something holds; a text says that it does not, and why. */
export type Check = boolean | string;

export interface Health {
  /** What has to be true for the process to do its work; each is asked anew at every request. */
  checks: Record<string, () => Check | Promise<Check>>;
  /** Whether the process is able to go on at all. Where it is not, `/healthz` says so and a supervisor restarts it. */
  alive?: () => Check;
  /** What else is to be read here. */
  reads?: Reads;
}

export interface Readiness extends Identity {
  ready: boolean;
  checks: Record<string, boolean>;
  /** Of the checks that do not hold those that know why. */
  reasons?: Record<string, string>;
}

/** The answer of `/readyz`: 200 when all checks hold, else 503, naming which do not and why. */
export async function readiness({
  checks,
}: Pick<Health, 'checks'>): Promise<{ status: 200 | 503; body: Readiness }> {
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
  return { status: ready ? 200 : 503, body };
}

/**
 * Serves `/healthz` (the process runs, its event loop turns, and `alive` holds), `/readyz` (see {@link readiness}) and
 * `/metrics`.
 * @throws {PortTakenError} when the port is taken
 */
export async function serveHealth(
  health: Health,
  port: number,
  host: string,
): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const send = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify(body));
    };
    const path = request.url?.split('?')[0];
    if (path === '/healthz') {
      const alive = health.alive?.() ?? true;
      return alive === true
        ? send(200, { status: 'ok', ...identity() })
        : send(503, { status: 'stuck', reason: alive || undefined, ...identity() });
    }
    if (path === '/metrics') return sendMetrics(response);
    if (path !== '/readyz') return void answerRead(health.reads, request, response);
    readiness(health).then(
      ({ status, body }) => send(status, body),
      () => send(503, { ready: false, checks: {} }),
    );
  });
  await listen(server, port, host);
  return { port: (server.address() as AddressInfo).port, stop: () => closeServer(server) };
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

/** @throws {PortTakenError} when the port is taken */
export async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new PortTakenError(
      `Port ${port} of ${host} is in use; stop what listens there, or set HEALTH_PORT to another.`,
    );
  });
}
