import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Health {
  /** What has to be true for the process to do its work; each is asked anew at every request. */
  checks: Record<string, () => boolean | Promise<boolean>>;
}

/** The answer of `/readyz`: 200 when all checks hold, else 503, naming which do not. */
export async function readiness({
  checks,
}: Health): Promise<{ status: 200 | 503; body: { ready: boolean; checks: Record<string, boolean> } }> {
  const results = await Promise.all(
    Object.entries(checks).map(
      async ([name, check]) => [name, await Promise.resolve(check()).catch(() => false)] as const,
    ),
  );
  const ready = results.every(([, ok]) => ok);
  return { status: ready ? 200 : 503, body: { ready, checks: Object.fromEntries(results) } };
}

/**
 * Serves `/healthz` (the process runs and its event loop turns) and `/readyz` (see {@link readiness}).
 * @throws when the port is taken
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
    if (path === '/healthz') return send(200, { status: 'ok' });
    if (path !== '/readyz')
      return send(404, { title: 'Not Found', detail: 'This port serves /healthz and /readyz.' });
    readiness(health).then(
      ({ status, body }) => send(status, body),
      () => send(503, { ready: false, checks: {} }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, stop: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
