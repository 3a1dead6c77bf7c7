import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { seedMenu } from '../../shared/testing/seed';
import { Prisma } from '../../shared/service/database';
import { eventsAbout } from '../testing/order-events';
import { makeCursor } from '../http/cursor';
import { pageQuery } from './list-orders';
import { startTestApi, type TestApi } from '../testing/test-api';

let api: TestApi;
let one: string;
let two: string;

beforeAll(async () => {
  api = await startTestApi();
  one = (await seedMenu(api.database, [50])).restaurantId;
  two = (await seedMenu(api.database, [50])).restaurantId;
});
afterAll(() => api.stop());

async function place(restaurantId: string, customerId?: string): Promise<string> {
  const reply = await api.post('/orders', {
    restaurant_id: restaurantId,
    customer_id: customerId,
    items: [{ sku: 'DISH-1', quantity: 1 }],
  });
  return reply.body.order_id as string;
}

interface Page {
  orders: { id: string }[];
  next_cursor: string | null;
}

/** All pages of a list, in order; `between` is called after each. */
async function walk(
  query: string,
  between: () => Promise<unknown> = async () => undefined,
): Promise<string[][]> {
  const pages: string[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = (await api.get(`/orders?${query}${cursor && `&cursor=${cursor}`}`)).body;
    pages.push(page.orders.map(({ id }) => id));
    cursor = page.next_cursor;
    await between();
  }
  return pages;
}

describe('the list of orders', () => {
  const placed: string[] = [];
  beforeAll(async () => {
    for (let count = 0; count < 120; count += 1)
      placed.push(await place(count % 3 ? one : two, count % 2 ? 'ann' : 'bob'));
  });

  it('comes newest first, 50 at a time', async () => {
    const { body } = await api.get('/orders');
    expect(body.orders.map(({ id }: { id: string }) => id)).toEqual(placed.toReversed().slice(0, 50));
    expect(body.orders[0]).toEqual(
      (({ history: _, ...order }) => order)((await api.get(`/orders/${placed.at(-1)}`)).body),
    );
  });

  it('ends without a cursor, also where the last page is full', async () => {
    expect((await walk('limit=40')).map((page) => page.length)).toEqual([40, 40, 40]);
    expect((await walk('limit=50')).map((page) => page.length)).toEqual([50, 50, 20]);
    expect((await walk('limit=200')).map((page) => page.length)).toEqual([120]);
  });

  it('can be filtered by restaurant, customer and status, all of it over pages', async () => {
    await api.post(`/orders/${placed[6]}/cancel`);
    const of = (keep: (index: number) => boolean) => placed.filter((_, index) => keep(index)).toReversed();
    expect((await walk(`restaurant_id=${two}&limit=7`)).flat()).toEqual(of((index) => index % 3 === 0));
    expect((await walk(`restaurant_id=${two.toUpperCase()}&customer_id=ann&limit=7`)).flat()).toEqual(
      of((index) => index % 6 === 3),
    );
    expect((await walk('status=CANCELLED')).flat()).toEqual([placed[6]]);
    expect((await walk('status=PLACED&customer_id=bob&limit=50')).flat()).toEqual(
      of((index) => index % 2 === 0 && index !== 6),
    );
    expect((await walk('status=PLACED,CANCELLED&limit=7')).flat()).toEqual(placed.toReversed());
    expect((await walk('status=CANCELLED&status=DRAFT&limit=7')).flat()).toEqual([placed[6]]);
    expect((await walk(`restaurant_id=${placed[0]}`)).flat()).toEqual([]);
    expect((await walk('customer_id=ANN')).flat()).toEqual([]);
  });

  it('shows each order once to who walks it, while new ones are placed', async () => {
    const seen = (await walk('limit=11', () => Promise.all([place(one), place(two)]))).flat();
    expect(seen).toEqual(placed.toReversed());
  });
});

