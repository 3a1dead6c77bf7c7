import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { RateLimit } from '../../shared/service/access-config';
import type { Logger } from '../../shared/service/logger';
import type { Caller } from '../access/caller';
import { Problem } from './problem';

/**
 * Counts requests in windows of time, in this process alone: behind a balancer with three replicas, three times as many may
 * come through. Every answer says what is left, in the fields of draft-ietf-httpapi-ratelimit-headers-10. One too many is answered 429 with `Retry-After`, before anything of it is done.
 */
function limit(
  name: string,
  whose: string,
  { requests, windowMs }: RateLimit,
  keyGenerator: (request: Request, response: Response) => string,
): RequestHandler {
  // Made once: with its stack trace it would be most of what turning somebody away costs.
  const refusal = new Problem(
    429,
    'Too Many Requests',
    `More than ${requests} requests in ${windowMs / 1_000} s ${whose}. Nothing was done; try again after \`Retry-After\`.`,
    { type: 'rate-limited' },
  );
  return rateLimit({
    windowMs,
    limit: requests,
    identifier: name,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator,
    // It would complain on the console; TRUST_PROXY is checked where it is read.
    validate: false,
    handler: (_request, _response, next) => next(refusal),
  });
}

/**
 * Of IPv6, a /56 counts as one, for that is what one customer of a provider has. Some proxies name the port as well
 * (`203.0.113.7:50123`), which is another one for each connection.
 */
const addressOf = ({ ip = '' }: Request): string =>
  ipKeyGenerator(/^\[(.*)\](?::\d+)?$/.exec(ip)?.[1] ?? /^([\d.]+):\d+$/.exec(ip)?.[1] ?? ip);

export const limitByAddress = (given: RateLimit): RequestHandler =>
  limit('address', 'come from this address', given, addressOf);

/** By who calls, once that is known: by key, or by subject of a token. Where nobody has to say it, by address. */
export const limitByCaller = (given: RateLimit, callerOf: (response: Response) => Caller): RequestHandler =>
  limit(
    'caller',
    'come from this caller',
    given,
    (request, response) => callerOf(response).id ?? addressOf(request),
  );

/** Says it once where requests come through a proxy that nobody has told of: all of its clients count as one address. */
export function noticeProxy(log: Logger): RequestHandler {
  let said = false;
  return (request, _response, next) => {
    if (!said && request.headers['x-forwarded-for'] !== undefined) {
      said = true;
      log.warn(
        'requests come through a proxy, and TRUST_PROXY is off: all of its clients count as one address',
      );
    }
    next();
  };
}
