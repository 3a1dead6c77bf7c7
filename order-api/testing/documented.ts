import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../http/openapi';
import { routes } from '../routes';

/** As much of an operation as tests ask for. */
export interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean; schema: JsonSchema; example?: string }[];
  requestBody?: { content: { 'application/json': { schema: JsonSchema; example: unknown } } };
  responses: Record<
    string,
    { headers?: object; content?: Record<string, { schema: JsonSchema; example?: unknown }> }
  >;
}

/** A schema as it is in the document. */
export type JsonSchema = Record<string, unknown>;

const BASE = '/api/v1';
/** What the API says of itself, without ids of a shop. */
export const document = openApiDocument(routes, BASE);

const ajv = new Ajv2020({ strict: false });
addFormats(ajv);
ajv.addSchema(document, 'openapi.json');
const compiled = new Map<string, ValidateFunction>();

const operationAt = (method: string, path: string) =>
  (document.paths?.[path] as Record<string, Operation> | undefined)?.[method.toLowerCase()];

/** The operations, with their paths below /api/v1. */
export const operations = routes.map(({ method, path }) => ({
  method: method.toUpperCase(),
  path,
  operation: operationAt(method, BASE + path)!,
}));

function errorsAt(value: unknown, ...place: string[]): string | undefined {
  const pointer = place
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi.json#/${pointer}` });
  compiled.set(pointer, validate);
  return validate(value) ? undefined : ajv.errorsText(validate.errors);
}

/** Why an answer is not what OpenAPI says of that status; undefined where it is. */
export function answerErrors(
  method: string,
  path: string,
  { status, body }: { status: number; body: unknown },
): string | undefined {
  const operation = operationAt(method, BASE + path);
  const [type] = Object.keys(operation?.responses[status]?.content ?? {});
  if (!type) return `${status} is not documented`;
  const place = ['paths', BASE + path, method.toLowerCase(), 'responses', String(status), 'content', type];
  return (
    errorsAt(body, ...place, 'schema') ??
    (status < 400 ? undefined : problemTypeErrors(operation, status, body))
  );
}

const TOLD = 'ETag Idempotent-Replayed Link Location Preference-Applied Retry-After WWW-Authenticate'.split(
  ' ',
);

/** Which headers a good answer has, of those that say something of it, and OpenAPI does not; or the other way round. */
export function headerErrors(
  method: string,
  path: string,
  { status, headers }: { status: number; headers: Record<string, unknown> },
): string | undefined {
  const documented = operationAt(method, BASE + path)?.responses[status]?.headers ?? {};
  const required = Object.entries(documented).flatMap(([name, { required }]) => (required ? [name] : []));
  const wrong = [
    ...TOLD.filter((name) => headers[name.toLowerCase()] !== undefined && !(name in documented)),
    ...required.filter((name) => headers[name.toLowerCase()] === undefined),
  ];
  return wrong.length > 0 ? `${wrong.join(', ')} not as documented` : undefined;
}

/** The list of a route's problem types is open for clients, and closed for the tests. */
function problemTypeErrors(
  operation: Operation | undefined,
  status: number,
  body: unknown,
): string | undefined {
  const { schema } = operation?.responses[status]?.content?.['application/problem+json'] ?? {};
  const [, own] = (schema?.allOf ?? []) as { properties: { type: { 'x-extensible-enum': string[] } } }[];
  const types = own?.properties.type['x-extensible-enum'] ?? [];
  const { type } = body as { type: string };
  return types.includes(type) ? undefined : `${type} is not among the route's problems: ${types.join(', ')}`;
}

/** Why a body is not what OpenAPI says of the request; undefined where it is. */
export const requestErrors = (method: string, path: string, body: unknown): string | undefined =>
  errorsAt(
    body,
    'paths',
    BASE + path,
    method.toLowerCase(),
    'requestBody',
    'content',
    'application/json',
    'schema',
  );
