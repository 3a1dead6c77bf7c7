import fc from 'fast-check';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { eventFrom, anEvent } from '../shared/testing/events';
import { handle } from '../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { handlers } from './handlers';
import { countByHand, countOfRows } from './testing/count-by-hand';
import { readAll } from './testing/read-all';
import { anOrder, eventsOf, type ToldOrder } from './testing/told-orders';

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());
beforeEach(() => empty());

const TABLES =
  'analytics_orders, analytics_sales, analytics_item_sales, analytics_lead_times, analytics_open_orders, analytics_stock_alerts, processed_events';
const empty = () => db.database.$executeRawUnsafe(`TRUNCATE ${TABLES}`);
const analytics = (...events: Event[]) => handle(db.database, 'analytics-service', handlers, ...events);
const counted = async () => countOfRows(await readAll(db.database));

const restaurants = [newId(), newId()];
const dishes = [newId(), newId(), newId()];
const minutes = fc.integer({ min: 0, max: 4_000 }).map((n) => n / 4);
const line = fc.record({
  menu_item_id: fc.constantFrom(...dishes),
  quantity: fc.integer({ min: 1, max: 9 }),
  price: fc.constantFrom('0.00', '0.01', '99.99', '450.00'),
});
/** Any set of facts, at any times: clocks jump, and not every event has come. */
const order: fc.Arbitrary<ToldOrder> = fc.record(
  {
    id: fc.constant('').map(() => newId()),
    restaurant: fc.constantFrom(...restaurants),
    currency: fc.constantFrom('INR', 'JPY'),
    lines: fc.array(line, { minLength: 1, maxLength: 3 }),
    placed: minutes,
    preparing: minutes,
    out: minutes,
    delivered: minutes,
    cancelled: minutes,
    reason: fc.constantFrom('CUSTOMER', 'OUT_OF_STOCK'),
  },
  { requiredKeys: ['id', 'restaurant', 'currency', 'lines'] },
);

it('counts the same whatever the order, the batches, the duplicates and the workers', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(order, { maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      async (orders, chance) => {
        await empty();
        const once = orders.map((one) => ({ ...one, id: newId() })); // shrinking repeats ids
        const told = once.flatMap(eventsOf).flatMap((event) => {
          const times = 1 + (chance.next().value % 3);
          return Array.from({ length: times }, (_, n) => (n === 2 ? { ...event, id: newId() } : event));
        });
        const shuffled = told
          .map((event) => [chance.next().value, event] as const)
          .sort((a, b) => a[0] - b[0])
          .map(([, event]) => event);
        await Promise.all(
          [0, 1, 2].map(async (worker) => {
            for (const batch of batchesOf(shuffled.filter((_, index) => index % 3 === worker)))
              await analytics(...batch);
          }),
        );
        // Their dedupe rows are gone, as after a retention: what comes again has been counted.
        await db.database.processedEvent.deleteMany();
        for (const batch of batchesOf(shuffled.slice(0, 10))) await analytics(...batch);
        expect(await counted()).toEqual(countByHand(once));
      },
    ),
    { numRuns: 15 },
  );
});

/** Of one type each, as the runtime hands them over. */
function batchesOf(events: readonly Event[]): Event[][] {
  const batches: Event[][] = [];
  for (const event of events) {
    const last = batches.at(-1);
    if (last && last[0]!.type === event.type) last.push(event);
    else batches.push([event]);
  }
  return batches;
}

it('counts nothing of an order before it is known to be placed, and all of it then', async () => {
  const [placed, preparing, cancelled] = eventsOf(anOrder({ preparing: 3, cancelled: 4 }));
  await analytics(cancelled!);
  await analytics(preparing!);
  expect(await counted()).toEqual([]);
  await analytics(placed!);
  expect((await counted()).filter((one) => /^orders 1 .* INR/.test(one)).length).toBe(4); // PLACED and CANCELLED, twice
});

it('an order that two transactions learn of at once is counted once', async () => {
  const orders = Array.from({ length: 20 }, () =>
    anOrder({ restaurant: restaurants[0]!, preparing: 2, cancelled: 3 }),
  );
  const byType = [0, 1, 2].map((index) => orders.map((one) => eventsOf(one)[index]!));
  await Promise.all(byType.flatMap((batch) => [analytics(...batch), analytics(...[...batch].reverse())]));
  expect(await counted()).toEqual(countByHand(orders));
});

describe('what events may say', () => {
  const restaurant = restaurants[0]!;
  it('amounts of any decimals are added exactly', async () => {
    for (const [currency, price] of [
      ['JPY', 1000],
      ['KWD', 0.125],
      ['CLF', 0.0001],
      ['INR', 0.1],
    ] as const)
      for (let n = 0; n < 3; n += 1) {
        const [event] = eventsOf(anOrder({ restaurant, currency }));
        await analytics(eventFrom(event!, { total_amount: price }));
      }
    const sales = await db.database.analyticsSales.findMany({
      where: { grain: 1440, restaurantId: restaurant },
    });
    expect(Object.fromEntries(sales.map((row) => [row.currency, row.amount.toFixed()]))).toEqual({
      JPY: '3000',
      KWD: '0.375',
      CLF: '0.0003',
      INR: '0.3',
    });
  });

  it('texts of any length, reasons that nobody knows, and times that no clock shows', async () => {
    const long = '𝒜'.repeat(10_000);
    const strange = [
      anOrder({ currency: long, placed: -1e9, cancelled: 1e9, reason: 'X'.repeat(64) }),
      anOrder({ placed: 4e9, preparing: -1e9 }), // prepared millennia before it was placed
      anOrder({
        lines: [{ menu_item_id: dishes[0]!, quantity: 1_000_000_000, price: `${'9'.repeat(300)}.99` }],
      }),
    ];
    for (const event of strange.flatMap(eventsOf)) {
      const { items = [] } = event.data as { items?: object[] };
      const named = items.map((item) => ({ ...item, name: long }));
      await analytics(eventFrom(event, { items: named, total_amount: 1 }));
    }
    const rows = await db.database.analyticsSales.findMany({ where: { grain: 1, outcome: 'CANCELLED' } });
    expect(rows.map(({ reason, currency }) => Array.from(reason + currency).length)).toEqual([128, 128]);
    expect(
      (await db.database.analyticsLeadTime.findMany({ where: { grain: 1 } })).map(({ bin }) => bin),
    ).toEqual([0, 0]);
  });

  it('a stock alert that comes again is kept once', async () => {
    const facts = {
      menu_item_id: dishes[0]!,
      restaurant_id: restaurant,
      name: 'x'.repeat(10_000),
      low_stock_threshold: 5,
    };
    const low = anEvent('inventory.low_stock.v1', dishes[0]!, { ...facts, available_qty: 3 });
    const out = anEvent('inventory.out_of_stock.v1', dishes[0]!, { ...facts, available_qty: 0 });
    await analytics(low);
    await db.database.processedEvent.deleteMany();
    await analytics(low, { ...low, source: '/elsewhere' });
    await analytics(out);
    const kept = await db.database.analyticsStockAlert.groupBy({
      by: ['kind'],
      _count: true,
      orderBy: { kind: 'asc' },
    });
    expect(kept).toMatchObject([
      { kind: 'LOW', _count: 2 },
      { kind: 'OUT', _count: 1 },
    ]);
  });
});
