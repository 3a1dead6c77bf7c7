import fc from 'fast-check';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { anEvent, orderCancelled, orderPlaced } from '../shared/testing/events';
import { drainOutbox, handle, outbox } from '../shared/testing/handle';
import { seedMenu } from '../shared/testing/seed';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { handlers } from './handlers';

// Low stock is told when a movement crosses the threshold downwards (before > threshold ≥ after), out of stock when one
// reaches zero (before > 0 = after): by the ledger, so once each time, and again only after the stock was above.

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());
beforeEach(() => drainOutbox(db.database));

const inventory = (...events: Event[]) => handle(db.database, 'inventory-service', handlers, ...events);
const adjustment = (menu_item_id: string, delta: number) =>
  anEvent('inventory.adjustment.requested.v1', menu_item_id, {
    adjustment_id: newId(),
    menu_item_id,
    delta,
    reason: 'count',
  });
const setThreshold = (id: string, lowStockThreshold: number) =>
  db.database.menuItem.update({ where: { id }, data: { lowStockThreshold } });
const isAlert = ({ type }: Event) => /low_stock|out_of_stock/.test(type);
const alerts = async () =>
  (await outbox(db.database)).filter(isAlert).map(({ type }) => type.replace(/inventory\.|\.v1/g, ''));

/** What the ledger says was to be told, as `kind item caused-by`, each as often. */
async function owed(thresholdOf: (item: string) => number): Promise<string[]> {
  const movements = await db.database.stockMovement.findMany({ orderBy: { id: 'asc' } });
  return movements.flatMap(({ menuItemId, delta, balance, causedBy }) => {
    const [before, threshold] = [balance - delta, thresholdOf(menuItemId)];
    return [
      ...(before > threshold && threshold >= balance ? [`low_stock ${menuItemId} ${causedBy}`] : []),
      ...(before > 0 && balance === 0 ? [`out_of_stock ${menuItemId} ${causedBy}`] : []),
    ];
  });
}

async function told(): Promise<string[]> {
  return (await outbox(db.database))
    .filter(isAlert)
    .map(
      ({ type, subject, causationid }) =>
        `${type.replace(/inventory\.|\.v1/g, '')} ${subject} ${causationid}`,
    );
}

it('whatever happens, in whatever batches and by however many at once, each crossing is told once', async () => {
  const { items } = await seedMenu(db.database, [0, 0, 0]);
  const thresholds = [0, 3, 10];
  for (const [index, id] of items.entries()) await setThreshold(id, thresholds[index]!);
  const line = fc.record({
    menu_item_id: fc.constantFrom(...items),
    quantity: fc.integer({ min: 1, max: 3 }),
  });
  const order = fc.record({
    lines: fc.array(line, { minLength: 1, maxLength: 4 }), // the same item in several lines, too
    cancelled: fc.boolean(),
    again: fc.boolean(),
  });
  const correction = fc.record({
    item: fc.constantFrom(...items),
    delta: fc.integer({ min: -9, max: 12 }).filter((delta) => delta !== 0),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(order, { minLength: 3, maxLength: 14 }),
      fc.array(correction, { maxLength: 8 }),
      fc.infiniteStream(fc.nat()),
      async (orders, corrections, chance) => {
        await reset(items, [4, 6, 12]);
        const events = orders.flatMap(({ lines, cancelled, again }): Event[] => {
          const placed = orderPlaced(lines);
          const cancel = cancelled ? [orderCancelled(placed.subject)] : [];
          return [placed, ...cancel, ...(again ? [{ ...placed, id: newId() }] : [])];
        });
        for (const { item, delta } of corrections) events.push(adjustment(item, delta));
        const shuffled = events
          .map((event) => [chance.next().value, event] as const)
          .sort((a, b) => a[0] - b[0])
          .map(([, event]) => event);
        await Promise.all(
          [0, 1, 2].map(async (worker) => {
            for (const batch of batchesOf(shuffled.filter((_, index) => index % 3 === worker)))
              await inventory(...batch);
          }),
        );
        // Delivered again when nobody remembers them.
        await db.database.processedEvent.deleteMany();
        for (const batch of batchesOf(shuffled)) await inventory(...batch);
        const due = await owed((item) => thresholds[items.indexOf(item)]!);
        expect((await told()).sort()).toEqual(due.sort());
      },
    ),
    { numRuns: 12 },
  );
});

/** Of one type each, as large as they get. */
function batchesOf(events: readonly Event[]): Event[][] {
  const types = [...new Set(events.map(({ type }) => type))];
  return types.map((type) => events.filter((event) => event.type === type));
}

async function reset(items: readonly string[], stock: readonly number[]): Promise<void> {
  await db.database
    .$executeRaw`TRUNCATE stock_movements, stock_reservations, adjustment_outcomes, processed_events, outbox_events`;
  for (const [index, menuItemId] of items.entries()) {
    const available = stock[index]!;
    await db.database.stockLevel.update({ where: { menuItemId }, data: { available } });
    await db.database.stockMovement.create({
      data: { menuItemId, kind: 'OPENING', delta: available, balance: available },
    });
  }
}

describe('one item', () => {
  const sell = (item: string, ...quantities: number[]) =>
    inventory(...quantities.map((quantity) => orderPlaced([{ menu_item_id: item, quantity }])));
  const itemOf = async (stock: number, threshold: number) =>
    (await seedMenu(db.database, [stock], { lowStockThreshold: threshold })).items[0]!;

  it('goes down, up and down again within one batch: each way down is told', async () => {
    const item = await itemOf(12, 10);
    await inventory(
      adjustment(item, -3),
      adjustment(item, 3),
      adjustment(item, -12),
      adjustment(item, 12),
      adjustment(item, -1),
    );
    expect(await alerts()).toEqual(['low_stock', 'low_stock', 'out_of_stock']);
    await sell(item, 1, 1);
    expect((await alerts()).length).toBe(4); // from 11 to 10, and not again from 10 to 9
  });

  it('with a threshold of 0 is low when it is out', async () => {
    const item = await itemOf(2, 0);
    await sell(item, 1, 1);
    expect(await alerts()).toEqual(['low_stock', 'out_of_stock']);
  });

  it('is not told of where the threshold moves, only where the stock does', async () => {
    const item = await itemOf(20, 10);
    await setThreshold(item, 30);
    await sell(item, 1); // it was low by that threshold already
    expect(await alerts()).toEqual([]);
    await setThreshold(item, 15);
    await sell(item, 4); // from 19 to 15
    await setThreshold(item, 10);
    await sell(item, 5); // from 15, which was above, to 10
    expect(await alerts()).toEqual(['low_stock', 'low_stock']);
  });

  it('that is refused, or whose order is short, is not told of', async () => {
    const item = await itemOf(12, 10);
    await inventory(adjustment(item, -13));
    await sell(item, 13);
    expect(await alerts()).toEqual([]);
  });

  it('is sold out once to eighty at once', async () => {
    const item = await itemOf(50, 10);
    await Promise.all(Array.from({ length: 80 }, () => sell(item, 1)));
    expect((await alerts()).sort()).toEqual(['low_stock', 'out_of_stock']);
  });
});
