import { resolverOf, type Resolve, type Schema } from './schema';
import { schemaChanges, type Role } from './schema-changes';

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema?: Schema;
}
type Content = Record<string, { schema?: Schema }>;
interface Operation {
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content?: Content };
  responses?: Record<string, { content?: Content; headers?: Record<string, { required?: boolean }> }>;
}
export interface OpenApi {
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components?: object;
}

/** Two versions of a thing, with what their references mean. */
interface Both<T> {
  was: T;
  is: T;
  resolveWas: Resolve;
  resolveIs: Resolve;
}

/**
 * What breaks for clients of the API as it was: one line each. Additions do not: routes, answers' members, optional
 * parameters and fields, problems.
 */
export function openApiChanges(before: OpenApi, after: OpenApi): string[] {
  const resolvers = { resolveWas: resolverOf(before), resolveIs: resolverOf(after) };
  return Object.entries(before.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, was]) => {
      const at = `${method.toUpperCase()} ${path}`;
      const is = after.paths[path]?.[method];
      return is ? operationChanges({ was, is, ...resolvers }, at) : [`${at}: is removed`];
    }),
  );
}

function operationChanges(both: Both<Operation>, at: string): string[] {
  const { was, is } = both;
  return [
    ...(was.operationId === is.operationId ? [] : [`${at}: its operationId was ${was.operationId}`]),
    ...parameterChanges(both, at),
    ...bodyChanges(both, `${at} body`),
    ...answerChanges(both, at),
  ];
}

function parameterChanges({ was, is, resolveWas, resolveIs }: Both<Operation>, at: string): string[] {
  const find = (list: Parameter[] | undefined, { name, in: place }: Parameter) =>
    list?.find((one) => one.name === name && one.in === place);
  const newlyRequired = (is.parameters ?? [])
    .filter((now) => now.required && !find(was.parameters, now)?.required)
    .map((now) => `${at} ${now.in} ${now.name}: is required now`);
  const changed = (was.parameters ?? []).flatMap((one) => {
    const now = find(is.parameters, one);
    const where = `${at} ${one.in} ${one.name}`;
    // A header that is not heeded is ignored; an unknown parameter of a query is refused.
    if (!now) return one.in === 'header' ? [] : [`${where}: is removed`];
    return schemaChanges(
      { schema: one.schema ?? {}, resolve: resolveWas },
      { schema: now.schema ?? {}, resolve: resolveIs },
      'request',
      where,
    );
  });
  return [...newlyRequired, ...changed];
}

function bodyChanges({ was, is, resolveWas, resolveIs }: Both<Operation>, at: string): string[] {
  const [before, after] = [was.requestBody, is.requestBody];
  if (after?.required && !before?.required) return [`${at}: is required now`];
  if (!before) return [];
  if (!after) return [`${at}: is removed`];
  return contentChanges(
    { was: before.content ?? {}, is: after.content ?? {}, resolveWas, resolveIs },
    'request',
    at,
  );
}

/** Of good answers: a client can do no more with a problem than read that it is one. */
function answerChanges({ was, is, resolveWas, resolveIs }: Both<Operation>, at: string): string[] {
  return Object.entries(was.responses ?? {})
    .filter(([status]) => Number(status) < 400)
    .flatMap(([status, before]) => {
      const after = is.responses?.[status];
      if (!after) return [`${at} ${status}: is removed`];
      const headers = Object.keys(before.headers ?? {})
        .filter((name) => !after.headers?.[name])
        .map((name) => `${at} ${status} ${name}: is removed`);
      const content = { was: before.content ?? {}, is: after.content ?? {}, resolveWas, resolveIs };
      return [...headers, ...contentChanges(content, 'answer', `${at} ${status}`)];
    });
}

function contentChanges({ was, is, resolveWas, resolveIs }: Both<Content>, role: Role, at: string): string[] {
  return Object.entries(was).flatMap(([type, before]) => {
    const after = is[type];
    if (!after) return [`${at}: is no longer ${type}`];
    return schemaChanges(
      { schema: before.schema ?? {}, resolve: resolveWas },
      { schema: after.schema ?? {}, resolve: resolveIs },
      role,
      at,
    );
  });
}
