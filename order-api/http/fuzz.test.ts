import fc from 'fast-check';
import { operations, requestErrors } from '../testing/documented';
import { places, spoilt, valid, type Telling } from '../testing/from-schema';
import {
  brokenValues,
  hostileBodies,
  hostileContentTypes,
  hostileHeaders,
  hostileIds,
  hostileQueries,
  hostileValues,
  oddHeaders,
  oddMethods,
} from '../testing/hostile';
import type { Reply, Sent } from '../testing/test-api';
import { giveDelivery } from '../testing/test-deliveries';
import { openTestShop } from '../testing/test-shop';
import { exampleIds } from './live-examples';

// Requests made from what OpenAPI says, good ones and hostile ones. Whatever is answered is held against the document by
// the client itself: its status, its body, the type of its problem.

type Documented = (typeof operations)[number];
const withBody = operations.filter(({ operation }) => operation.requestBody);
const bodyOf = ({ operation }: Documented) => operation.requestBody!.content['application/json'];
const nameOf = ({ operation }: Documented) => operation.operationId;

const shop = openTestShop([100_000, 100_000]);
/** Things that are there, by the names of the ids by which requests call them. */
let there: Record<string, string[]>;

beforeAll(async () => {
  const line = { menu_item_id: shop.items[0], quantity: 1 };
  const drafts = await Promise.all(Array.from({ length: 6 }, () => shop.draft()));
  const placed = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const { body } = await shop.api.post('/orders', { restaurant_id: shop.restaurantId, items: [line] });
      return body.order_id as string;
    }),
  );
  await shop.api.database.order.updateMany({
    where: { id: { in: placed.slice(3) } },
    data: { status: 'PREPARING' },
  });
  const { body } = await shop.api.post(`/inventory/${shop.items[0]}/adjustments`, {
    delta: 5,
    reason: 'count',
  });
  const webhooks = await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const path = n % 2 ? '/webhooks' : `/restaurants/${shop.restaurantId}/webhooks`;
      return (await shop.api.post(path, { url: 'https://shop.example/hook' })).body.webhook_id as string;
    }),
  );
  const delivery = await Promise.all(webhooks.slice(0, 2).map((id) => giveDelivery(shop.api.database, id)));
  // Of every two, the first is the restaurant's; of one, everything is asked, and the others are there to be changed and removed.
  there = {
    'webhook of a restaurant': [webhooks[0]!],
    'webhook of the shop': [webhooks[1]!],
    'delivery of a restaurant': [delivery[0]!],
    'delivery of the shop': [delivery[1]!],
    'webhook of a restaurant to change': webhooks.filter((_, n) => n > 1 && n % 2 === 0),
    'webhook of the shop to change': webhooks.filter((_, n) => n > 1 && n % 2 === 1),
    restaurant: [shop.restaurantId],
    item: shop.items,
    order: [...drafts, ...placed],
    adjustment: [body.adjustment_id as string],
  };
});

const known = (kind: string) => fc.nat().map((at) => there[kind]![at % there[kind]!.length]!);
const telling: Telling = {
  restaurant_id: known('restaurant'),
  menu_item_id: known('item'),
  sku: fc.constantFrom('DISH-1', 'DISH-2'),
  currency: fc.constantFrom('INR', 'JPY', 'EUR'),
  locale: fc.constantFrom('en-IN', 'de'),
  time_zone: fc.constantFrom('Asia/Kolkata', 'UTC'),
  price: fc.constantFrom('450.00', 12, 0.5),
  url: fc.constantFrom('https://shop.example/hook', 'http://shop.example:8080/?a=b'),
  since: fc.constantFrom('2026-11-21T00:00:00Z', '2026-11-28T12:00:00+05:30'),
  expected_total: fc.constant(undefined), // what it comes to, only the menu knows
};
const idFor = ({ path, method }: Pick<Documented, 'path' | 'method'>, name: string) => {
  const whose = path.startsWith('/restaurants') ? 'a restaurant' : 'the shop';
  if (name === 'webhook_id')
    return known(`webhook of ${whose}${['PATCH', 'DELETE'].includes(method) ? ' to change' : ''}`);
  if (name === 'delivery_id') return known(`delivery of ${whose}`);
  if (name === 'adjustment_id') return known('adjustment');
  if (name === 'menu_item_id') return known('item');
  return known(path.startsWith('/restaurants') || name === 'restaurant_id' ? 'restaurant' : 'order');
};

