import { z } from 'zod';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { once } from '../idempotency/kept-answers';
import { readIdempotencyKey } from '../idempotency/key';
import { beneath } from '../../shared/tracing/beneath';
import { spanLogFields } from '../../shared/tracing/span';
import { callerOf, watchCredential } from '../access/authenticate';
import { checkConcern, checkRole } from '../access/concern';
import type { Admission } from './admission';
import { prefersCsv, sendCsv } from './csv';
import { jsonBody } from './json-body';
import { pageLinks } from './links';
import { readPreferences } from './prefer';
import type { Reads } from '../reads/reads';
import { isRoute, streamHasBegun } from './request-metrics';
import { originOfRequest, spanOfRequest, traceRoute, traceStream } from './request-trace';
import { Problem } from './problem';
import type { Answer } from './answer';
import { queryOf } from './query';
import type { Route, RouteContext } from './route';
import { validBody, validParameters } from './validate';
import { etagOf, preconditionFailed, readPreconditions } from './versions';

/** What every request is given. */
export type RouteDependencies = Omit<
  RouteContext,
  'caller' | 'origin' | 'preconditions' | 'preferences' | 'key' | 'lastEventId'
> & { reads: Reads };

/** A router for the routes; a known path with another method answers 405 and says which there are. */
export function serveRoutes(routes: readonly Route[], admission: Admission, deps: RouteDependencies): Router {
  const router = Router({ caseSensitive: true });
  for (const given of routes) {
    // Strict: a misspelt filter would list everybody's orders. Made once, for making a schema takes longer than using it.
    const route = { ...given, query: (given.query ?? NO_QUERY).strict() };
    const read = route.body ? jsonBody : [];
    const mayDoIt: RequestHandler = (request, response, next) => {
      isRoute(response, route);
      traceRoute(response, route);
      checkRole(callerOf(response), route.name, request.method);
      next();
    };
    router[route.method](expressPath(route.path), mayDoIt, ...read, async (request, response) => {
      const { result, context } = await admission.during(() => answer(route, request, response, deps));
      const last = route.afterwards ? await route.afterwards(result, context, goneOf(response)) : result;
      send(last, request, response);
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map((route) => route.method.toUpperCase());
    router.all(expressPath(path), otherMethods(methods));
  }
  return router;
}

/** Answers OPTIONS, and every method that has not been answered before with 405. */
export function otherMethods(methods: readonly string[]): RequestHandler {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  return (request, response) => {
    if (request.method === 'OPTIONS') return void response.set('Allow', allow).status(204).end();
    throw new Problem(405, 'Method Not Allowed', `${request.method} is not allowed here; ${allow} are.`, {
      headers: { Allow: allow },
    });
  };
}

async function answer(
  route: Route & { query: z.ZodType },
  request: Request,
  response: Response,
  deps: RouteDependencies,
): Promise<{ result: Answer; context: RouteContext }> {
  const caller = callerOf(response);
  const correlationid = response.locals.correlationId as string;
  const span = spanOfRequest(response);
  const database = beneath(deps.database, span);
  refuseBrokenQuery(request.originalUrl);
  const input = {
    params: route.params && validParameters(route.params, request.params, 'path'),
    query: validParameters(route.query, request.query, 'query'),
    body: route.body && validBody(route.body, request.body),
  };
  await checkConcern(database, caller, route, (input.params ?? {}) as Record<string, string>);
  const preconditions = readPreconditions(request);
  // What has no version is at none of those that were named.
  const isFree =
    route.versioned || route.method === 'get' || ['*', undefined].includes(request.get('if-match'));
  if (!isFree)
    throw preconditionFailed('There is no version here that If-Match could name; nothing was done.');
  const context = {
    ...deps,
    database,
    caller,
    preconditions,
    preferences: readPreferences(request.get('prefer')),
    lastEventId: request.get('last-event-id'),
    log: deps.log.child({ correlation_id: correlationid, ...spanLogFields(span) }),
    origin: originOfRequest(request, response, correlationid),
  };
  const key = route.method === 'get' ? undefined : readIdempotencyKey(request, caller.id ?? ANYBODY);
  if (route.replicaMayAnswer)
    return {
      result: await deps.reads.read((database) => route.handle(input, { ...context, database })),
      context,
    };
  const result =
    key && !route.commitsKey
      ? await once(database, key, (database) => route.handle(input, { ...context, database }))
      : await route.handle(input, { ...context, key });
  span?.set('ordermesh.order_id', orderIdIn(result.body));
  return { result, context };
}

const orderIdIn = (body: unknown): string | undefined => {
  const id: unknown = (body as { order_id?: unknown } | undefined)?.order_id;
  return typeof id === 'string' ? id : undefined;
};

/** Said of a signal without one, an error would be made of each request. */
const GONE = 'the client has its answer, or has left';

/** Aborted when the client has left before it was answered. */
function goneOf(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort(GONE));
  return gone.signal;
}

function send(result: Answer, request: Request, response: Response): void {
  response.status(result.status).set(result.headers ?? {});
  if (result.version !== undefined) response.set('ETag', etagOf(result.version));
  const nextCursor = (result.body as { next_cursor?: string | null } | undefined)?.next_cursor;
  if (nextCursor !== undefined) response.set('Link', pageLinks(request.originalUrl, nextCursor));
  if (result.stream && request.method !== 'HEAD') {
    watchCredential(response);
    streamHasBegun(response);
    traceStream(response);
    return result.stream(response);
  }
  if (result.body === undefined) return void response.end();
  if (result.table) {
    response.vary('Accept');
    if (prefersCsv(request)) return sendCsv(response, result.table);
  }
  // Not by Express's `json`, which would judge `If-None-Match` for itself: whether an order has changed, its route knows.
  const body = Buffer.from(JSON.stringify(result.body));
  response
    .set({ 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(body.length) })
    .end(body);
}

/** Read leniently, `%ff` would be a filter that the client never sent. */
function refuseBrokenQuery(url: string): void {
  try {
    decodeURIComponent(queryOf(url).replaceAll('+', ' '));
  } catch {
    throw new Problem(400, 'Bad Request', 'The query is not valid: its percent-encoding is not UTF-8.');
  }
}

/** Whoever asks, where nobody has to say who they are. */
const ANYBODY = '';

const NO_QUERY = z.object({});

const expressPath = (path: string) => path.replaceAll(/\{(\w+)\}/g, ':$1');
