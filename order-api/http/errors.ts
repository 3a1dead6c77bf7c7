import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { briefly, isMissing, isPassing } from '../../shared/messaging/failure';
import type { Logger } from '../../shared/service/logger';
import { endUnread } from './end-unread';
import { OVERLOADED, Problem } from './problem';
import { problemPage } from './problem-types';
import { spanOfRequest } from './request-trace';
import { spanLogFields } from '../../shared/tracing/span';

export const unknownRoute: RequestHandler = (request) => {
  throw new Problem(404, 'Not Found', `There is no ${request.path}; /docs lists what there is.`);
};

/** Answers every error as a problem; what is not the client's fault is logged, and its cause kept from the client. */
export function answerProblems(log: Logger): ErrorRequestHandler {
  const turnedAway = tallied((answers) => log.warn({ answers }, 'overloaded: answered 503'));
  return (error, request, response, next) => {
    if (response.headersSent) return next(error);
    const problem = toProblem(error);
    const correlation_id = response.locals.correlationId as string | undefined;
    if (problem.options.type === OVERLOADED) turnedAway();
    else if (problem.status >= 500) {
      const span = spanOfRequest(response);
      const fields = {
        correlation_id,
        ...spanLogFields(span),
        method: request.method,
        path: request.path,
      };
      if (problem.status === 503) log.warn({ ...fields, error: briefly(error) }, 'answered 503');
      else log.error({ ...fields, err: error as Error }, 'answered 500');
    }
    const body = JSON.stringify({
      ...problem.toJSON(),
      instance: request.originalUrl.split('?')[0],
      correlation_id,
    });
    response
      .status(problem.status)
      .set(problem.options.headers ?? {})
      .set('Content-Type', 'application/problem+json; charset=utf-8');
    if (problem.options.type) response.append('Link', `<${problemPage(problem.options.type)}>; rel="help"`);
    endUnread(request, response, body);
  };
}

const TALLY_MS = 1_000;

/** Says how often something happened, once a second: who is overloaded has no time for a line each. */
function tallied(say: (count: number) => void): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count > 1) return;
    setTimeout(() => {
      say(count);
      count = 0;
    }, TALLY_MS).unref();
  };
}

/** As Express throws, of a path that cannot be decoded. */
interface HttpError {
  message: string;
  status?: number;
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const http = error as HttpError;
  if (http.status && http.status >= 400 && http.status < 500)
    return new Problem(http.status, STATUS_CODES[http.status] ?? 'Bad Request', http.message);
  if (isMissing(error))
    return new Problem(
      503,
      'Service Unavailable',
      'The database is not set up for this: a grant, a table or a column is missing. Nothing was done; try again later.',
      { headers: { 'Retry-After': '5' } },
    );
  if (isPassing(error)) {
    // A connection that broke may have broken after the commit, so nothing is promised.
    const detail =
      'The database does not answer or is busy; try again. What was to be changed may have been: look before you repeat it.';
    return new Problem(503, 'Service Unavailable', detail, { headers: { 'Retry-After': '1' } });
  }
  return new Problem(
    500,
    'Internal Server Error',
    'Something went wrong on our side; the correlation id finds it in the log.',
  );
}
