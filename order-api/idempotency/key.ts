import { hash } from 'node:crypto';
import type { Request } from 'express';
import { badParameters, Problem } from '../http/problem';

/** An `Idempotency-Key`, with what it may be used for. Both are hashes, as UUIDs: neither key nor body is kept. */
export interface IdempotencyKey {
  /** Of the key, within its scope: the caller, the method and the path. */
  hash: string;
  /** Of the request's body: the same key with another request is refused. */
  request: string;
}

export const IDEMPOTENCY_KEY = 'Idempotency-Key';
export const LONGEST_KEY = 255;

/**
 * Reads the key of a request; undefined where it has none. It may be in double quotes, as in
 * draft-ietf-httpapi-idempotency-key-header, or not, as Stripe's are: that is the same key.
 * @param caller who asks; one caller's keys are none of another's
 * @throws {Problem} 400 where it is no key
 */
export function readIdempotencyKey(request: Request, caller: string): IdempotencyKey | undefined {
  // A proxy may have sent it twice; two different ones are none.
  const all = new Set(request.headersDistinct['idempotency-key']);
  const [given] = all;
  if (given === undefined) return undefined;
  const key = /^"((?:[^"\\]|\\["\\])*)"$/.exec(given)?.[1]?.replace(/\\(.)/g, '$1') ?? given;
  if (!/^[\x20-\x7e]+$/.test(key) || all.size > 1 || key.trim() === '' || key.length > LONGEST_KEY) {
    const detail = `must be one key of 1 to ${LONGEST_KEY} printable ASCII characters`;
    throw badParameters([{ pointer: '#/idempotency-key', detail, in: 'header' }]);
  }
  const path = (request.baseUrl + request.path).toLowerCase().replace(/\/$/, '');
  return {
    hash: digest(JSON.stringify([caller, request.method, path, key])),
    request: digest(canonical(request.body ?? {})),
  };
}

/** 128 bits of the SHA-256: nobody finds two texts with the same. */
function digest(text: string): string {
  const hex = hash('sha256', text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** JSON with the members of objects in order: how a client happens to write them makes no other request. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join(',')}}`;
}

export const keyReused = () =>
  new Problem(
    422,
    'Unprocessable Content',
    `This ${IDEMPOTENCY_KEY} was used for a request with another body; nothing was done. Use a new key for a new request.`,
    { type: 'idempotency-key-reused' },
  );

export const keyInUse = () =>
  new Problem(
    409,
    'Conflict',
    `A request with this ${IDEMPOTENCY_KEY} is being worked on; ask again in a moment, with the same key.`,
    { type: 'idempotency-key-in-use', headers: { 'Retry-After': '1' } },
  );

export const isKeyInUse = (error: unknown): boolean =>
  error instanceof Problem && error.options.type === 'idempotency-key-in-use';