describe('a cursor', () => {
  const cursors = async (query: string) =>
    (await api.get(`/orders?limit=1${query}`)).body.next_cursor as string;

  it.each(['', '&status=PLACED', '&created_after=2020-01-01T00:00:00Z'])(
    'of the list%s is good there',
    async (query) => {
      expect((await api.get(`/orders?limit=3${query}&cursor=${await cursors(query)}`)).status).toBe(200);
    },
  );

  it('is refused with another filter, in another list, and changed anywhere', async () => {
    const cursor = await cursors(`&restaurant_id=${one}`);
    const bad = [
      `/orders?cursor=${cursor}`,
      `/orders?restaurant_id=${two}&cursor=${cursor}`,
      `/orders?restaurant_id=${one}&status=PLACED&cursor=${cursor}`,
      `/restaurants?cursor=${cursor}`,
      `/restaurants/${one}/menu?cursor=${cursor}`,
      ...Array.from(cursor, (character, at) => {
        const other = character === 'A' ? 'E' : 'A';
        return `/orders?restaurant_id=${one}&cursor=${cursor.slice(0, at)}${other}${cursor.slice(at + 1)}`;
      }),
      `/orders?restaurant_id=${one}&cursor=${cursor.slice(0, -4)}`,
      `/orders?restaurant_id=${one}&cursor=${cursor}AAAA`,
    ];
    for (const path of bad)
      expect(await api.get(path)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '#/cursor', in: 'query' }] },
      });
    expect((await api.get(`/orders?restaurant_id=${one.toUpperCase()}&cursor=${cursor}`)).status).toBe(200);
    // Whoever has read how a cursor is made may make one up.
    for (const position of [
      [],
      ['x', 'y'],
      ['1'],
      ['9223372036854775807', one],
      ['-1', one],
      ['1', 'y'],
      [1, one],
    ])
      expect(
        (await api.get(`/orders?cursor=${makeCursor(['orders', {}], position as string[])}`)).status,
      ).toBe(400);
    for (const position of [['x'], [], [one, one]])
      expect((await api.get(`/restaurants?cursor=${makeCursor(['restaurants'], position)}`)).status).toBe(
        400,
      );
    const menu = makeCursor(['menu', one, {}], ['x', 'y', 'z', 'w']);
    expect((await api.get(`/restaurants/${one}/menu?cursor=${menu}`)).status).toBe(400);
  });
});

describe('orders of which much is said', () => {
  it('make pages with fewer of them, and each is there once', async () => {
    const { restaurantId } = await seedMenu(api.database, [1_000]);
    const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, '🍛'.repeat(500)]));
    const ids: string[] = [];
    for (let count = 0; count < 25; count += 1) {
      const items = [{ sku: 'DISH-1', quantity: 1 }];
      const { body } = await api.post('/orders', {
        restaurant_id: restaurantId,
        items,
        draft: true,
        metadata,
      });
      ids.unshift(body.order_id as string);
    }
    const pages = await walk(`restaurant_id=${restaurantId}&limit=200`);
    expect(pages.flat()).toEqual(ids);
    expect(Math.max(...pages.map((page) => page.length))).toBeLessThan(12);
    expect((await walk(`restaurant_id=${restaurantId}&limit=2`)).flat()).toEqual(ids);
  });
});

describe('Link', () => {
  it('leads through all pages, with the filters as they were sent', async () => {
    const seen: string[] = [];
    let path: string | undefined = '/orders?limit=50&status=PLACED,PREPARING&customer_id=ann';
    while (path) {
      const reply = await api.get(path);
      seen.push(...reply.body.orders.map(({ id }: { id: string }) => id));
      const link = String(reply.headers.link);
      expect(link).toContain(
        '</api/v1/orders?limit=50&status=PLACED%2CPREPARING&customer_id=ann>; rel="first"',
      );
      path = /<\/api\/v1([^>]+)>; rel="next"/.exec(link)?.[1];
      expect(path === undefined).toBe(reply.body.next_cursor === null);
    }
    expect(seen).toEqual((await walk('status=PLACED,PREPARING&customer_id=ann')).flat());
    expect(seen.length).toBeGreaterThan(50);
  });
});

it('of a query with a question mark in it, nothing is lost', async () => {
  const sent = { restaurant_id: one, items: [{ sku: 'DISH-1', quantity: 1 }] };
  for (let count = 0; count < 3; count += 1) await api.post('/orders', { ...sent, reference: 'why?&+ok?' });
  const seen: string[] = [];
  let path: string | undefined = '/orders?limit=1&reference=why?%26%2Bok?';
  while (path) {
    const reply = await api.get(path);
    expect(reply.status).toBe(200);
    seen.push(...reply.body.orders.map(({ reference }: { reference: string }) => reference));
    path = /<\/api\/v1([^>]+)>; rel="next"/.exec(String(reply.headers.link))?.[1];
  }
  expect(seen).toEqual(['why?&+ok?', 'why?&+ok?', 'why?&+ok?']);
});

