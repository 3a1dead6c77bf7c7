import { handlers } from '../analytics-service/handlers';
import { anOrder, eventsOf, type ToldOrder } from '../analytics-service/testing/told-orders';
import { bucketStarts } from '../order-api/analytics/time-range';
import { bearer, giveKey } from '../order-api/testing/test-access';
import { serve, startTestApi, type TestApi } from '../order-api/testing/test-api';
import { anEvent, eventFrom } from '../shared/testing/events';
import { handle } from '../shared/testing/handle';
import { newId } from '../shared/ids';

// What was counted, as it is asked for over HTTP. Times are minutes after 2026-11-20 09:58 UTC, which is 15:28 in Kolkata.

let api: TestApi;
const [kolkata, tokyo] = [newId(), newId()];
const [dosa, sushi] = [newId(), newId()];
const DAY = 'from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z';

async function tell(...orders: ToldOrder[]): Promise<void> {
  for (const event of orders.flatMap(eventsOf))
    await handle(api.database, 'analytics-service', handlers, event);
}

const indian = (more: Partial<ToldOrder> = {}) =>
  anOrder({ restaurant: kolkata, lines: [{ menu_item_id: dosa, quantity: 2, price: '60.25' }], ...more });

beforeAll(async () => {
  api = await startTestApi();
  await api.database.restaurant.createMany({
    data: [
      { id: kolkata, name: 'Tandoor' },
      { id: tokyo, name: 'Sushi', currency: 'JPY', locale: 'ja', timeZone: 'Asia/Tokyo' },
    ],
  });
  await api.database.menuItem.create({
    data: { id: dosa, restaurantId: kolkata, name: '=HYPERLINK("http://evil.example")', price: '60.25' },
  });
  await tell(
    indian({ preparing: 1, out: 20, delivered: 30 }),
    indian({ placed: 3, preparing: 4 }),
    indian({ placed: 5, cancelled: 6, reason: 'OUT_OF_STOCK' }),
    indian({ placed: 62, preparing: 63, cancelled: 64 }),
    anOrder({
      restaurant: tokyo,
      currency: 'JPY',
      lines: [{ menu_item_id: sushi, quantity: 3, price: '500.00' }],
    }),
    anOrder({
      restaurant: newId(),
      currency: 'KWD',
      lines: [{ menu_item_id: newId(), quantity: 1, price: '1.50' }],
    }),
  );
  const facts = { menu_item_id: dosa, restaurant_id: kolkata, name: 'Dosa', low_stock_threshold: 5 };
  for (const [type, available_qty] of [
    ['inventory.low_stock.v1', 3],
    ['inventory.out_of_stock.v1', 0],
  ] as const)
    await handle(
      api.database,
      'analytics-service',
      handlers,
      anEvent(type, dosa, { ...facts, available_qty }, { time: '2026-11-20T10:00:00.000Z' }),
    );
});
afterAll(() => api.stop());

const get = async (path: string) => (await api.get(`/analytics/${path}`)).body;
const csv = async (path: string, accept = 'text/csv') =>
  api.call('GET', `/analytics/${path}`, { headers: { accept } });

describe('GET /analytics/summary', () => {
  it('has what became of the orders of a restaurant; what is cancelled earns nothing', async () => {
    expect(await get(`summary?restaurant_id=${kolkata}&${DAY}`)).toEqual({
      restaurant_id: kolkata,
      from: '2026-11-20T00:00:00.000Z',
      to: '2026-11-21T00:00:00.000Z',
      time_zone: 'Asia/Kolkata',
      history_since: null,
      orders: 4,
      delivered: 1,
      cancelled: { CUSTOMER: 1, OUT_OF_STOCK: 1 },
      revenue: [
        {
          currency: 'INR',
          orders: 4,
          delivered: 1,
          cancelled: 2,
          amount: '241.00',
          cancelled_amount: '241.00',
        },
      ],
      open_orders: { PLACED: 0, PREPARING: 1, OUT_FOR_DELIVERY: 0 },
    });
  });

  it('of the whole shop has a sum for each currency, in its decimals, with what no restaurant is known for', async () => {
    expect(await get(`summary?${DAY}`)).toMatchObject({
      restaurant_id: null,
      time_zone: 'UTC',
      orders: 6,
      revenue: [
        { currency: 'INR', amount: '241.00' },
        { currency: 'JPY', amount: '1500' },
        { currency: 'KWD', amount: '1.500' },
      ],
      open_orders: { PLACED: 2, PREPARING: 1 },
    });
  });

  it('says since when there is history', async () => {
    await api.database.subscription.create({
      data: { consumer: 'analytics-service', eventType: 'order.placed.v1', since: '2026-11-20T00:00:00Z' },
    });
    expect((await get('summary')).history_since).toBe('2026-11-20T00:00:00.000Z');
  });
});

