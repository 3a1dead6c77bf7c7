import { UNAVAILABLE } from './problem';
import { isProblemType, problemKind, type ProblemType, type RouteProblems } from './problem-types';
import type { Route } from './route';

/** What is said of the problems that a route answers with one status. */
export interface DocumentedProblem {
  description: string;
  /** Those that it may be of; undefined is a problem without a type of its own. */
  types: (ProblemType | undefined)[];
}

/** The problems that every route of its kind may answer. */
function everyRoute(route: Route): RouteProblems {
  const hasParameters = route.params && Object.keys(route.params.shape).length > 0;
  return {
    400: 'The request is malformed',
    'invalid-parameters': 'A parameter is not valid',
    ...(route.body ? { 'invalid-json': 'The body is not JSON' } : {}),
    unauthenticated: 'Nobody has said who they are, or what they showed is not good',
    forbidden: 'Who calls may not do that',
    ...(hasParameters ? { 404: 'There is no such thing, or it is kept from who calls' } : {}),
    ...(route.method === 'get'
      ? {}
      : {
          'version-mismatch': 'It is at another version than `If-Match` says; nothing was done',
          'idempotency-key-in-use': 'A request with this `Idempotency-Key` is being worked on',
          'idempotency-key-reused': 'The `Idempotency-Key` was used for another body',
          paused: 'No changes are taken at the moment; nothing was done, try again after `Retry-After`',
        }),
    413: 'The body is too large',
    ...(route.body
      ? {
          415: 'The body is not JSON in UTF-8',
          'invalid-request': 'A field is not valid; `errors` names every one',
        }
      : {}),
    'rate-limited': 'Too many requests; nothing was done, try again after `Retry-After`',
    503: UNAVAILABLE,
    overloaded: 'More is asked for than can be taken on; nothing was done, try again after `Retry-After`',
  };
}

/** All that a route may answer but what it is for, by status. */
export function problemsOf(route: Route): Record<number, DocumentedProblem> {
  const byStatus: Record<number, DocumentedProblem> = {};
  for (const [key, text] of Object.entries({ ...everyRoute(route), ...route.problems })) {
    if (text === undefined) continue;
    const type = isProblemType(key) ? key : undefined;
    const status = type ? problemKind(type).status : Number(key);
    const said = type ? `${text} (\`${type}\`)` : text;
    const before = byStatus[status];
    byStatus[status] = {
      description: before ? `${before.description}. ${said}` : said,
      types: [...(before?.types ?? []), type],
    };
  }
  return byStatus;
}
