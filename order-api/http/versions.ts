import type { Request } from 'express';
import { Problem } from './problem';

/** The entity tag of a version, RFC 9110, section 8.8.3. */
export const etagOf = (version: number): string => `"${version}"`;

/** What a request says of the version that it means. */
export interface Preconditions {
  /** `If-Match`. @throws {Problem} 412 where the order is at none of the versions that were named */
  check(version: number): void;
  /** `If-None-Match`: whether the client has this version already. */
  hasAlready(version: number): boolean;
}

/** Those of a request that says nothing of versions. */
export const noPreconditions: Preconditions = { check: () => undefined, hasAlready: () => false };

/** Reads `If-Match` and `If-None-Match`. @throws {Problem} 400 where one is no list of entity tags */
export function readPreconditions(request: Request): Preconditions {
  const match = readTags(request, 'if-match');
  const noneMatch = readTags(request, 'if-none-match');
  return {
    check: (version) => {
      // Compared strongly: a weak tag matches nothing (RFC 9110, section 13.1.1).
      if (match === undefined || match === '*' || match.includes(etagOf(version))) return;
      throw preconditionFailed(
        `The order is at version ${version}, not at ${match.join(' or ')}; nothing was done. Read it again.`,
        version,
      );
    },
    hasAlready: (version) =>
      noneMatch === '*' || (noneMatch?.some((tag) => tag.replace(/^W\//, '') === etagOf(version)) ?? false),
  };
}

export const preconditionFailed = (detail: string, version?: number) =>
  new Problem(412, 'Precondition Failed', detail, {
    type: 'version-mismatch',
    ...(version === undefined
      ? {}
      : { members: { current_version: version }, headers: { ETag: etagOf(version) } }),
  });

/** Any entity tag, weak or strong. */
const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/y;
const BETWEEN = /[ \t]*(?:,[ \t]*)+|[ \t]*$/y;

function readTags(request: Request, name: 'if-match' | 'if-none-match'): string[] | '*' | undefined {
  const given = request.get(name)?.trim();
  if (given === undefined) return undefined;
  if (given === '*') return '*';
  const tags: string[] = [];
  let at = 0;
  const read = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(given)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  while (at < given.length) {
    const tag = read(TAG);
    if (tag === undefined || read(BETWEEN) === undefined) throw notTags(name);
    tags.push(tag);
  }
  if (tags.length === 0) throw notTags(name);
  return tags;
}

const notTags = (name: string) => {
  const detail = 'must be * or entity tags in double quotes, such as "3"';
  return new Problem(400, 'Bad Request', `${name}: ${detail}.`, {
    type: 'invalid-parameters',
    errors: [{ pointer: `#/${name}`, detail, in: 'header' }],
  });
};
