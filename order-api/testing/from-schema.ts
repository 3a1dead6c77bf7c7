import fc from 'fast-check';
import type { JsonSchema } from './documented';

/** Values that a member of that name may have in the shop under test, beside any that its schema allows. */
export type Telling = Record<string, fc.Arbitrary<unknown>>;

/** Letters of several scripts, and what is special to HTML, SQL, URLs and templates. */
const PLAIN = Array.from('abcXYZ019 äßéñकमला漢字🍕<>&\'"%;/\\{}$');
/** Mostly what people write; and any UTF-16 at all. */
const textOf = (least: number, most: number): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .array(fc.constantFrom(...PLAIN), { minLength: least, maxLength: Math.min(most, least + 20) })
        .map((letters) => letters.join('')),
    },
    { weight: 1, arbitrary: fc.integer({ min: least, max: most }).map((length) => 'x'.repeat(length)) },
    {
      weight: 1,
      arbitrary: fc.string({ unit: 'binary', minLength: least, maxLength: Math.min(most, least + 20) }),
    },
  );

const number = (schema: JsonSchema, name: string, otherwise: number) =>
  typeof schema[name] === 'number' ? schema[name] : otherwise;

/**
 * Values that a schema allows: optional members there or not, limits reached, texts of any kind. Whether they make
 * sense is another matter, so that a request may still be refused for what only the code knows.
 */
export function valid(schema: JsonSchema, telling: Telling, name = ''): fc.Arbitrary<unknown> {
  const ways = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (ways) return fc.oneof(...ways.map((way) => valid(way, telling, name)));
  const own = Object.hasOwn(telling, name) ? telling[name] : undefined;
  const any = byType(schema, telling, name);
  return own && typeof schema.enum === 'undefined'
    ? fc.oneof({ weight: 9, arbitrary: own }, { weight: 1, arbitrary: any })
    : any;
}

function byType(schema: JsonSchema, telling: Telling, name: string): fc.Arbitrary<unknown> {
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...(schema.enum as unknown[]));
  switch ([schema.type].flat()[0]) {
    case 'object':
      return object(schema, telling);
    case 'array': {
      const least = number(schema, 'minItems', 0);
      const most = number(schema, 'maxItems', 10);
      return fc.array(valid(schema.items as JsonSchema, telling, name), {
        minLength: least,
        maxLength: Math.min(most, least + 3),
      });
    }
    case 'integer': {
      const limits = { min: number(schema, 'minimum', -1e6), max: number(schema, 'maximum', 1e6) };
      return fc.oneof(fc.integer(limits), fc.constantFrom(limits.min, limits.max));
    }
    case 'number':
      return fc.double({
        min: number(schema, 'minimum', -1e6),
        max: number(schema, 'maximum', 1e6),
        noNaN: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return string(schema);
  }
}

function string(schema: JsonSchema): fc.Arbitrary<string> {
  if (schema.format === 'uuid') return fc.uuid();
  if (schema.format === 'email') return fc.constantFrom('asha@example.com', "o'neil+x@sub.example.co.uk");
  if (schema.format === 'date-time')
    return fc
      .date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (typeof schema.pattern === 'string') return fc.stringMatching(new RegExp(schema.pattern));
  return textOf(number(schema, 'minLength', 0), number(schema, 'maxLength', 60));
}

function object(schema: JsonSchema, telling: Telling): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
  const named = fc.record(
    Object.fromEntries(properties.map(([name, member]) => [name, valid(member, telling, name)])),
    { requiredKeys: (schema.required ?? []) as string[] },
  );
  const { additionalProperties: others } = schema;
  if (properties.length > 0 || typeof others !== 'object') return named;
  const limits = {
    minKeys: number(schema, 'minProperties', 0),
    maxKeys: Math.min(4, number(schema, 'maxProperties', 4)),
  };
  return fc.dictionary(textOf(1, 20), valid(others as JsonSchema, telling), limits);
}

/** Every place in a value: its path, and a copy of the whole with something else there. */
export function places(value: unknown): { path: string; replaced: (other: unknown) => unknown }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const put = (other: unknown): unknown =>
      Array.isArray(value)
        ? value.map((one: unknown, index) => (String(index) === name ? other : one))
        : { ...value, [name]: other };
    return [
      { path: `/${name}`, replaced: put },
      ...places(member).map(({ path, replaced }) => ({
        path: `/${name}${path}`,
        replaced: (other: unknown) => put(replaced(other)),
      })),
    ];
  });
}

const WRONG: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  1e21,
  1e308,
  '',
  ' ',
  'x',
  '\0',
  '\ud800',
  '\u202e',
  'x'.repeat(1_000),
  [],
  {},
  [[]],
  [null],
  { $gt: 0 },
  { length: 1 },
  { toString: 'x' },
];

/** One thing in a value changed, taken away or added: mostly something that the schema does not allow. */
export const spoilt = (value: unknown): fc.Arbitrary<unknown> => {
  const spots = places(value);
  const add = fc
    .constantFrom(
      '__proto__',
      'constructor',
      'toString',
      'id',
      'status',
      'total_amount',
      ' items',
      'ITEMS',
      '',
    )
    .map((name) => {
      const copy = structuredClone(value) as object;
      Object.defineProperty(copy, name, { value: { polluted: true }, enumerable: true });
      return copy;
    });
  if (spots.length === 0) return add;
  const spot = fc.constantFrom(...spots);
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(spot, fc.constantFrom(...WRONG)).map(([{ replaced }, wrong]) => replaced(wrong)),
    },
    { weight: 2, arbitrary: spot.map(({ replaced }) => replaced(undefined)) },
    { weight: 1, arbitrary: add },
  );
};
