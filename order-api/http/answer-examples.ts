import { exampleIds } from './live-examples';

/** As much of JSON Schema as answers are described with. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  example?: unknown;
  examples?: unknown[];
  const?: unknown;
  default?: unknown;
  enum?: unknown[];
  minimum?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

/** What a member of that name may hold, where its schema has no example of its own. */
const TELLING: Record<string, unknown> = {
  restaurant_id: exampleIds.restaurant,
  menu_item_id: exampleIds.item,
  adjustment_id: exampleIds.adjustment,
  order_id: exampleIds.order,
  id: exampleIds.order,
  name: 'Masala Dosa',
  sku: 'DOSA-1',
  category: 'South Indian',
  unit: 'portion',
  currency: 'INR',
  locale: 'en-IN',
  time_zone: 'Asia/Kolkata',
  customer_id: 'customer-1',
  email: 'asha@example.com',
  delivery_address: '12 MG Road, Bengaluru',
  quantity: 2,
  available_qty: 100,
  low_stock_threshold: 10,
  on_sale: true,
  delta: 10,
  version: 2,
  status: 'PREPARING',
  to: 'PLACED',
  total_amount: 900,
  captured_amount: 0,
  refunded_amount: 0,
  reference: 'table-7',
  // What only a cancellation, a rejection or another page would have.
  cancel_reason: null,
  reason: null,
  note: null,
  rejection: null,
  from: null,
  cancel_message: null,
  decline_code: null,
  next_cursor: null,
};

/** What references in a schema mean, and which of them an example is within. */
interface Context {
  schemas: Record<string, Schema>;
  within: readonly string[];
}

/**
 * An example of an answer, made from its schema: from the examples of its parts, and else from what their names say.
 * @param schemas those that it may refer to, by `#/components/schemas/…`
 */
export const exampleOf = (schema: object, schemas: object = {}): unknown =>
  make(schema, '', { schemas: schemas as Context['schemas'], within: [] });

function make(schema: Schema, name: string, context: Context): unknown {
  const { $ref } = schema;
  if ($ref) {
    const meant = context.schemas[$ref.replace('#/components/schemas/', '')] ?? {};
    return make(meant, name, { ...context, within: [...context.within, $ref] });
  }
  const telling = Object.hasOwn(TELLING, name) ? TELLING[name] : undefined;
  // What there is none of comes before what the schema knows only in general.
  if ((telling === null || telling === 0) && fits(telling, schema)) return telling;
  if (schema.example !== undefined) return schema.example;
  if (telling !== undefined && fits(telling, schema)) return telling;
  const given = schema.const ?? schema.examples?.[0] ?? schema.default ?? schema.enum?.[0];
  if (given !== undefined) return given;
  const branch = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].find(({ type }) => type !== 'null');
  if (branch) return make(branch, name, context);
  if (schema.allOf)
    return Object.assign({}, ...schema.allOf.map((part) => make(part, name, context))) as unknown;
  return byType(schema, name, context);
}

function byType(schema: Schema, name: string, context: Context): unknown {
  switch ([schema.type].flat().find((type) => type !== 'null')) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([member, of]) => [member, make(of, member, context)]),
      );
    case 'array': {
      const { items } = schema;
      // A tree has leaves.
      const isWithinItself = items?.$ref !== undefined && context.within.includes(items.$ref);
      return items && !isWithinItself ? [make(items, name, context)] : [];
    }
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1);
    case 'boolean':
      return true;
    default:
      return schema.format === 'uuid' ? exampleIds.order : name;
  }
}

/** Whether a value is one of the schema's types, so that a name does not speak for a member of another kind. */
function fits(value: unknown, schema: Schema): boolean {
  const kinds = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(({ type }) => type ?? []);
  const kind = value === null ? 'null' : typeof value;
  if (schema.enum && !schema.enum.includes(value)) return false;
  return kinds.some((one) => one === kind || (one === 'integer' && Number.isInteger(value)));
}