describe('the list by time', () => {
  const at = (minute: number) => new Date(Date.UTC(2021, 5, 1, 12, minute)).toISOString();
  const made: { id: string; created: number; placed: number | null; updated: number }[] = [];
  let restaurant: string;

  beforeAll(async () => {
    restaurant = (await seedMenu(api.database, [1])).restaurantId;
    for (let minute = 0; minute < 40; minute += 1) {
      const id = newId();
      // Placed at once, drafted and placed later, or a draft still.
      const placed = minute % 3 === 0 ? minute : minute % 3 === 1 ? minute + (minute % 7) + 1 : null;
      const updated = (placed ?? minute) + (minute % 11);
      made.push({ id, created: minute, placed, updated });
      await api.database.order.create({
        data: {
          id,
          restaurantId: restaurant,
          status: placed === null ? 'DRAFT' : 'PLACED',
          currency: 'INR',
          totalAmount: '1.00',
          correlationId: 'c',
          createdAt: at(minute),
          placedAt: placed === null ? null : at(placed),
          updatedAt: at(updated),
        },
      });
    }
  });
  const listed = (order: (typeof made)[number]) => order.placed ?? order.created;
  const expected = (keep: (order: (typeof made)[number]) => boolean) =>
    made
      .filter(keep)
      .sort((a, b) => listed(b) - listed(a) || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id);
  const list = async (query: string) => (await walk(`restaurant_id=${restaurant}&limit=3&${query}`)).flat();

  it.each([0, 5, 10, 17, 20, 39, 60])(
    'knows what was made and changed before and after minute %d',
    async (minute) => {
      expect(await list(`created_after=${at(minute)}`)).toEqual(expected(({ created }) => created > minute));
      expect(await list(`created_before=${at(minute)}`)).toEqual(expected(({ created }) => created < minute));
      expect(await list(`updated_after=${at(minute)}`)).toEqual(expected(({ updated }) => updated > minute));
      expect(await list(`created_after=${at(5)}&created_before=${at(minute)}&status=DRAFT,PLACED`)).toEqual(
        expected(({ created }) => created > 5 && created < minute),
      );
    },
  );

  it('takes a zone, with a + that was not encoded too', async () => {
    const zoned = await list('created_after=2021-06-01T17:40:00+05:30');
    expect(zoned).toEqual(expected(({ created }) => created > 10));
    expect(await list('created_after=2021-06-01T17:40:00%2B05:30')).toEqual(zoned);
  });
});

describe('an approved draft', () => {
  it('is listed by when it was placed, and a poller of the newest meets it', async () => {
    const draft = await api.post('/orders', {
      restaurant_id: one,
      items: [{ sku: 'DISH-1', quantity: 1 }],
      draft: true,
    });
    const id = draft.body.order_id as string;
    expect((await api.get(`/orders/${id}`)).body).toMatchObject({ status: 'DRAFT', placed_at: null });
    const later = await place(one);
    expect((await walk('limit=200')).flat().slice(0, 2)).toEqual([later, id]);
    await api.post(`/orders/${id}/approve`, {});
    const [newest, ...rest] = (await walk('limit=7')).flat();
    expect(newest).toBe(id);
    expect(rest).toContain(later);
    expect(new Set([newest, ...rest]).size).toBe(rest.length + 1);
    const { placed_at, created_at, updated_at } = (await api.get(`/orders/${id}`)).body;
    expect(placed_at).toBe(updated_at);
    expect(placed_at > created_at).toBe(true);
  });
});