describe('buckets', () => {
  type Told = { start: string; orders: number; revenue: { amount: string }[] };
  const orders = async (query: string): Promise<Told[]> =>
    (await get(`orders?restaurant_id=${kolkata}&${query}`)).buckets;

  it("are the restaurant's hours, and together the whole", async () => {
    const hours = await orders(`${DAY}&bucket=hour`);
    expect(hours.filter((one) => one.orders > 0)).toMatchObject([
      { start: '2026-11-20T09:30:00.000Z', orders: 3, revenue: [{ amount: '241.00' }] },
      { start: '2026-11-20T10:30:00.000Z', orders: 1, revenue: [{ amount: '0.00' }] },
    ]);
    const utc = await orders(`${DAY}&bucket=hour&time_zone=UTC`);
    expect(utc.filter((one) => one.orders > 0).map(({ start }) => start.slice(11, 16))).toEqual([
      '09:00',
      '10:00',
      '11:00',
    ]);
  });

  it('by the minute, and by the day of another zone', async () => {
    const minutes = await orders('from=2026-11-20T09:58:30Z&to=2026-11-20T10:02:00Z&bucket=minute');
    expect(minutes.map((one) => one.orders)).toEqual([1, 0, 0, 1]);
    const days = await orders(
      'from=2026-11-19T00:00:00Z&to=2026-11-22T00:00:00Z&bucket=day&time_zone=Pacific/Kiritimati',
    );
    expect(days.map(({ start, orders: n }) => [start.slice(5, 16), n])).toEqual([
      ['11-19T00:00', 0],
      ['11-19T10:00', 1], // two minutes before midnight there
      ['11-20T10:00', 3],
      ['11-21T10:00', 0],
    ]);
  });

  it('of items: what sells best, by its name of today, or none', async () => {
    const { buckets } = await get(`items?${DAY}&limit=2`);
    expect(buckets[0].items).toMatchObject([
      {
        menu_item_id: dosa,
        name: '=HYPERLINK("http://evil.example")',
        quantity: 4,
        cancelled_quantity: 4,
        revenue: '241.00',
      },
      { menu_item_id: sushi, name: null, quantity: 3, revenue: '1500' },
    ]);
    expect((await get(`items?restaurant_id=${tokyo}&${DAY}&bucket=day`)).buckets[0].items).toHaveLength(1);
  });

  it('of lead times: within 2.5% of what they were', async () => {
    const [{ stages }] = (await get(`lead-times?restaurant_id=${kolkata}&${DAY}`)).buckets;
    const stage = (name: string) => stages.find((one: { stage: string }) => one.stage === name);
    expect(stage('placed_to_preparing')).toMatchObject({ orders: 3 });
    for (const [name, seconds] of [
      ['placed_to_preparing', 60],
      ['preparing_to_delivered', 29 * 60],
      ['placed_to_delivered', 30 * 60],
    ] as const)
      expect(Math.abs(stage(name).p99 / seconds - 1)).toBeLessThan(0.025);
  });

  it('of stock: how often it ran low, and out', async () => {
    const { buckets } = await get(`stock?restaurant_id=${kolkata}&${DAY}&bucket=day`);
    expect(buckets.map((one: object) => ({ ...one, items: undefined }))).toMatchObject([
      { low_stock: 1, out_of_stock: 1 },
      { start: '2026-11-20T18:30:00.000Z', low_stock: 0, out_of_stock: 0 },
    ]);
    expect(buckets[0].items).toMatchObject([{ menu_item_id: dosa, last_at: '2026-11-20T10:00:00.000Z' }]);
  });
});

describe('a day on which', () => {
  const LATER = 100 * 1440;
  const THEN = 'from=2027-02-28T00:00:00Z&to=2027-03-01T00:00:00Z';

  it('orders were known to be over before they were known to be placed has their items, too', async () => {
    const orders = [{ delivered: LATER + 9 }, { cancelled: LATER + 9 }].map((end) =>
      anOrder({ placed: LATER, ...end }),
    );
    for (const order of orders)
      for (const event of eventsOf(order).reverse())
        await handle(api.database, 'analytics-service', handlers, event);
    const sold = (await get(`items?${THEN}`)).buckets[0].items as { menu_item_id: string }[];
    expect(sold.map((one) => one.menu_item_id)).toEqual(orders.map(({ lines }) => lines[0]!.menu_item_id));
  });

  it('somebody tells of more money than there is has every unit of it', async () => {
    for (const total_amount of [1e40, 1, 0.5]) {
      const [placed] = eventsOf(anOrder({ placed: LATER, currency: 'XTS' }));
      await handle(api.database, 'analytics-service', handlers, eventFrom(placed!, { total_amount }));
    }
    const { revenue } = await get(`summary?${THEN}`);
    expect(revenue.at(-1)).toMatchObject({ currency: 'XTS', amount: `1${'0'.repeat(39)}1.50` });
  });
});

