import type { Request, RequestHandler, Response } from 'express';
import type { Origin } from '../../shared/events/announce';
import { Common, isTracing, KIND, startSpan, type Span } from '../../shared/tracing/span';
import {
  newSpanId,
  readTraceContext,
  writeTraceparent,
  type TraceContext,
} from '../../shared/tracing/trace-context';
import { beginUntraced } from '../../shared/tracing/trace-new-event';

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server: of others, the name need not be told. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);
const LONGEST = 256;

/** The span of a request, where it is recorded. */
export const spanOfRequest = (response: Response): Span | undefined =>
  (response.locals as { span?: Span }).span;

/** A span from the head of each request to the end of its answer, in the caller's trace where there is one. */
export const traceRequests: RequestHandler = (request, response, next) => {
  if (isTracing()) begin(request, response);
  next();
};

function begin(request: Request, response: Response): void {
  const method = METHODS.has(request.method) ? request.method : '_OTHER';
  const span = startSpan(method === '_OTHER' ? 'HTTP' : method, KIND.server, callersContext(request));
  if (!span) return;
  Object.assign(response.locals, { span });
  span
    .set('http.request.method', method)
    .set('http.request.method_original', method === '_OTHER' ? request.method : undefined)
    .set('url.path', request.originalUrl.split('?', 1)[0]!.slice(0, LONGEST)) // never the query: it may have secrets
    .set('url.scheme', request.protocol)
    .set('network.protocol.version', request.httpVersion)
    .set('user_agent.original', request.get('user-agent')?.slice(0, LONGEST));
  response.once('close', () => end(span, response));
}

function end(span: Span, response: Response): void {
  if (response.headersSent) span.set('http.response.status_code', response.statusCode);
  if (!response.writableFinished) span.fail('client_left');
  else if (response.statusCode >= 500) span.fail(String(response.statusCode));
  span.end();
}

const commons = new Map<string, Common>();

/** The request is for this route of the API. */
export function traceRoute(response: Response, route: { path: string }): void {
  const span = spanOfRequest(response);
  if (!span) return;
  const path = `/api/v1${route.path}`;
  span.name = `${span.name} ${path}`;
  const common = commons.get(path) ?? new Common({ 'http.route': path });
  commons.set(path, common);
  span.common = common;
}

/** A stream has begun: how long it stays open is no duration of a request. */
export function traceStream(response: Response): void {
  spanOfRequest(response)?.set('http.response.status_code', response.statusCode).end();
}

/** The chain that a request begins: where nobody records it, in the caller's trace all the same. */
export function originOfRequest(request: Request, response: Response, correlationid: string): Origin {
  const within = spanOfRequest(response);
  if (within) return { correlationid, within };
  const { state: tracestate, ...context } = callersContext(request) ?? beginUntraced();
  // Where nobody traces, the request is a step of its own to whoever does, and reads the events.
  if (!isTracing()) context.spanId = newSpanId();
  return { correlationid, traceparent: writeTraceparent(context), tracestate };
}

const callersContext = ({ headers }: Request): TraceContext | undefined =>
  headers.traceparent === undefined ? undefined : readTraceContext(headers.traceparent, headers.tracestate);
