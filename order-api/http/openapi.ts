import { OpenApiGeneratorV31, OpenAPIRegistry, type ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { roles } from '../access/caller';
import { rightOf, type Right, type RouteName } from '../access/policy';
import { IDEMPOTENCY_KEY, LONGEST_KEY } from '../idempotency/key';
import { UNAVAILABLE } from './problem';
import type { Route } from './route';

const fieldError = z.object({
  pointer: z
    .string()
    .meta({ description: 'JSON Pointer as a URI fragment (RFC 6901)', example: '#/items/0/quantity' }),
  detail: z.string(),
  in: z.enum(['path', 'query', 'header']).optional(),
});

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    correlation_id: z.string(),
    errors: z.array(fieldError).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });

const PROBLEMS: Record<number, string> = {
  400: 'A parameter or the JSON is malformed',
  401: 'Nobody has said who they are, or what they showed is not good (`unauthenticated`)',
  403: 'Who calls may not do that (`forbidden`)',
  404: 'There is no such thing, or it is kept from who calls',
  409: 'A request with this `Idempotency-Key` is being worked on (`idempotency-key-in-use`)',
  412: 'It is at another version than `If-Match` says (`version-mismatch`); nothing was done',
  413: 'The body is too large',
  415: 'The body is not JSON in UTF-8',
  422: 'A field is not valid; `errors` names every one. Or the `Idempotency-Key` was used for another body (`idempotency-key-reused`)',
  429: 'Too many requests (`rate-limited`); nothing was done: try again after `Retry-After`',
  503: UNAVAILABLE,
};

const retryAfter = z.object({ 'Retry-After': z.string().meta({ description: 'Seconds', example: '1' }) });
const challenge = z.object({ 'WWW-Authenticate': z.string().meta({ example: 'Bearer realm="ordermesh"' }) });
const PROBLEM_HEADERS: Record<number, z.ZodObject> = {
  401: challenge,
  403: challenge,
  429: retryAfter,
  503: retryAfter,
};

/** The OpenAPI 3.1 document of the routes, from the schemas that validate them. */
export function openApiDocument(routes: readonly Route[], base: string) {
  const registry = new OpenAPIRegistry();
  for (const route of routes) {
    const problems = { ...everyRoute(route), ...route.problems };
    // What the route says of its own conflicts comes first; the key's may come on top.
    if (route.problems?.[409] && route.method !== 'get')
      problems[409] = `${route.problems[409]}. ${PROBLEMS[409]}`;
    registry.registerPath({
      method: route.method,
      path: base + route.path,
      operationId: route.name,
      summary: route.summary,
      description: [route.description, whoMay(route.name)].filter(Boolean).join('\n\n'),
      tags: [route.tag],
      security: [{ apiKey: [] }, { token: [] }],
      request: {
        params: route.params,
        query: route.query,
        headers: z.object({
          'X-Correlation-Id': z
            .string()
            .optional()
            .meta({ description: 'Carried in every event that follows; generated if absent' }),
          ...preconditions(route),
          ...idempotencyKey(route),
          ...prefer(route),
          ...(route.streams ? { 'Last-Event-ID': lastEventId } : {}),
        }),
        body: route.body && {
          required: !route.bodyOptional,
          content: { 'application/json': { schema: route.body, example: route.example?.body ?? {} } },
        },
      },
      responses: {
        ...mapValues(route.answers, ({ description, schema }): ResponseConfig => ({
          description,
          headers: route.versioned ? versionHeader : undefined,
          content: schema && { [route.streams ? 'text/event-stream' : 'application/json']: { schema } },
        })),
        ...(answersNotModified(route)
          ? {
              304: { description: 'It is at the version that `If-None-Match` names', headers: versionHeader },
            }
          : {}),
        ...mapValues(problems, (description, status): ResponseConfig => ({
          description,
          headers: PROBLEM_HEADERS[status],
          content: { 'application/problem+json': { schema: problem } },
        })),
      },
    });
  }
  for (const [name, scheme] of Object.entries(SECURITY_SCHEMES))
    registry.registerComponent('securitySchemes', name, scheme);
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Ordermesh',
      version: '1',
      description:
        'Places orders and carries them through stock, preparation and delivery by events. Amounts are decimal, times UTC.',
    },
    servers: [{ url: '/' }],
  });
  for (const route of routes)
    addParameterExamples(route, document.paths?.[base + route.path]?.[route.method]);
  return document;
}

const SECURITY_SCHEMES = {
  apiKey: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'om_live_…',
    description: 'An API key, as `npm run keys -- create` makes it. Needed where AUTH has `keys`.',
  },
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token of the OpenID provider. Needed where AUTH has `jwt`.',
  },
} as const;

const RIGHTS: Record<Right, string | undefined> = {
  none: undefined,
  own: ' (their own)',
  theirs: ' (of their restaurants)',
  all: '',
};

/** The policy in a sentence. */
function whoMay(name: RouteName): string {
  const allowed = roles.flatMap((role) => {
    const right = RIGHTS[rightOf(role, name)];
    return right === undefined ? [] : [`${role}${right}`];
  });
  return `For: ${allowed.join(', ')}.`;
}

/** Of parameters in the path alone: Swagger UI would send an example of an optional one. */
function addParameterExamples(route: Route, operation: { parameters?: object[] } | undefined): void {
  const parameters = (operation?.parameters ?? []) as { in?: string; name?: string; example?: string }[];
  for (const parameter of parameters)
    if (parameter.in === 'path' && parameter.name)
      parameter.example = route.example?.params?.[parameter.name];
}

const versionHeader = z.object({
  ETag: z.string().meta({ description: "The order's version, in double quotes", example: '"3"' }),
});

export const answersNotModified = ({ method, versioned }: Route): boolean =>
  method === 'get' && versioned === true;

const preconditions = (route: Route): Record<string, z.ZodType> => {
  if (answersNotModified(route))
    return { 'If-None-Match': tags.meta({ description: 'The versions that are known already: then 304' }) };
  return route.versioned
    ? { 'If-Match': tags.meta({ description: 'The versions that the change is meant for: at another, 412' }) }
    : {};
};

const tags = z.string().optional();
const lastEventId = z
  .string()
  .optional()
  .meta({ description: 'The id of the last event that arrived: the stream goes on after it' });

const prefer = ({ prefers }: Route): Record<string, z.ZodType> =>
  prefers
    ? {
        Prefer: z.string().optional().meta({
          description:
            '`wait=10` holds the answer for up to so many seconds (30 at most) until the order is decided: then 200. `handling=strict` refuses at once what there is visibly too little in stock for (`out-of-stock`)',
        }),
      }
    : {};

const idempotencyKey = ({ method }: Route): Record<string, z.ZodType> =>
  method === 'get'
    ? {}
    : {
        [IDEMPOTENCY_KEY]: z.string().min(1).max(LONGEST_KEY).optional().meta({
          description:
            'Makes it safe to send the request again: for 24 hours the same key and body give the first answer, with `Idempotent-Replayed: true`, and nothing is done twice',
        }),
      };

function everyRoute(route: Route): Record<number, string> {
  const statuses = [
    400,
    401,
    403,
    ...(route.params && Object.keys(route.params.shape).length > 0 ? [404] : []),
    413,
    ...(route.method !== 'get' ? [409, 412, 422] : []),
    ...(route.body ? [415] : []),
    429,
    503,
  ];
  return Object.fromEntries(statuses.map((status) => [status, PROBLEMS[status] ?? '']));
}

const mapValues = <T, U>(record: Record<number, T>, map: (value: T, key: number) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value as T, Number(key))]));
