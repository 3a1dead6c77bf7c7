import { flatten, waysOf, type Schema, type Side } from './schema';

/**
 * Whose the schema is. What a client sends (`request`) may be allowed more, and what it reads (`answer`) may become
 * less: the other way round it breaks. The data of an event (`event`) may do neither, as old messages are read by new
 * consumers and new ones by old. All of them may gain optional members where an object is open.
 */
export type Role = 'request' | 'answer' | 'event';

/** What breaks for whoever relies on the schema as it was: one line each, with the place. */
export function schemaChanges(before: Side, after: Side, role: Role, at: string): string[] {
  const removed = role === 'request' ? [] : removedMembers(before, after, at, 0);
  const narrower = role === 'answer' ? [] : uncovered(before, after, 'is no longer allowed', at, 0);
  const wider = role === 'request' ? [] : uncovered(after, before, 'is new', at, 0);
  return [...new Set([...removed, ...narrower, ...wider])];
}

/** Schemas that contain themselves are compared so deep; further down they are the same again. */
const DEEPEST = 12;

/** Members that a reader may look for and not find: a schema that allows any member cannot show that by itself. */
function removedMembers(before: Side, after: Side, at: string, depth: number): string[] {
  if (depth > DEEPEST) return [];
  const [was, is] = [before, after].map(solid) as [Schema, Schema];
  const below = (x: Schema | undefined, y: Schema | undefined, where: string) =>
    x && y ? removedMembers({ ...before, schema: x }, { ...after, schema: y }, where, depth + 1) : [];
  const members = Object.entries(was.properties ?? {}).flatMap(([name, member]) =>
    is.properties?.[name]
      ? below(member, is.properties[name], `${at}/${name}`)
      : [`${at}/${name}: is removed`],
  );
  return [...members, ...below(was.items, is.items, `${at}[]`)];
}

/** Of something that may be null or a thing, the thing. */
function solid(side: Side): Schema {
  const schema = flatten(side);
  return (
    waysOf(schema)
      ?.map((way) => flatten({ ...side, schema: way }))
      .find((way) => !isNull(way)) ?? schema
  );
}

const isNull = ({ type }: Schema) => type === 'null';

/**
 * Why not every value of `inner` is one of `outer`: empty where it is.
 * @param says what is to be said of a value that `inner` has and `outer` has not
 */
function uncovered(inner: Side, outer: Side, says: string, at: string, depth: number): string[] {
  if (depth > DEEPEST) return [];
  const [a, b] = [flatten(inner), flatten(outer)];
  const inWays = waysOf(a);
  if (inWays)
    return inWays.flatMap((way) => uncovered({ ...inner, schema: way }, outer, says, at, depth + 1));
  const outWays = waysOf(b);
  if (outWays) {
    const found = outWays.map((way) => uncovered(inner, { ...outer, schema: way }, says, at, depth + 1));
    return found.sort((x, y) => x.length - y.length)[0] ?? [];
  }
  const wrongType = typeChanges(a, b, says, at);
  if (wrongType.length > 0) return wrongType;
  const below = (x: Schema, y: Schema, where: string) =>
    uncovered({ ...inner, schema: x }, { ...outer, schema: y }, says, where, depth + 1);
  return [
    ...valueChanges(a, b, says, at),
    ...limitChanges(a, b, says, at),
    ...memberChanges(a, b, says, at, below),
    ...(a.items && b.items ? below(a.items, b.items, `${at}[]`) : []),
  ];
}

function typeChanges(a: Schema, b: Schema, says: string, at: string): string[] {
  const [type, allowed] = [typeOf(a), typeOf(b)];
  if (allowed === undefined || type === allowed || (type === 'integer' && allowed === 'number')) return [];
  return [`${at}: ${type ?? 'any type'} ${says}`];
}

const typeOf = ({ type, const: only }: Schema): string | undefined => {
  if (type !== undefined) return String(type);
  return only === undefined ? undefined : only === null ? 'null' : typeof only;
};

function valueChanges(a: Schema, b: Schema, says: string, at: string): string[] {
  const [values, allowed] = [valuesOf(a), valuesOf(b)];
  if (allowed && values)
    return values.filter((value) => !allowed.includes(value)).map((value) => `${at}: ${value} ${says}`);
  if (allowed) return [`${at}: another value than ${allowed.join(', ')} ${says}`];
  if (values || isNull(a)) return [];
  return ['format', 'pattern', 'multipleOf', 'uniqueItems']
    .filter((word) => b[word] !== undefined && a[word] !== b[word])
    .map((word) => `${at}: another ${word} than ${String(b[word])} ${says}`);
}

const valuesOf = (schema: Schema): string[] | undefined => {
  const values = schema.const === undefined ? schema.enum : [schema.const];
  return values?.map((value) => JSON.stringify(value));
};

/** The limits that a type has, by what they bound. */
const LIMITS: Record<string, { lower: string[]; upper: string[] }> = {
  string: { lower: ['minLength'], upper: ['maxLength'] },
  array: { lower: ['minItems'], upper: ['maxItems'] },
  object: { lower: ['minProperties'], upper: ['maxProperties'] },
  number: { lower: ['minimum', 'exclusiveMinimum'], upper: ['maximum', 'exclusiveMaximum'] },
};
LIMITS.integer = LIMITS.number!;

function limitChanges(a: Schema, b: Schema, says: string, at: string): string[] {
  if (valuesOf(a)) return [];
  const { lower, upper } = LIMITS[typeOf(a) ?? ''] ?? { lower: [], upper: [] };
  const isBroken = (limit: string, isLower: boolean) => {
    const [given, wanted] = [a[limit], b[limit]] as (number | undefined)[];
    if (wanted === undefined) return false;
    return given === undefined || (isLower ? given < wanted : given > wanted);
  };
  const broken = [
    ...lower.filter((limit) => isBroken(limit, true)),
    ...upper.filter((limit) => isBroken(limit, false)),
  ];
  return broken.map((limit) => `${at}: what is beyond ${limit} ${String(b[limit])} ${says}`);
}

function memberChanges(
  a: Schema,
  b: Schema,
  says: string,
  at: string,
  below: (x: Schema, y: Schema, where: string) => string[],
): string[] {
  const lacking = (b.required ?? [])
    .filter((name) => !a.required?.includes(name))
    .map((name) => `${at}/${name}: to be without it ${says}`);
  const members = Object.entries(a.properties ?? {}).flatMap(([name, member]) => {
    const outer = b.properties?.[name] ?? b.additionalProperties;
    if (outer === false) return [`${at}/${name}: ${says}`];
    return typeof outer === 'object' ? below(member, outer, `${at}/${name}`) : [];
  });
  return [...lacking, ...members, ...otherMembers(a, b, says, at, below)];
}

/** Members that are not named. An object that is not closed may have any. */
function otherMembers(
  { additionalProperties: inner = true, ...a }: Schema,
  { additionalProperties: outer = true, ...b }: Schema,
  says: string,
  at: string,
  below: (x: Schema, y: Schema, where: string) => string[],
): string[] {
  if (typeOf(a) !== 'object' || outer === true || inner === false) return [];
  if (outer === false || inner === true) return [`${at}: a member that is not named ${says}`];
  const names =
    a.propertyNames && b.propertyNames ? below(a.propertyNames, b.propertyNames, `${at}/(name)`) : [];
  return [...names, ...below(inner, outer, `${at}/*`)];
}
