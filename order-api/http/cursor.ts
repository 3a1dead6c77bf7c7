import { createHash } from 'node:crypto';
import { z } from 'zod';
import { badParameters } from './problem';

// A cursor is where a page ended, and a digest of that and of the list: made up, changed, or taken to another list (or
// the same one with another filter), it does not fit. It is no secret and opens nothing.

/** `cursor` of a list, as it is sent. */
export const cursor = z
  .string()
  .refine(isWhole, { error: 'must be a next_cursor of an earlier answer' })
  .optional()
  .meta({ description: '`next_cursor` of the page before' });

const DIGEST_BYTES = 9;

/** Whether it is written as a cursor is; of which list it is, only that list can tell. */
function isWhole(given: string): boolean {
  const bytes = Buffer.from(given, 'base64url');
  return bytes.length > DIGEST_BYTES && bytes.toString('base64url') === given;
}

/** The cursor for a position within a list. @param list names the list and its filter, in a form that is the same for the same */
export function makeCursor(list: unknown, position: readonly string[]): string {
  const text = JSON.stringify(position);
  return Buffer.concat([digest(list, text), Buffer.from(text)]).toString('base64url');
}

/**
 * The position that a cursor stands for; undefined for none.
 * @param shape what each part of a position looks like: whoever knows the recipe of the digest may make up any
 * @throws {Problem} 400 for one that is not of this list
 */
export function readCursor(
  list: unknown,
  given: string | undefined,
  shape: readonly RegExp[],
): string[] | undefined {
  if (given === undefined) return undefined;
  const bytes = Buffer.from(given, 'base64url');
  const text = bytes.toString('utf8', DIGEST_BYTES);
  if (bytes.subarray(0, DIGEST_BYTES).equals(digest(list, text))) {
    const position: unknown = JSON.parse(text);
    if (hasShape(position, shape)) return position;
  }
  const detail = 'must be the next_cursor of an earlier answer to the same list with the same filters';
  throw badParameters([{ pointer: '#/cursor', detail, in: 'query' }]);
}

const hasShape = (position: unknown, shape: readonly RegExp[]): position is string[] =>
  Array.isArray(position) &&
  position.length === shape.length &&
  position.every((part, index) => typeof part === 'string' && shape[index]!.test(part));

/** Of an id in a position. */
export const UUID_PART = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const digest = (list: unknown, text: string): Buffer =>
  createHash('sha256')
    .update(JSON.stringify(['ordermesh cursor 1', list, text]))
    .digest()
    .subarray(0, DIGEST_BYTES);

export interface Page<T> {
  rows: T[];
  next_cursor: string | null;
}

/**
 * Cuts a page from one row more than it has.
 * @param hasMore where there is more although it was not read
 */
export function pageOf<T>(
  rows: readonly T[],
  limit: number,
  list: unknown,
  positionOf: (row: T) => string[],
  hasMore = rows.length > limit,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = hasMore ? shown.at(-1) : undefined;
  return { rows: shown, next_cursor: last === undefined ? null : makeCursor(list, positionOf(last)) };
}
