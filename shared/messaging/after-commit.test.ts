import { createTestDatabase, type TestDatabase } from '../testing/test-database';
import { soldOut, TYPE } from '../testing/consumer-bench';
import { afterCommit } from './after-commit';
import { handleBatch } from './handle-batch';

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());

it('what a handler wants done after its commit is done then, and not where it fails', async () => {
  const told: string[] = [];
  const event = soldOut();
  const handled = () => db.database.processedEvent.count({ where: { eventId: event.id } });
  const attempt = (fails: boolean) =>
    handleBatch(
      db.database,
      'test-service',
      {
        [TYPE]: async (tx) => {
          afterCommit(tx, () => told.push('one'));
          afterCommit(tx, () => told.push('another'));
          if (fails) throw new Error('no');
          return [];
        },
      },
      [{ event, attempt: 1 }],
    );
  await expect(attempt(true)).rejects.toThrow('no');
  expect(told).toEqual([]);
  await attempt(false);
  expect(told).toEqual(['one', 'another']);
  expect(await handled()).toBe(1);
});
