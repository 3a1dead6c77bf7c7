import type { IncomingMessage, ServerResponse } from 'node:http';
import { briefly } from '../messaging/failure';
import type { Logger } from './logger';
import { within } from './within';

/** Reads what there is of a key; undefined where there is nothing. */
export type Read = (key: string) => Promise<unknown>;

/** By the first part of the path. */
export type Reads = ReadonlyMap<string, Read>;

/** Where the parts of a service say what they have read. Of what cannot be read the log says why, and the answer not. */
export function collectReads(log: Logger): { reads: Reads; answer: (name: string, read: Read) => void } {
  const reads = new Map<string, Read>();
  const answer = (name: string, read: Read) =>
    void reads.set(name, (key) =>
      read(key).catch((error: unknown) => {
        log.warn({ error: briefly(error) }, `could not read ${name}`);
        throw error;
      }),
    );
  return { reads, answer };
}

const ANSWER_MS = 5_000;

const ALLOW = 'GET, HEAD, OPTIONS';

/** Answers every request that is not to read, as order-api does. @returns whether it was one */
export function answerOtherMethod(request: IncomingMessage, response: ServerResponse): boolean {
  const { method = '' } = request;
  if (method === 'GET' || method === 'HEAD') return false;
  response.setHeader('allow', ALLOW);
  if (method === 'OPTIONS') response.writeHead(204).end();
  else answerProblem(response, 405, 'Method Not Allowed', `${method} is not allowed here; ${ALLOW} are.`);
  return true;
}

/**
 * Answers `GET /<name>/<key>` with what its {@link Read} gives, as JSON; everything else as a problem (RFC 9457).
 * This is for programs beside the service: nobody is asked who they are.
 */
export async function answerRead(
  reads: Reads = new Map(),
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const problem = (status: number, title: string, detail: string) =>
    answerProblem(response, status, title, detail);
  const [, name = '', encoded] = /^\/([^/?]*)(?:\/([^?]*))?/.exec(request.url ?? '') ?? [];
  const read = reads.get(name);
  const key = decoded(encoded);
  if (!read || encoded === '' || encoded === undefined) {
    const served = ['/healthz', '/readyz', '/metrics', ...[...reads.keys()].map((one) => `/${one}/…`)];
    return problem(404, 'Not Found', `This port serves ${served.join(', ')}.`);
  }
  if (answerOtherMethod(request, response)) return;
  if (key === undefined) return problem(400, 'Bad Request', 'The path is not percent-encoded text.');
  try {
    const found = await within(ANSWER_MS, read(key));
    if (found === undefined) problem(404, 'Not Found', `There is nothing of ${JSON.stringify(key)}.`);
    else send(response, 200, 'application/json', found);
  } catch {
    problem(503, 'Service Unavailable', 'The database does not answer; try again in a moment.');
  }
}

function decoded(text = ''): string | undefined {
  try {
    const key = decodeURIComponent(text);
    return key.includes('\0') ? undefined : key; // PostgreSQL has no text with a NUL
  } catch {
    return undefined;
  }
}

function answerProblem(response: ServerResponse, status: number, title: string, detail: string): void {
  send(response, status, 'application/problem+json', { title, status, detail });
}

function send(response: ServerResponse, status: number, type: string, body: unknown): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
