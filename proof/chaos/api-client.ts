import { Agent, request } from 'node:http';

/** What a client knows after asking. */
export type Reply =
  | { kind: 'answer'; status: number; body: Record<string, unknown>; ms: number }
  /** Nobody took the connection: it was certainly not done. */
  | { kind: 'not-sent'; error: string }
  /** Sent, and no answer that says what became of it. */
  | { kind: 'unknown'; error: string };

/** A client of several order-apis: each request goes to the next, as by a simple load balancer. */
export interface ApiClient {
  ask(method: string, path: string, body?: unknown): Promise<Reply>;
  close(): void;
}

const TIMEOUT_MS = 5_000;

export function createApiClient(origins: readonly string[]): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  let turn = 0;
  return {
    ask: async (method, path, body) => {
      let reply: Reply = { kind: 'not-sent', error: 'there is no order-api' };
      // One that is not there is no reason to give up; one that may have done it is.
      for (let tries = 0; tries < origins.length && reply.kind === 'not-sent'; tries += 1) {
        turn += 1;
        reply = await send(agent, new URL(`/api/v1${path}`, origins[turn % origins.length]), method, body);
      }
      return reply;
    },
    close: () => agent.destroy(),
  };
}

function send(agent: Agent, url: URL, method: string, body: unknown): Promise<Reply> {
  const startedAt = performance.now();
  const content = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve) => {
    const headers = content
      ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }
      : {};
    const outgoing = request(url, { method, headers, agent, signal: AbortSignal.timeout(TIMEOUT_MS) });
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ kind: error.code === 'ECONNREFUSED' ? 'not-sent' : 'unknown', error: error.message }),
    );
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => resolve({ kind: 'unknown', error: error.message }));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const ms = performance.now() - startedAt;
        resolve({ kind: 'answer', status, body: parse(Buffer.concat(chunks)), ms });
      });
    });
    outgoing.end(content);
  });
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    return {};
  }
}
