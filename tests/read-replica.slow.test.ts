import { pino } from 'pino';
import { register } from 'prom-client';
import { openDatabase, type Database } from '../shared/service/database';
import { migrate, startPostgresPair, type PostgresPair } from './own-postgres-pair';
import { until } from '../shared/testing/until';
import { routes } from '../order-api/routes';
import { serve, type ApiClient } from '../order-api/testing/test-api';
import { openReads, type Reads } from '../order-api/reads/reads';

let pair: PostgresPair | undefined;
let primary: Database;
let reads: Reads;
let api: ApiClient;
let item: string;
const said: string[] = [];
const log = pino(
  { level: 'info' },
  { write: (line) => void said.push((JSON.parse(line) as { msg: string }).msg) },
);

beforeAll(async () => {
  pair = await startPostgresPair();
  if (!pair) return;
  migrate(pair.primary.url);
  primary = openDatabase({
    url: pair.primary.url,
    poolSize: 5,
    applicationName: 'test',
    onIdleError: () => undefined,
  });
  reads = openReads({ primary, url: pair.standby.url, poolSize: 5, log });
  api = await serve(primary, { reads });
  const restaurant = await api.post('/inventory/add/restaurant', { name: 'Tandoor' });
  const added = await api.post(`/inventory/add/${restaurant.body.restaurant_id}/item`, {
    name: 'Dal',
    price: '1.00',
    available_qty: 1_000,
  });
  item = added.body.menu_item_id;
  await goesToReplica();
}, 60_000);

afterAll(async () => {
  if (!pair) return;
  await api?.stop();
  await reads?.stop();
  await primary?.$disconnect();
  await pair.stop();
});

type Outcome = 'replica' | 'behind' | 'away' | 'failed';

async function count(outcome: Outcome): Promise<number> {
  const metric = await register.getSingleMetric('ordermesh_replica_reads_total')!.get();
  return metric.values.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
}

/** What of an outcome there was more after some work. */
async function counted(outcome: Outcome, work: () => Promise<unknown>): Promise<number> {
  const before = await count(outcome);
  await work();
  return (await count(outcome)) - before;
}

const goesToReplica = () =>
  until(
    'reads to go to the replica',
    async () => (await counted('replica', () => api.get('/restaurants'))) > 0,
  );

let price = 1;
/** Writes, and reads what was written at once. */
async function writeAndRead(): Promise<void> {
  price += 1;
  const written = { price: `${price}.00` };
  expect((await api.patch(`/inventory/${item}`, written)).status).toBe(200);
  expect((await api.get(`/inventory/${item}`)).body).toMatchObject(written);
}

test('everybody reads what was just written, and the replica is what answers', async () => {
  if (!pair) return;
  const done = await counted('replica', async () => {
    for (let turn = 0; turn < 40; turn++) await writeAndRead();
    await Promise.all(Array.from({ length: 40 }, () => api.get(`/inventory/${item}`)));
  });
  expect(done).toBeGreaterThan(20); // a loaded machine lets it fall behind now and then
  for (const path of ['/orders', '/restaurants', '/analytics/summary', '/analytics/sales'])
    expect([path, (await api.get(path)).status < 500]).toEqual([path, true]);
});

test('a replica that is behind answers nothing, until it has caught up', async () => {
  if (!pair) return;
  await pair.standby.query('SELECT pg_wal_replay_pause()');
  said.length = 0;
  const behind = await counted('behind', async () => {
    for (let turn = 0; turn < 10; turn++) await writeAndRead();
  });
  expect(behind).toBeGreaterThanOrEqual(9);
  await until('it to be told once', () => said.some((line) => line.startsWith('the replica is behind')));
  await pair.standby.query('SELECT pg_wal_replay_resume()');
  await goesToReplica();
  await until('that it has caught up', () => said.includes('the replica has caught up'));
  expect(said.filter((line) => line.startsWith('the replica is behind'))).toHaveLength(1);
});

test('a replica that hangs holds up nobody, one whose read had begun included', async () => {
  if (!pair) return;
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const servers: unknown[] = [];
  const long = reads.read(async (database) => {
    servers.push(database);
    begun();
    const slow = database === primary ? 0 : 60;
    const [row] = await database.$queryRaw<{ one: number }[]>`SELECT 1 AS one FROM pg_sleep(${slow}::int)`;
    return row?.one;
  });
  await hasBegun;
  pair.standby.freeze();
  try {
    expect(await long).toBe(1);
    expect(servers).toHaveLength(2);
    for (let turn = 0; turn < 5; turn++) await writeAndRead();
    expect(await counted('away', writeAndRead)).toBe(1);
  } finally {
    pair.standby.thaw();
  }
  await goesToReplica();
});

test('a replica that is gone is done without, and used again when it is back', async () => {
  if (!pair) return;
  await Promise.all([pair.standby.crash(), ...Array.from({ length: 20 }, writeAndReadOnce)]);
  await until('it to be missed', async () => (await counted('away', writeAndRead)) === 1);
  await pair.standby.start();
  await goesToReplica();
  await writeAndRead();
});

const writeAndReadOnce = async () => {
  expect((await api.get(`/inventory/${item}`)).status).toBe(200);
};

test('of what is answered by what has a position or an outcome, nothing comes from a replica', () => {
  const free = routes.filter((route) => route.replicaMayAnswer);
  expect(free.filter((route) => route.method !== 'get' || route.streams || route.afterwards)).toEqual([]);
  const names = free.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['getOrder', 'listOrders', 'getMenu', 'getAnalyticsSummary']));
  for (const never of ['getTimeline', 'followOrder', 'followRestaurant', 'getAdjustment'])
    expect(names).not.toContain(never);
});

// The last: after it there is no replica any more.
test('a replica that was promoted is a replica no more', async () => {
  if (!pair) return;
  await pair.standby.query('SELECT pg_promote()');
  await until('it to be left', async () => (await counted('away', writeAndRead)) === 1);
  expect(said).toContain('the replica cannot be read; reads go to the primary');
  await writeAndRead();
  expect(await counted('replica', writeAndRead)).toBe(0);
});