/** A path with ids of things that are there, mostly. */
function pathOf(one: Documented): fc.Arbitrary<string> {
  const { path, operation } = one;
  const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
  return fc
    .record(
      Object.fromEntries(
        inPath.map(({ name }) => [
          name,
          fc.oneof({ weight: 15, arbitrary: idFor(one, name) }, { weight: 1, arbitrary: fc.uuid() }),
        ]),
      ),
    )
    .map((ids) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(ids[name])));
}

function queryOf({ operation }: Documented): fc.Arbitrary<string> {
  const inQuery = (operation.parameters ?? []).filter((one) => one.in === 'query' && one.name !== 'cursor');
  return fc
    .record(Object.fromEntries(inQuery.map(({ name, schema }) => [name, valid(schema, telling, name)])), {
      requiredKeys: [],
    })
    .map((query) => {
      const pairs = Object.entries(query).map(
        ([name, value]) => `${name}=${encodeURIComponent(String(value).toWellFormed())}`,
      );
      return pairs.length > 0 ? `?${pairs.join('&')}` : '';
    });
}

const goodRequest = (one: Documented) =>
  fc.record({
    one: fc.constant(one),
    path: fc.tuple(pathOf(one), queryOf(one)).map((parts) => parts.join('')),
    body: one.operation.requestBody ? valid(bodyOf(one).schema, telling) : fc.constant(undefined),
  });

const json = (raw: string | Buffer, headers: Record<string, string> = {}): Sent => ({
  raw,
  headers: { 'content-type': 'application/json', ...headers },
});

/** JSON.stringify leaves `__proto__` out of nothing, and undefined away. */
const send = ({ one, path, body }: { one: Documented; path: string; body: unknown }): Promise<Reply> =>
  shop.api.call(one.method, path, body === undefined ? {} : json(JSON.stringify(body)));

/** So that a run is the same again: what fails names its seed and path. */
const runs = (numRuns: number) => ({
  seed: Number(process.env.TEST_FUZZ_SEED ?? 20_261_129),
  numRuns: numRuns * Number(process.env.TEST_FUZZ_TIMES ?? 1),
});

describe('what OpenAPI calls good', () => {
  const answered = new Map<string, Set<number>>();

  it.each(operations.map((one) => ({ name: nameOf(one), one })))(
    '$name: is understood',
    async ({ name, one }) => {
      await fc.assert(
        fc.asyncProperty(goodRequest(one), async (request) => {
          const { status, text } = await send(request);
          answered.set(name, (answered.get(name) ?? new Set()).add(status));
          if (status >= 500 || status === 415) throw new Error(`${status}: ${text}`);
        }),
        runs(40),
      );
      const good = [...(answered.get(name) ?? [])].filter((status) => status < 300);
      expect([name, good]).toEqual([name, expect.arrayContaining([expect.any(Number)])]);
    },
  );

  it('a generator that reaches behind the validation has met what only the code knows', () => {
    const met = new Set([...answered.values()].flatMap((statuses) => [...statuses]));
    expect([...met]).toEqual(expect.arrayContaining([200, 201, 202, 404, 409, 422]));
  });
});

describe('what OpenAPI calls bad', () => {
  it.each(withBody.map((one) => ({ name: nameOf(one), one })))('$name: is refused', async ({ one }) => {
    const request = goodRequest(one).chain((good) =>
      spoilt(good.body).map((body) => ({ ...good, body: body ?? null })),
    );
    let bad = 0;
    await fc.assert(
      fc.asyncProperty(request, async (made) => {
        const body = JSON.parse(JSON.stringify(made.body)) as unknown;
        const errors = requestErrors(one.method, one.path, body);
        const { status, text } = await send({ ...made, body });
        if (status >= 500) throw new Error(`${status}: ${text}`);
        if (errors) bad += 1;
        if (errors && status < 400) throw new Error(`${status} for what ${errors}: ${text}`);
      }),
      runs(80),
    );
    expect(bad).toBeGreaterThan(20);
  });
});

