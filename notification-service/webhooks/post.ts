import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { useAgent } from 'request-filtering-agent';
import { CLOUD_ADDRESSES } from '../../shared/webhooks/receiver-address';
import { readBeginning } from './read-beginning';
import { whyUnreached } from './why-unreached';

/** What a receiver answered. */
export interface Reply {
  status: number;
  retryAfter?: string | undefined;
  /** The first kilobyte of it. */
  beginning: string;
}

export interface PostOptions {
  /** Whether the address may be one that only this machine or network reaches. */
  allowPrivate: boolean;
  /** Names to addresses; the system's own unless given. */
  lookup?: LookupFunction;
  connectMs?: number;
  /** From the first moment to the end of the answer's head. */
  headMs?: number;
}

export type Post = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
) => Promise<Reply>;

const CONNECT_MS = 5_000;
const HEAD_MS = 15_000;

/**
 * A way to POST to addresses that strangers chose. Each request has a connection of its own, straight to an address that
 * was looked at when its name was resolved: no proxy, no redirect, nothing that changes in between. Once the head of the
 * answer is there, its status counts, whatever becomes of the rest.
 */
export function openPost({
  allowPrivate,
  lookup,
  connectMs = CONNECT_MS,
  headMs = HEAD_MS,
}: PostOptions): Post {
  const rules = allowPrivate
    ? { allowPrivateIPAddress: true, allowMetaIPAddress: true }
    : { denyIPAddressList: CLOUD_ADDRESSES };
  // Whether it is for https, the beginning of an address says.
  const agents = { 'http:': useAgent('http:', rules), 'https:': useAgent('https:', rules) };
  return async (url, headers, body, signal) => {
    const isSecure = url.startsWith('https:');
    let request: http.ClientRequest | undefined;
    try {
      // It throws where the address itself is not allowed.
      request = (isSecure ? https : http).request(url, {
        method: 'POST',
        agent: agents[isSecure ? 'https:' : 'http:'],
        headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
        signal,
        ...(lookup ? { lookup } : {}),
        ...(isSecure ? { rejectUnauthorized: true } : {}),
      });
      const response = await headOf(request, body, { connectMs, headMs, isSecure });
      return {
        status: response.statusCode ?? 0,
        retryAfter: response.headers['retry-after'],
        beginning: await readBeginning(response),
      };
    } catch (error) {
      throw new Error(whyUnreached(error, signal));
    } finally {
      request?.destroy();
    }
  };
}

interface Limits {
  connectMs: number;
  headMs: number;
  isSecure: boolean;
}

function headOf(
  request: http.ClientRequest,
  body: string,
  { connectMs, headMs, isSecure }: Limits,
): Promise<http.IncomingMessage> {
  const late = (ms: number, what: string) =>
    setTimeout(() => request.destroy(new Error(`${what} within ${ms / 1_000} s`)), ms);
  const timers = [late(connectMs, 'no connection'), late(headMs, 'no answer')];
  const [connecting] = timers;
  request.once('socket', (socket) =>
    socket.once(isSecure ? 'secureConnect' : 'connect', () => clearTimeout(connecting)),
  );
  return new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    // Also one that comes when all is over: without a listener it would end the process.
    request.on('error', reject);
    request.once('close', () => reject(new Error('the connection was closed without an answer')));
    request.end(body);
  }).finally(() => timers.forEach(clearTimeout));
}
