import fc from 'fast-check';
import { newId } from '../../shared/ids';
import { seedMenu } from '../../shared/testing/seed';
import { routes } from '../routes';
import { startTestApi, type Sent, type TestApi } from '../testing/test-api';

let api: TestApi;
let known: string[];

beforeAll(async () => {
  api = await startTestApi();
  const { restaurantId, items } = await seedMenu(api.database, [5, 5]);
  const order = await api.post('/orders', {
    restaurant_id: restaurantId,
    items: [{ menu_item_id: items[0], quantity: 1 }],
  });
  const draft = await api.post('/orders', {
    restaurant_id: restaurantId,
    items: [{ menu_item_id: items[0], quantity: 1 }],
    draft: true,
  });
  known = [restaurantId, ...items, order.body.order_id as string, draft.body.order_id as string];
});
afterAll(() => api.stop());

/** Any UTF-16 at all, lone surrogates and control characters among it. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '\ud800',
    '__proto__',
    '450.00',
    'DISH-1',
    'PLACED',
    'CANCELLED',
    'STAFF',
    'INR',
    'en-IN',
    'UTC',
    'a@b.example',
  ),
);
/** Mostly good, so that the rest of a request gets its turn. */
const aName = fc.oneof({ weight: 5, arbitrary: fc.constant('Dal') }, { weight: 1, arbitrary: anyText });
const anyNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 1, 1e9, 2 ** 31, 2 ** 53, 0.1, 450.5),
);
const anId = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 4 }).map((index) => known[index] ?? '') },
  { weight: 1, arbitrary: fc.constant(newId()) },
  { weight: 1, arbitrary: anyText },
);
const anything = fc.oneof(
  fc.constant(undefined),
  anyText,
  anyNumber,
  anId,
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue(),
);

/** Objects with the names that the routes know, holding what fits, or nearly, or not at all. */
const near = (members: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .tuple(
      fc.record(
        Object.fromEntries(
          Object.entries(members).map(([name, fits]) => [
            name,
            fc.oneof({ weight: 15, arbitrary: fits }, { weight: 1, arbitrary: anything }),
          ]),
        ),
      ),
      fc.oneof(
        { weight: 15, arbitrary: fc.constant({}) },
        { weight: 1, arbitrary: fc.dictionary(anyText, anything, { maxKeys: 2 }) },
      ),
    )
    .map(([fitting, strange]) => ({ ...fitting, ...strange }));

const aLine = near({ menu_item_id: anId, quantity: fc.integer({ min: 1, max: 100_000 }) });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const aPayment = near({
  method: fc.constantFrom('CASH', 'CARD'),
  token: optional(fc.oneof(fc.constant('tok_approved'), anyText)),
});
/** What fits a route's body, by the end of its address. */
const bodies: Record<string, fc.Arbitrary<unknown>> = {
  '/orders': near({
    restaurant_id: anId,
    items: fc.array(aLine, { minLength: 1, maxLength: 3 }),
    customer_id: optional(aName),
    email: optional(fc.constant('a@b.example')),
    delivery_address: optional(fc.oneof(anyText, fc.dictionary(anyText, anyText, { maxKeys: 3 }))),
    payment: optional(aPayment),
    draft: optional(fc.boolean()),
  }),
  '/items': near({ items: fc.array(aLine, { minLength: 1, maxLength: 3 }) }),
  '/approve': near({ payment: optional(aPayment) }),
  '/status': near({
    status: fc.constantFrom('OUT_FOR_DELIVERY', 'DELIVERED', 'PLACED', 'PREPARING', 'DRAFT'),
  }),
  '/cancel': near({ by: fc.constantFrom('CUSTOMER', 'STAFF'), note: optional(aName) }),
  '/restaurant': near({
    name: aName,
    currency: optional(fc.constantFrom('INR', 'JPY')),
    locale: optional(anyText),
    time_zone: optional(fc.constantFrom('UTC', 'Mars')),
  }),
  '/item': near({
    name: aName,
    price: fc.oneof(anyNumber, fc.nat({ max: 9999 })),
    available_qty: fc.nat(),
    sku: optional(aName),
    unit: optional(aName),
  }),
  '/{menu_item_id}': near({
    name: aName,
    price: fc.constantFrom('1.50', 3, '0'),
    low_stock_threshold: fc.nat(),
    on_sale: fc.boolean(),
  }),
  '/adjustments': near({ delta: fc.integer({ min: -1e9, max: 1e9 }), reason: aName }),
};
const bodyFor = (path: string) => Object.entries(bodies).find(([end]) => path.endsWith(end))?.[1] ?? anything;
const parameter = anyText.map((text) => encodeURIComponent(text.toWellFormed()));
const anyQuery = fc
  .array(
    fc.tuple(
      fc.oneof(
        {
          weight: 9,
          arbitrary: fc.constantFrom(
            'limit',
            'cursor',
            'status',
            'restaurant_id',
            'customer_id',
            'last_event_id',
          ),
        },
        { weight: 1, arbitrary: parameter },
      ),
      fc.oneof(
        parameter,
        anId.map((id) => encodeURIComponent(id.toWellFormed())),
      ),
    ),
    { maxLength: 4 },
  )
  .map((pairs) => (pairs.length > 0 ? `?${pairs.map((pair) => pair.join('=')).join('&')}` : ''));
const anyRequest = fc.constantFrom(...routes).chain((route) =>
  fc.record({
    route: fc.constant(route),
    ids: fc.array(anId, { minLength: 2, maxLength: 2 }),
    // One without a query knows no parameter at all.
    query: route.query
      ? anyQuery
      : fc.oneof({ weight: 19, arbitrary: fc.constant('') }, { weight: 1, arbitrary: anyQuery }),
    body: fc.oneof({ weight: 9, arbitrary: bodyFor(route.path) }, { weight: 1, arbitrary: anything }),
  }),
);
const correlation = fc.string({ unit: 'grapheme-ascii', maxLength: 140 });

describe('whatever is sent', () => {
  it('is answered, and never with a 5xx', async () => {
    const statuses = new Map<number, number>();
    const send = async (method: string, path: string, sent: Sent) => {
      const { status, text } = await api.call(method, path, sent); // checks the answer against the contract
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status >= 500) throw new Error(`${status}: ${text}`);
    };
    await fc.assert(
      fc.asyncProperty(anyRequest, correlation, async ({ route, ids, query, body }, correlationId) => {
        const rest = [...ids];
        const path = route.path.replaceAll(
          /\{\w+\}/g,
          () => encodeURIComponent((rest.shift() ?? '').toWellFormed()) || '%00',
        );
        const headers = { 'content-type': 'application/json', 'x-correlation-id': correlationId };
        await send(
          route.method.toUpperCase(),
          path + query,
          route.body ? { raw: JSON.stringify(body) ?? '', headers } : { headers },
        );
      }),
      { numRuns: 1_200 },
    );
    // The generator earns its keep only where it reaches behind the validation.
    for (const status of [200, 202, 201, 400, 404, 422]) expect(statuses.get(status)).toBeGreaterThan(0);
  });
});
