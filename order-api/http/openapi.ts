import { OpenApiGeneratorV31, OpenAPIRegistry, type ResponseConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { IDEMPOTENCY_KEY, LONGEST_KEY } from '../idempotency/key';
import { exampleOf } from './answer-examples';
import { answerHeaders, versionHeader } from './answer-headers';
import { problemsOf } from './documented-problems';
import { problemAnswer, problemExamples } from './problem-answers';
import type { Route } from './route';
import { SECURITY_SCHEMES, whoMay } from './security-schemes';

const fieldError = z.object({
  pointer: z
    .string()
    .meta({ description: 'JSON Pointer as a URI fragment (RFC 6901)', example: '#/items/0/quantity' }),
  detail: z.string(),
  in: z.enum(['path', 'query', 'header']).optional(),
});

const problem = z
  .looseObject({
    type: z
      .string()
      .meta({ description: '`about:blank` where the status says it all; else see `help`. Expect others' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    help: z
      .string()
      .optional()
      .meta({ description: 'The page about this type of problem', example: '/problems/invalid-request' }),
    instance: z.string(),
    correlation_id: z.string(),
    errors: z.array(fieldError).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });

/** The OpenAPI 3.1 document of the routes, from the schemas that validate them. */
export function openApiDocument(routes: readonly Route[], base: string) {
  const registry = new OpenAPIRegistry();
  for (const [name, value] of problemExamples(routes, `${base}/orders`))
    registry.registerComponent('examples', name, { value });
  for (const route of routes) {
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
        ...mapValues(route.answers, ({ description, schema }, status): ResponseConfig => ({
          description,
          headers: answerHeaders(route, status),
          content: schema && {
            [route.streams ? 'text/event-stream' : 'application/json']: { schema },
            ...(route.csv ? { 'text/csv': { schema: csvText } } : {}),
          },
        })),
        ...(answersNotModified(route)
          ? {
              304: { description: 'It is at the version that `If-None-Match` names', headers: versionHeader },
            }
          : {}),
        ...mapValues(problemsOf(route), problemAnswer),
      },
    });
  }
  for (const [name, scheme] of Object.entries(SECURITY_SCHEMES))
    registry.registerComponent('securitySchemes', name, scheme);
  const document = new OpenApiGeneratorV31([
    { type: 'schema', schema: problem },
    ...registry.definitions,
  ]).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Ordermesh',
      version: '1',
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'Places orders and carries them through stock, preparation and delivery by events. Amounts are decimal, times UTC.',
    },
    servers: [{ url: '/' }],
  });
  for (const route of routes) {
    const operation = document.paths?.[base + route.path]?.[route.method];
    addParameterExamples(route, operation);
    addAnswerExamples(route, operation, document.components?.schemas);
  }
  return document;
}

/** What a route says of an example itself comes over what is made from the schema. */
function addAnswerExamples(route: Route, operation: { responses?: object } | undefined, schemas = {}): void {
  const responses = (operation?.responses ?? {}) as Record<
    string,
    { content?: Record<string, { schema: object; example?: unknown }> }
  >;
  for (const [status, { example }] of Object.entries(route.answers))
    for (const [type, content] of Object.entries(responses[status]?.content ?? {}))
      if (type !== 'text/csv')
        content.example = { ...(exampleOf(content.schema, schemas) as object), ...example };
}

/** Of parameters in the path alone: Swagger UI would send an example of an optional one. */
function addParameterExamples(route: Route, operation: { parameters?: object[] } | undefined): void {
  const parameters = (operation?.parameters ?? []) as { in?: string; name?: string; example?: string }[];
  for (const parameter of parameters)
    if (parameter.in === 'path' && parameter.name)
      parameter.example = route.example?.params?.[parameter.name];
}

const csvText = z.string().meta({ description: 'RFC 4180, in UTF-8, with a header line' });

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

const mapValues = <T, U>(record: Record<number, T>, map: (value: T, key: number) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value as T, Number(key))]));
