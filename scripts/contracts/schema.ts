/** As much of JSON Schema as the contracts are written in. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  format?: string;
  pattern?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  [limit: string]: unknown;
}

/** Gives the schema that a reference in its document means. */
export type Resolve = (ref: string) => Schema;

export interface Side {
  schema: Schema;
  resolve: Resolve;
}

/** Follows the references of a document within it. @throws {Error} where one leads nowhere */
export const resolverOf =
  (document: object): Resolve =>
  (ref) => {
    const found = ref
      .replace(/^#\//, '')
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((within, part) => (within as Record<string, unknown> | undefined)?.[part], document);
    if (typeof found !== 'object') throw new Error(`There is no ${ref}`);
    return found as Schema;
  };

/** A schema without references and `allOf` at its top. */
export function flatten({ schema, resolve }: Side): Schema {
  const { $ref, allOf, ...own } = schema;
  const parts = [...($ref ? [resolve($ref)] : []), ...(allOf ?? [])].map((part) =>
    flatten({ schema: part, resolve }),
  );
  return parts.reduce<Schema>(
    (all, part) => ({
      ...all,
      ...part,
      properties: merge(all.properties, part.properties, resolve),
      required: [...(all.required ?? []), ...(part.required ?? [])],
    }),
    own,
  );
}

function merge(
  one: Schema['properties'],
  other: Schema['properties'],
  resolve: Resolve,
): Record<string, Schema> {
  const merged: Record<string, Schema> = { ...one };
  for (const [name, member] of Object.entries(other ?? {})) {
    const before = merged[name];
    merged[name] = before ? flatten({ schema: { allOf: [before, member] }, resolve }) : member;
  }
  return merged;
}

/** The shapes that a value may have, one of them: of `anyOf`, or of several types. */
export function waysOf(schema: Schema): Schema[] | undefined {
  const { anyOf, oneOf, type, ...rest } = schema;
  const ways =
    anyOf ?? oneOf ?? (Array.isArray(type) ? type.map((one): Schema => ({ type: one })) : undefined);
  const common = anyOf || oneOf ? { ...rest, ...(type === undefined ? {} : { type }) } : rest;
  return ways?.map((way) => ({ allOf: [common, way] }));
}
