import fc from 'fast-check';
import { newId } from '../shared/ids';
import { drainOutbox, handle, outbox } from '../shared/testing/handle';
import { anEvent, eventFrom, orderCancelled, orderPlaced } from '../shared/testing/events';
import { checkLedger, seedMenu } from '../shared/testing/seed';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import type { Event } from '../shared/events/envelope';
import { handlers } from './handlers';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());
beforeEach(() => drainOutbox(db.database));

const inventory = (...events: Event[]) => handle(db.database, 'inventory-service', handlers, ...events);
const available = async (id: string) =>
  (await db.database.stockLevel.findUniqueOrThrow({ where: { menuItemId: id } })).available;
const types = async () => (await outbox(db.database)).map((event) => event.type);
const adjustment = (menu_item_id: string, delta: number, adjustment_id = newId()) =>
  anEvent('inventory.adjustment.requested.v1', menu_item_id, {
    adjustment_id,
    menu_item_id,
    delta,
    reason: 'count',
  });

describe('reserving stock', () => {
  it('deducts all lines and announces it, with the chain kept', async () => {
    const { items } = await seedMenu(db.database, [20, 30]);
    const placed = orderPlaced([
      { menu_item_id: items[0]!, quantity: 2 },
      { menu_item_id: items[1]!, quantity: 3 },
    ]);
    await inventory(placed);
    expect([await available(items[0]!), await available(items[1]!)]).toEqual([18, 27]);
    expect(await outbox(db.database)).toMatchObject([
      {
        type: 'inventory.deducted.success.v1',
        source: '/inventory-service',
        subject: placed.subject,
        correlationid: placed.correlationid,
        causationid: placed.id,
        data: {
          order_id: placed.subject,
          items: [
            { quantity: 2, available_qty: 18 },
            { quantity: 3, available_qty: 27 },
          ],
        },
      },
    ]);
    await checkLedger(db.database);
  });

  it('deducts none where one line is short, and names the shortages', async () => {
    const { items } = await seedMenu(db.database, [20, 1]);
    await inventory(
      orderPlaced([
        { menu_item_id: items[0]!, quantity: 2 },
        { menu_item_id: items[1]!, quantity: 3 },
      ]),
    );
    expect([await available(items[0]!), await available(items[1]!)]).toEqual([20, 1]);
    expect(await outbox(db.database)).toMatchObject([
      {
        type: 'order.cancellation.required.v1',
        data: { reason: 'OUT_OF_STOCK', shortages: [{ menu_item_id: items[1], requested: 3, available: 1 }] },
      },
    ]);
  });

  it('treats an item that it does not know as sold out', async () => {
    await inventory(orderPlaced([{ menu_item_id: newId(), quantity: 1 }]));
    expect(await types()).toEqual(['order.cancellation.required.v1']);
  });

  it('serves a batch in the order of arrival, each order whole or not at all', async () => {
    const { items } = await seedMenu(db.database, [5], { lowStockThreshold: 0 });
    const [a, b, c] = [3, 3, 2].map((quantity) => orderPlaced([{ menu_item_id: items[0]!, quantity }]));
    await inventory(a!, b!, c!);
    expect((await outbox(db.database)).map((event) => [event.subject, event.type])).toEqual([
      [a!.subject, 'inventory.deducted.success.v1'],
      [b!.subject, 'order.cancellation.required.v1'],
      [c!.subject, 'inventory.deducted.success.v1'],
      [items[0], 'inventory.low_stock.v1'],
      [items[0], 'inventory.out_of_stock.v1'],
    ]);
  });

  it('acts once on an event that comes five times, one by one or at once', async () => {
    const { items } = await seedMenu(db.database, [20]);
    const placed = orderPlaced([{ menu_item_id: items[0]!, quantity: 2 }]);
    await inventory(placed);
    await Promise.all([inventory(placed), inventory(placed), inventory(placed, placed)]);
    expect(await available(items[0]!)).toBe(18);
    expect(await types()).toEqual(['inventory.deducted.success.v1']);
  });

  it('acts once on an order even when its dedupe row is gone, or a second event tells of it', async () => {
    const { items } = await seedMenu(db.database, [20]);
    const placed = orderPlaced([{ menu_item_id: items[0]!, quantity: 2 }]);
    await inventory(placed);
    await db.database.processedEvent.deleteMany({ where: { eventId: placed.id } });
    await inventory(placed);
    await inventory({ ...placed, id: newId() });
    await inventory({ ...placed, id: newId() }, { ...placed, id: newId() });
    expect(await available(items[0]!)).toBe(18);
    expect(await types()).toEqual(['inventory.deducted.success.v1']);
  });

  it.each([
    { from: 12, take: 1, threshold: 10, told: [] },
    { from: 11, take: 1, threshold: 10, told: ['inventory.low_stock.v1'] },
    { from: 10, take: 1, threshold: 10, told: [] },
    { from: 10, take: 10, threshold: 10, told: ['inventory.out_of_stock.v1'] },
    { from: 11, take: 11, threshold: 10, told: ['inventory.low_stock.v1', 'inventory.out_of_stock.v1'] },
  ])(
    'tells of low stock when the threshold is crossed: $from − $take',
    async ({ from, take, threshold, told }) => {
      const { items } = await seedMenu(db.database, [from], { lowStockThreshold: threshold });
      await inventory(orderPlaced([{ menu_item_id: items[0]!, quantity: take }]));
      expect(await types()).toEqual(['inventory.deducted.success.v1', ...told]);
    },
  );
});