describe('an order of a newer version, with values that this one does not know', () => {
  let id: string;
  beforeAll(async () => {
    // As that version's migration does.
    await api.database.$executeRaw`ALTER TABLE orders DROP CONSTRAINT orders_payment_method_check`;
    await api.database
      .$executeRaw`ALTER TABLE order_status_history DROP CONSTRAINT order_status_history_actor_check`;
    id = await place(one, 'newer');
    await api.database.order.update({ where: { id }, data: { paymentMethod: 'WALLET' } });
  });

  it('can be cancelled, and is still said to be paid as it is', async () => {
    expect(await api.post(`/orders/${id}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'CANCELLED' },
    });
    const events = await eventsAbout(api.database, id);
    expect(events.map(({ type }) => type)).toEqual(['order.placed.v1', 'order.cancelled.v1']);
    expect(String((events[1] as Event<'order.cancelled.v1'>).data.payment_method)).toBe('WALLET');
  });

  it('is shown as it is, alone and in lists', async () => {
    await api.database.order.update({ where: { id }, data: { cancelReason: 'FRAUD_SUSPECTED' } });
    await api.database.orderStatusHistory.updateMany({
      where: { orderId: id, toStatus: 'CANCELLED' },
      data: { actor: 'ROBOT', reason: 'FRAUD_SUSPECTED' },
    });
    const shown = { payment_method: 'WALLET', cancel_reason: 'FRAUD_SUSPECTED' };
    expect(await api.get(`/orders/${id}`)).toMatchObject({
      status: 200,
      body: { ...shown, history: [{}, { actor: 'ROBOT', reason: 'FRAUD_SUSPECTED' }] },
    });
    expect(await api.get('/orders?customer_id=newer')).toMatchObject({
      status: 200,
      body: { orders: [shown] },
    });
  });

  it('answers a second approval', async () => {
    const { body } = await api.post('/orders', {
      restaurant_id: one,
      items: [{ sku: 'DISH-1', quantity: 1 }],
      draft: true,
    });
    const draft = body.order_id as string;
    await api.post(`/orders/${draft}/approve`);
    await api.database.order.update({ where: { id: draft }, data: { paymentMethod: 'WALLET' } });
    expect(await api.post(`/orders/${draft}/approve`)).toMatchObject({
      status: 202,
      body: { payment_method: 'WALLET' },
    });
  });
});

describe('a page of a long list', () => {
  const ORDERS = 30_000;
  const RESTAURANTS = 10;
  let restaurants: string[];
  beforeAll(async () => {
    const { database } = api;
    restaurants = [];
    for (let count = 0; count < RESTAURANTS; count += 1)
      restaurants.push((await seedMenu(database, [1])).restaurantId);
    // A minute apart, most of them long delivered; every fourth was a draft for some hours.
    await database.$executeRaw`
      INSERT INTO orders (id, restaurant_id, customer_id, reference, status, cancel_reason, currency, total_amount, correlation_id,
        created_at, placed_at, updated_at)
      SELECT gen_random_uuid(), (${restaurants}::uuid[])[1 + n % ${RESTAURANTS}::int], 'customer-' || n % 1000, 'R-' || n % 5000,
        CASE WHEN n % 1000 = 0 THEN 'PLACED' WHEN n % 17 = 0 THEN 'CANCELLED' ELSE 'DELIVERED' END,
        CASE WHEN n % 17 = 0 AND n % 1000 > 0 THEN 'CUSTOMER' END, 'INR', 1, 'c',
        made_at, made_at + CASE n % 4 WHEN 0 THEN interval '1 hour' * (n % 7) ELSE interval '0' END, made_at + interval '9 hours'
      FROM generate_series(1, ${ORDERS}::int) AS n, LATERAL (SELECT timestamptz '2020-01-01T00:00:00Z' + n * interval '1 minute' AS made_at) t`;
    await database.$executeRaw`ANALYZE orders`;
  });

  const day = (number: number) => new Date(Date.UTC(2020, 0, number)).toISOString();
  /** Pages of the database's that are read for a page of the list. */
  const cost = async (filter: Parameters<typeof pageQuery>[0], position?: string[]) => {
    const [row] = await api.database.$queryRaw<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }[]>(
      Prisma.sql`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${pageQuery(filter, position, 50)}`,
    );
    const { Plan: plan } = row!['QUERY PLAN'][0];
    return plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!;
  };

  it.each<[string, Parameters<typeof pageQuery>[0]]>([
    ['all', {}],
    ['two statuses, one of them rare', { status: ['DELIVERED', 'PLACED'] }],
    ['made before', { created_before: day(12) }],
    ['made after', { created_after: day(5) }],
    ['made between, cancelled', { created_after: day(3), created_before: day(15), status: ['CANCELLED'] }],
    ['changed after', { updated_after: day(3) }],
  ])('costs the same at its end as at its beginning: %s', async (_name, filter) => {
    await cost(filter); // what is read for the first time, is counted otherwise
    const first = await cost(filter);
    const deep = await cost(filter, [String(Date.UTC(2020, 0, 6) * 1_000), one]);
    expect(first).toBeLessThan(1_500);
    expect(deep).toBeLessThan(1_500);
  });

  it('costs little where few fit', async () => {
    for (const filter of [
      { reference: 'R-7' },
      { customer_id: 'customer-7', updated_after: day(2) },
      { updated_after: day(21) },
      { created_before: day(1) },
      { status: ['PLACED' as const], restaurant_id: restaurants[1] },
    ])
      expect(await cost(filter)).toBeLessThan(1_500);
  });
});
