import type { RequestHandler, Response } from 'express';
import { histogram, metricsPage } from '../../shared/service/metrics';

const durations = histogram(
  'http_request_duration_seconds',
  'From the head of a request to the end of its answer; of a stream, to its beginning. The status of a client that left before is 499',
  ['method', 'route', 'status'],
  [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
);

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const CLIENT_LEFT = 499;

interface Measured {
  begunAt: number;
  /** A route's path with its parameters' names; what is no route of the API has one label for all. */
  route: string;
  isCounted: boolean;
}
const measuredOf = (response: Response) => (response.locals as { measured?: Measured }).measured;

/** Counts every request by method, route and status, and how long it took. */
export const countRequests: RequestHandler = (request, response, next) => {
  const measured: Measured = { begunAt: performance.now(), route: 'other', isCounted: false };
  Object.assign(response.locals, { measured });
  response.once('close', () => {
    if (!measured.isCounted)
      count(request.method, measured, response.writableFinished ? response.statusCode : CLIENT_LEFT);
  });
  next();
};

function count(method: string, measured: Measured, status: number): void {
  measured.isCounted = true;
  const labels = { method: METHODS.has(method) ? method : 'other', route: measured.route, status };
  durations.observe(labels, (performance.now() - measured.begunAt) / 1_000);
}

/** The request is for this route of the API. */
export function isRoute(response: Response, route: { path: string }): void {
  const measured = measuredOf(response);
  if (measured) measured.route = `/api/v1${route.path}`;
}

/** A stream has begun: how long it stays open is no duration of a request. */
export function streamHasBegun(response: Response): void {
  const measured = measuredOf(response);
  if (measured) count(response.req.method, measured, response.statusCode);
}

/** `/metrics` */
export const serveMetrics: RequestHandler = async (_request, response) => {
  const { contentType, text } = await metricsPage();
  response.set({ 'Content-Type': contentType, 'Cache-Control': 'no-store' }).send(text);
};