describe('giving stock back', () => {
  it('gives back what the ledger holds, not what the event says, and once', async () => {
    const { items } = await seedMenu(db.database, [20, 30]);
    const placed = orderPlaced([
      { menu_item_id: items[0]!, quantity: 2 },
      { menu_item_id: items[1]!, quantity: 3 },
    ]);
    await inventory(placed);
    await drainOutbox(db.database);
    const cancelled = orderCancelled(placed.subject, [{ menu_item_id: items[0]!, quantity: 999 }]);
    await inventory(cancelled);
    await db.database.processedEvent.deleteMany({ where: { eventId: cancelled.id } });
    await inventory(cancelled, { ...cancelled, id: newId() });
    expect([await available(items[0]!), await available(items[1]!)]).toEqual([20, 30]);
    expect(await outbox(db.database)).toMatchObject([
      {
        type: 'inventory.restored.v1',
        causationid: cancelled.id,
        data: { items: [{ quantity: 2 }, { quantity: 3 }] },
      },
    ]);
    await checkLedger(db.database);
  });

  it('gives it back whatever the reason, and whoever cancelled', async () => {
    const { items } = await seedMenu(db.database, [20]);
    const placed = orderPlaced([{ menu_item_id: items[0]!, quantity: 5 }]);
    await inventory(placed);
    await inventory(eventFrom(orderCancelled(placed.subject), { reason: 'FRAUD_SUSPECTED', actor: 'ROBOT' }));
    expect(await available(items[0]!)).toBe(20);
  });

  it('lets nothing be taken for an order whose cancellation came first', async () => {
    const { items } = await seedMenu(db.database, [20]);
    const placed = orderPlaced([{ menu_item_id: items[0]!, quantity: 2 }]);
    await inventory(orderCancelled(placed.subject));
    await inventory(placed);
    expect(await available(items[0]!)).toBe(20);
    expect(await types()).toEqual([]);
  });

  it('gives nothing back for an order that got nothing', async () => {
    const { items } = await seedMenu(db.database, [1]);
    const placed = orderPlaced([{ menu_item_id: items[0]!, quantity: 2 }]);
    await inventory(placed);
    await inventory(orderCancelled(placed.subject, [{ menu_item_id: items[0]!, quantity: 2 }]));
    expect(await available(items[0]!)).toBe(1);
    expect(await types()).toEqual(['order.cancellation.required.v1']);
  });
});

describe('adjusting stock', () => {
  it('applies a correction once, and tells of it', async () => {
    const { items } = await seedMenu(db.database, [12]);
    const request = adjustment(items[0]!, -4);
    await inventory(request);
    await db.database.processedEvent.deleteMany({ where: { eventId: request.id } });
    await inventory(request, { ...request, id: newId() });
    expect(await available(items[0]!)).toBe(8);
    expect(await types()).toEqual(['inventory.adjusted.v1', 'inventory.low_stock.v1']);
    await checkLedger(db.database);
  });

  it('rejects one below zero whole, and keeps why', async () => {
    const { items } = await seedMenu(db.database, [3]);
    const request = adjustment(items[0]!, -4);
    await inventory(request, adjustment(items[0]!, -3));
    expect(await available(items[0]!)).toBe(0);
    expect((await outbox(db.database))[0]).toMatchObject({
      type: 'inventory.adjustment.rejected.v1',
      data: { rejection: 'BELOW_ZERO', available_qty: 3 },
    });
    const outcome = await db.database.adjustmentOutcome.findUniqueOrThrow({
      where: { adjustmentId: request.data.adjustment_id },
    });
    expect(outcome).toMatchObject({ status: 'REJECTED', rejection: 'BELOW_ZERO', available: 3 });
  });
});

