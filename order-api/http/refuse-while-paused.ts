import type { RequestHandler } from 'express';
import type { Pauses } from '../../shared/service/pauses';
import { Problem } from './problem';

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);
const RETRY_AFTER_S = 30;

/** While order-api is paused it answers what is there, and changes nothing. Why it is paused is the operator's to know. */
export function refuseWhilePaused(pauses: Pauses): RequestHandler {
  // Made once: with its stack trace it would be most of what turning somebody away costs.
  const refusal = new Problem(
    503,
    'Service Unavailable',
    'The shop takes no changes at the moment. Nothing was done; try again after `Retry-After`.',
    { type: 'paused', headers: { 'Retry-After': String(RETRY_AFTER_S) } },
  );
  let isKnown = false;
  pauses.onRead(() => (isKnown = true));
  return async (request, _response, next) => {
    if (READS.has(request.method)) return next();
    // What is paused may go on over a restart. Without the database nothing is changed anyway.
    if (!isKnown) await pauses.known().catch(() => undefined);
    if (pauses.of('order-api')) throw refusal;
    next();
  };
}