describe('what nobody means well with', () => {
  /** The example of the documentation, with things that are there. */
  const example = (one: Documented) => {
    const text = JSON.stringify(bodyOf(one).example);
    return JSON.parse(
      text.replaceAll(exampleIds.restaurant, shop.restaurantId).replaceAll(exampleIds.item, shop.items[0]!),
    ) as unknown;
  };
  const pathTo = (one: Documented) =>
    one.path.replaceAll(
      /\{(\w+)\}/g,
      (_, name: string) => fc.sample(idFor(one, name), { seed: 1, numRuns: 1 })[0]!,
    );

  /** It is refused as the client's fault, at once, and leaves nothing behind, in the tables or in the process. */
  async function refused(
    requests: { method: string; path: string; sent?: Sent; may?: number[] }[],
  ): Promise<void> {
    const before = await shop.api.snapshot();
    for (const { method, path, sent = {}, may = [400, 404, 413, 415, 422] } of requests) {
      const begun = performance.now();
      const { status, text, headers } = await shop.api.call(method, path, sent);
      const took = performance.now() - begun;
      const about = `${method} ${path.slice(0, 200)} ${String(sent.raw ?? '').slice(0, 300)} ${JSON.stringify(sent.headers ?? {}).slice(0, 200)}`;
      expect([about, may.includes(status) ? 'refused' : `${status}: ${text}`]).toEqual([about, 'refused']);
      expect([about, headers['x-injected']]).toEqual([about, undefined]);
      expect([about, took < 5_000]).toEqual([about, true]); // on a busy machine
    }
    expect(await shop.api.snapshot()).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  }

  describe.each(withBody.map((one) => ({ name: nameOf(one), one })))('$name', ({ one }) => {
    const request = (sent: Sent) => ({ method: one.method, path: pathTo(one), sent });

    it('a value in place of each of its own', async () => {
      const mark = '"mark"';
      const texts = places(example(one)).map(({ replaced }) => JSON.stringify(replaced('mark')));
      const values = [...hostileValues, ...brokenValues];
      await refused(
        texts.flatMap((text) => values.map((value) => request(json(text.replace(mark, () => value))))),
      );
    });

    it('a name twice, wherever it is', async () => {
      const text = JSON.stringify(example(one));
      const names = [...text.matchAll(/"(\w+)":/g)];
      expect(names.length).toBeGreaterThan(0);
      const bodies = names.flatMap(({ index, 0: name }) => [
        `${text.slice(0, index)}${name}null,${text.slice(index)}`,
        // Another spelling of the same name.
        `${text.slice(0, index)}"\\u${name.charCodeAt(1).toString(16).padStart(4, '0')}${name.slice(2)}1,${text.slice(index)}`,
      ]);
      await refused(bodies.map((body) => ({ ...request(json(body)), may: [400] })));
    });

    it('a body of another kind, or by another name', async () => {
      const good = JSON.stringify(example(one));
      await refused([
        ...hostileBodies.map((body) => request(json(body))),
        ...hostileContentTypes.map((type) => ({
          ...request({ raw: good, headers: { 'content-type': type } }),
          may: [415],
        })),
        ...hostileHeaders
          .filter((headers) => !headers['if-none-match'] || one.method === 'GET')
          .map((headers) => ({
            ...request(json(good, headers)),
            may: [400, 412, 415],
          })),
      ]);
    });
  });

  it('queries', async () => {
    const lists = operations.filter(({ method }) => method === 'GET');
    await refused(
      lists.flatMap((one) =>
        hostileQueries.map((query) => ({ method: 'GET', path: `${pathTo(one)}?${query}` })),
      ),
    );
  });

  it('ids', async () => {
    const byId = operations.filter(({ path }) => path.includes('{'));
    await refused(
      byId.flatMap((one) =>
        hostileIds.map((id) => ({
          method: one.method,
          path: one.path.replaceAll(/\{\w+\}/g, () => id),
          sent: one.operation.requestBody ? { json: example(one) } : {},
        })),
      ),
    );
  });

  it('methods that nobody serves', async () => {
    const served = (path: string) =>
      operations.filter((one) => one.path === path).map(({ method }) => method);
    await refused(
      operations.flatMap((one) =>
        oddMethods
          .filter((method) => !served(one.path).includes(method))
          .map((method) => ({ method, path: pathTo(one), may: [405] })),
      ),
    );
  });

  it('headers that are no more than odd change nothing', async () => {
    for (const one of operations.filter(({ method }) => method === 'GET'))
      for (const headers of oddHeaders) {
        const reply = await shop.api.call('GET', pathTo(one), { headers });
        expect([headers, reply.status]).toEqual([headers, 200]);
        expect(reply.headers['x-injected']).toBeUndefined();
        expect(reply.headers['x-correlation-id']).toMatch(/^[\x21-\x7e]{1,128}$/);
        expect(reply.text).not.toContain('evil.example');
      }
  });
});
