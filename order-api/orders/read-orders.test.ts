import type { Event } from '../../shared/events/envelope';
import { seedMenu } from '../../shared/testing/seed';
import { eventsAbout } from '../testing/order-events';
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
    expect((await walk(`restaurant_id=${placed[0]}`)).flat()).toEqual([]);
    expect((await walk('customer_id=ANN')).flat()).toEqual([]);
  });

  it('shows each order once to who walks it, while new ones are placed', async () => {
    const seen = (await walk('limit=11', () => Promise.all([place(one), place(two)]))).flat();
    expect(seen).toEqual(placed.toReversed());
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

it('each list goes by its index, to its last page too', async () => {
  for (const filter of [
    '',
    `restaurant_id = '${one}' AND`,
    `customer_id = 'ann' AND`,
    `status = 'PLACED' AND`,
  ]) {
    const plan = await api.database.$queryRawUnsafe<{ 'QUERY PLAN': string }[]>(
      `EXPLAIN SELECT id FROM orders WHERE ${filter} (coalesce(placed_at, created_at), id) < (now(), '${one}'::uuid)
       ORDER BY coalesce(placed_at, created_at) DESC, id DESC LIMIT 51`,
    );
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect(text).toMatch(/Index (Only )?Scan Backward using orders_listed/);
    expect(text).not.toMatch(/Sort/);
  }
});
