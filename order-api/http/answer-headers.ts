import { z } from 'zod';
import type { Route } from './route';

const version = z.string().meta({ description: "The order's version, in double quotes", example: '"3"' });
const optional = (description: string, example: string) =>
  z.string().optional().meta({ description, example });

const etag = { ETag: version };
const location = {
  Location: z.string().meta({ description: 'Where to look at it', example: '/api/v1/orders/…' }),
};
const replayed = {
  'Idempotent-Replayed': optional('The answer to an earlier request with the same `Idempotency-Key`', 'true'),
};
const applied = { 'Preference-Applied': optional('What of `Prefer` was heeded', 'wait=10') };
const link = {
  Link: z.string().meta({
    description: 'The first page and, unless this is the last, the next one (RFC 8288)',
    example: '</api/v1/orders?limit=50>; rel="first"',
  }),
};

const isCreated = (status: number) => status === 201 || status === 202;

/** What stands in the head of a route's good answers, for OpenAPI. */
export function answerHeaders(route: Route, status: number): z.ZodObject | undefined {
  const headers = {
    ...(route.versioned || route.prefers ? etag : {}),
    ...(isCreated(status) || route.prefers ? location : {}),
    ...(route.method === 'get' ? {} : replayed),
    ...(route.prefers ? applied : {}),
    ...(route.query?.shape.cursor ? link : {}),
  };
  return Object.keys(headers).length > 0 ? z.object(headers) : undefined;
}

/** Of 304. */
export const versionHeader = z.object(etag);
