import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { badParameters, Problem } from '../http/problem';

/** An `Idempotency-Key`, with what it may be used for. Both are SHA-256 in hex: neither key nor body is kept. */
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
  const given = request.get(IDEMPOTENCY_KEY);
  if (given === undefined) return undefined;
  const key = /^"((?:[^"\\]|\\["\\])*)"$/.exec(given)?.[1]?.replace(/\\(.)/g, '$1') ?? given;
  if (!/^[\x20-\x7e]+$/.test(key) || key.trim() === '' || key.length > LONGEST_KEY) {
    const detail = `must have 1 to ${LONGEST_KEY} printable ASCII characters`;
    throw badParameters([{ pointer: '#/idempotency-key', detail, in: 'header' }]);
  }
  const path = (request.baseUrl + request.path).toLowerCase().replace(/\/$/, '');
  return {
    hash: sha256(JSON.stringify([caller, request.method, path, key])),
    request: sha256(canonical(request.body ?? {})),
  };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** JSON with the members of objects in order: how a client happens to write them makes no other request. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

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