describe('races', () => {
  it('sells exactly 50 of 50 units to 200 concurrent orders', async () => {
    const { items } = await seedMenu(db.database, [50], { lowStockThreshold: 0 });
    const orders = Array.from({ length: 200 }, () => orderPlaced([{ menu_item_id: items[0]!, quantity: 1 }]));
    await Promise.all(orders.map((order) => inventory(order)));
    const told = await types();
    expect(told.filter((type) => type === 'inventory.deducted.success.v1')).toHaveLength(50);
    expect(told.filter((type) => type === 'order.cancellation.required.v1')).toHaveLength(150);
    expect(await available(items[0]!)).toBe(0);
    await checkLedger(db.database);
  });

  it('does not deadlock on lines in opposite order', async () => {
    const { items } = await seedMenu(db.database, [1000, 1000]);
    const lines = items.map((menu_item_id) => ({ menu_item_id, quantity: 1 }));
    const before = await deadlocks();
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        inventory(orderPlaced(index % 2 === 0 ? lines : [...lines].reverse())),
      ),
    );
    expect([await available(items[0]!), await available(items[1]!)]).toEqual([900, 900]);
    expect(await deadlocks()).toBe(before);
  });

  it('takes and gives back alike when placement and cancellation race', async () => {
    const { items } = await seedMenu(db.database, [100]);
    const orders = Array.from({ length: 20 }, () => orderPlaced([{ menu_item_id: items[0]!, quantity: 3 }]));
    await Promise.all(
      orders.flatMap((order) => [inventory(order), inventory(orderCancelled(order.subject))]),
    );
    expect(await available(items[0]!)).toBe(100);
    await checkLedger(db.database);
  });

  const deadlocks = async () => {
    const [row] = await db.database.$queryRaw<{ deadlocks: bigint }[]>`
      SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`;
    return Number(row?.deadlocks);
  };
});

describe('any interleaving of place, cancel and adjust', () => {
  it('restores exactly what it took, and the ledger explains the stock', async () => {
    const { items } = await seedMenu(db.database, [30, 10, 0]);
    const line = fc.record({
      menu_item_id: fc.constantFrom(...items),
      quantity: fc.integer({ min: 1, max: 8 }),
    });
    const order = fc.record({
      lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      cancelled: fc.boolean(),
      cancelledFirst: fc.boolean(),
      times: fc.integer({ min: 1, max: 3 }),
    });
    const correction = fc.record({
      item: fc.constantFrom(...items),
      delta: fc.integer({ min: -9, max: 9 }).filter((delta) => delta !== 0),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(order, { maxLength: 8 }),
        fc.array(correction, { maxLength: 3 }),
        fc.infiniteStream(fc.nat()),
        async (orders, corrections, shuffle) => {
          await reset(items, [30, 10, 0]);
          const early: Event[] = [];
          const rest: Event[] = [];
          for (const { lines, cancelled, cancelledFirst, times } of orders) {
            const placed = orderPlaced(lines);
            for (let n = 0; n < times; n++) rest.push(n === 0 ? placed : { ...placed, id: newId() });
            if (cancelled) (cancelledFirst ? early : rest).push(orderCancelled(placed.subject));
          }
          for (const { item, delta } of corrections) rest.push(adjustment(item, delta));
          const shuffled = rest
            .map((event) => [shuffle.next().value, event] as const)
            .sort((a, b) => a[0] - b[0])
            .map(([, event]) => event);
          await Promise.all(early.map((event) => inventory(event)));
          // Four workers share them, as four instances would.
          await Promise.all(
            [0, 1, 2, 3].map(async (worker) => {
              for (const event of shuffled.filter((_, index) => index % 4 === worker)) await inventory(event);
            }),
          );
          await checkLedger(db.database);
          const held = await db.database.stockMovement.groupBy({
            by: ['orderId'],
            where: { orderId: { not: null } },
            _sum: { delta: true },
          });
          const states = new Map(
            (await db.database.stockReservation.findMany()).map((row) => [row.orderId, row.state]),
          );
          for (const { orderId, _sum } of held)
            expect({ orderId, holds: _sum.delta !== 0 }).toEqual({
              orderId,
              holds: states.get(orderId!) === 'DEDUCTED',
            });
          const cancelledIds = [...early, ...rest]
            .filter((event) => event.type === 'order.cancelled.v1')
            .map((event) => event.subject);
          for (const id of cancelledIds) expect(['RESTORED', 'CANCELLED']).toContain(states.get(id));
        },
      ),
      { numRuns: 25 },
    );
  });

  async function reset(items: readonly string[], stock: readonly number[]): Promise<void> {
    await db.database.stockMovement.deleteMany();
    await db.database.stockReservation.deleteMany();
    for (const [index, menuItemId] of items.entries()) {
      await db.database.stockLevel.update({ where: { menuItemId }, data: { available: stock[index]! } });
      await db.database.stockMovement.create({
        data: { menuItemId, kind: 'OPENING', delta: stock[index]!, balance: stock[index]! },
      });
    }
    await db.database.stockLevel.updateMany({
      where: { menuItemId: { notIn: [...items] } },
      data: { available: 0 },
    });
  }
});
