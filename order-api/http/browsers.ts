import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';

type Sources = Record<string, string[]>;

/** Without what is of no use to an API, or to pages that open no others and hold nothing of others. */
const headers = (
  directives: Sources,
  more: Pick<HelmetOptions, 'crossOriginResourcePolicy' | 'crossOriginOpenerPolicy'>,
): RequestHandler =>
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    dnsPrefetchControl: false,
    ieNoOpen: false,
    permittedCrossDomainPolicies: false,
    xssFilter: false,
    frameguard: { action: 'deny' },
    hsts: { maxAge: 31_536_000, includeSubDomains: false },
    ...more,
  });

/** What browsers may do with data: should one ever show it as a page, nothing. Which sites may read it, CORS says. */
export const dataHeaders: RequestHandler = headers(
  { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  { crossOriginResourcePolicy: { policy: 'cross-origin' } },
);

/**
 * Left to themselves, some caches keep what says nothing of it for minutes: an order would stand still there, and one
 * customer's list be shown to another.
 */
export const askEachTime: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'private, no-cache');
  next();
};

/**
 * Serves a page that loads what it needs from this server alone. No script that stands in it runs, for somebody might get one
 * into it; styles may stand in it, as Swagger UI wants.
 */
export const page = (html: string): RequestHandler[] => [
  headers(
    {
      defaultSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    { crossOriginOpenerPolicy: { policy: 'same-origin' } },
  ),
  (_request, response) => void response.type('html').send(html),
];

/** For a page to read, made anew each time: it loads a style and an icon from this server, and nothing runs in it. */
export const readingPage: RequestHandler = headers(
  {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  { crossOriginOpenerPolicy: { policy: 'same-origin' } },
);

/** The same, and what its forms send goes to this server. */
export const formPage: RequestHandler = headers(
  {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  { crossOriginOpenerPolicy: { policy: 'same-origin' } },
);

/** What scripts of other sites may read of an answer, beside its body. */
const EXPOSED =
  'ETag Idempotent-Replayed Link Location Preference-Applied RateLimit RateLimit-Policy Retry-After WWW-Authenticate X-Correlation-Id'.split(
    ' ',
  );

/**
 * Lets scripts of other sites use the API. They have to send a key or a token: nothing is taken from cookies, so nothing can be done
 * in the name of somebody who only looks at a page.
 * @param origins such as `https://shop.example`; `*` for all
 */
export function allowOrigins(origins: readonly string[] | '*'): RequestHandler {
  const handle = cors({
    origin: origins === '*' ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: 600,
  });
  return (request, response, next) => {
    // An OPTIONS request that is no browser's question is answered with what is allowed, as ever.
    const isQuestion = request.get('access-control-request-method') !== undefined;
    if (request.method === 'OPTIONS' && !isQuestion) return next();
    handle(request, response, next);
  };
}
