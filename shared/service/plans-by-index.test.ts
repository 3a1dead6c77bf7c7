import { newId } from '../ids';
import { createTestDatabase, type TestDatabase } from '../testing/test-database';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

/** Which ways PostgreSQL takes: `Index Scan`, `Seq Scan`. */
async function ways(statement: string): Promise<string> {
  const rows = await db.database.$queryRawUnsafe<object[]>(`EXPLAIN ${statement}`);
  return JSON.stringify(rows);
}

test('rows are looked up by their index also where statistics say that a table is empty', async () => {
  await db.database.$executeRawUnsafe('VACUUM ANALYZE orders, outbox_events');
  const locked = await ways(
    `SELECT id, status, total_amount FROM orders WHERE id = ANY('{${newId()},${newId()}}'::uuid[]) ORDER BY id FOR UPDATE`,
  );
  expect(locked).toContain('Index Scan using orders_pkey');
  const ready = await ways(
    'SELECT seq FROM outbox_events WHERE next_attempt_at IS NULL ORDER BY seq LIMIT 500',
  );
  expect(ready).toContain('using outbox_events_ready');
  expect(ready).not.toMatch(/Sort|Bitmap|Seq Scan/);
});

test('nothing is compiled, or given to helpers, for a price that is only a prohibition', async () => {
  const plan = await ways('SELECT count(*) FROM orders WHERE correlation_id IS NOT NULL'); // has no index
  expect(plan).not.toMatch(/JIT|Gather/);
  const settings = await db.database.$queryRaw<{ name: string; setting: string }[]>`
    SELECT name, setting FROM pg_settings WHERE name IN ('jit', 'max_parallel_workers_per_gather') ORDER BY name`;
  expect(settings.map(({ setting }) => setting)).toEqual(['off', '0']);
});