describe('CSV', () => {
  it('is answered to whoever would rather have it', async () => {
    for (const [accept, type] of [
      ['text/csv', 'text/csv'],
      ['text/csv;q=0.9, application/json;q=0.1', 'text/csv'],
      ['text/*', 'text/csv'],
      ['text/csv;q=0.1, application/json', 'application/json'],
      ['text/csv;q=0', 'application/json'],
      ['*/*', 'application/json'],
      ['text/html', 'application/json'],
    ] as const)
      expect([accept, (await csv(`orders?${DAY}`, accept)).headers['content-type']]).toEqual([
        accept,
        `${type}; charset=utf-8`,
      ]);
    expect((await csv('orders')).headers).toMatchObject({ vary: expect.stringContaining('Accept') });
  });

  it('has a line for each bucket and currency, and no formula of anybody', async () => {
    const { text } = await csv(`items?restaurant_id=${kolkata}&${DAY}`);
    expect(text).toBe(
      'start,end,menu_item_id,restaurant_id,name,currency,quantity,cancelled_quantity,revenue\r\n' +
        `2026-11-20T00:00:00.000Z,2026-11-21T00:00:00.000Z,${dosa},${kolkata},"'=HYPERLINK(""http://evil.example"")",INR,4,4,241.00\r\n`,
    );
    const lines = (await csv(`orders?${DAY}&bucket=hour`)).text.split('\r\n');
    expect(lines.length).toBe(1 + 24 + 2 + 1); // the header, the hours, two more currencies in one of them, the end
    for (const report of ['summary', 'lead-times', 'stock'])
      expect((await csv(`${report}?${DAY}`)).text.split('\r\n').length).toBeGreaterThan(2);
  });
});

it('days and hours begin when PostgreSQL says they do', async () => {
  for (const zone of [
    'Asia/Kolkata',
    'America/New_York',
    'Africa/Cairo',
    'Asia/Kathmandu',
    'America/Sao_Paulo',
  ])
    for (const bucket of ['day', 'hour'] as const) {
      const from = Date.parse('2017-01-01T00:00:00Z');
      const range = { from, to: from + 1_500 * (bucket === 'day' ? 86_400_000 : 3_600_000) };
      const starts = bucketStarts(range, bucket, zone).slice(1);
      const rows = await api.database.$queryRaw<{ start: Date }[]>`
        SELECT DISTINCT date_trunc(${bucket}, t, ${zone}) AS start
        FROM generate_series(${new Date(range.from)}::timestamptz, ${new Date(range.to - 1)}::timestamptz, '30 minutes') t ORDER BY 1`;
      expect(rows.map(({ start }) => start.getTime()).slice(1)).toEqual(starts);
    }
});

describe('what cannot be asked', () => {
  it.each([
    ['summary?from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z', '#/to'],
    ['orders?from=1926-11-21T00:00:00Z', '#/from'],
    ['orders?from=0000-01-01T00:00:00Z', '#/from'],
    ['orders?from=2026-11-20T00:00:00%2B25:00', '#/from'],
    ['orders?from=2020-01-01T00:00:00Z&bucket=minute', '#/from'],
    ['orders?time_zone=Mars/Olympus', '#/time_zone'],
    ['orders?time_zone=%2B05:30', '#/time_zone'],
    ['orders?time_zone=', '#/time_zone'],
    ['orders?bucket=week', '#/bucket'],
    ['items?limit=0', '#/limit'],
    ['stock?limit=101', '#/limit'],
    ['summary?bucket=day', '#/bucket'],
    ['summary?restaurant_id=x', '#/restaurant_id'],
  ])('%s', async (path, pointer) => {
    const { status, body } = await csv(path, 'text/csv');
    expect([status, body.errors?.map((error: { pointer: string }) => error.pointer)]).toEqual([
      400,
      [pointer],
    ]);
  });

  it('a restaurant that there is not', async () => {
    expect((await api.get(`/analytics/orders?restaurant_id=${newId()}`)).status).toBe(404);
  });
});

it("staff see their restaurants' numbers together, and no others", async () => {
  const guarded = await serve(api.database, { credentials: { keys: true } });
  const { text } = await giveKey(api.database, 'staff', { restaurantIds: [kolkata, tokyo] });
  const ask = (path: string) => guarded.call('GET', `/analytics/${path}`, { headers: bearer(text) });
  expect((await ask(`summary?${DAY}`)).body).toMatchObject({
    restaurant_id: null,
    time_zone: 'UTC', // they are in two
    orders: 5,
    revenue: [{ currency: 'INR' }, { currency: 'JPY' }],
    open_orders: { PLACED: 1, PREPARING: 1 },
  });
  expect((await ask(`items?${DAY}`)).body.buckets[0].items).toHaveLength(2);
  await guarded.stop();
});
