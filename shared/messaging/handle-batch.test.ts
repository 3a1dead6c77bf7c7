import { newId } from '../ids';
import { anEvent } from '../testing/events';
import { createTestDatabase, transactionsOf, type TestDatabase } from '../testing/test-database';
import type { Tx } from '../service/database';
import { handleBatch } from './handle-batch';
import type { HandlerTable } from './handler';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.$executeRaw`CREATE TABLE handled_once (event_id uuid PRIMARY KEY)`;
});
afterAll(() => db.drop());

const someEvent = () => {
  const item = newId();
  return anEvent('inventory.out_of_stock.v1', item, {
    menu_item_id: item,
    restaurant_id: newId(),
    name: 'Dal',
    available_qty: 0,
    low_stock_threshold: 5,
  });
};

test('a batch with events that were handled before is handled without them, also where twice would fail', async () => {
  const [known, first, second] = [someEvent(), someEvent(), someEvent()];
  const handlers: HandlerTable = {
    'inventory.out_of_stock.v1': async (tx: Tx, events) => {
      await tx.$executeRaw`INSERT INTO handled_once SELECT unnest(${events.map(({ id }) => id)}::uuid[])`;
      return [];
    },
  };
  const ids = async (...events: { id: string }[]) => {
    const attempts = events.map((event) => ({ event: event as typeof known, attempt: 1 }));
    const fresh = await handleBatch(transactionsOf(db.database), 'a-consumer', handlers, attempts);
    return events.filter(({ id }) => [...fresh].some((identity) => identity.includes(id)));
  };
  expect(await ids(known)).toEqual([known]);
  expect(await ids(known)).toEqual([]);
  expect(await ids(first, known, second)).toEqual([first, second]);
  expect(await ids(first, first)).toEqual([]);
});
