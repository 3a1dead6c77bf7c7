import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { seedMenu } from '../../shared/testing/seed';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { follow, type EventClient } from '../testing/event-client';

// The compiled process, so that what it takes is its own: npm test has built it.
const MAIN = path.join(__dirname, '..', '..', 'dist', 'order-api', 'main.js');

let db: TestDatabase;
let child: ChildProcess;
let url: string;
beforeAll(async () => {
  db = await createTestDatabase();
  const environment = { PATH: process.env.PATH, DATABASE_URL: db.url, PORT: '0', MAX_STREAMS: '1000' };
  child = spawn(process.execPath, [MAIN], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const port = await until('it listens', () => /"port":(\d+)/.exec(output)?.[1]);
  url = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  child?.kill('SIGKILL');
  await db?.drop();
});

const megabytes = () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)]).toString()) / 1024;

async function post(address: string, body: object): Promise<{ order_id: string }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/api/v1${address}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  expect(response.ok).toBe(true);
  return (await response.json()) as { order_id: string };
}

it('a thousand streams take little memory, are all told, and end as soon as the process stops', async () => {
  const { restaurantId } = await seedMenu(db.database, [1_000]);
  const order = { restaurant_id: restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] };
  const ids: string[] = [];
  for (let count = 0; count < 50; count += 1) ids.push((await post('/orders', order)).order_id);

  const before = megabytes();
  const ofOrders: EventClient[] = [];
  const ofRestaurant: EventClient[] = [];
  for (let group = 0; group < 20; group += 1) {
    ofOrders.push(...(await Promise.all(ids.slice(0, 40).map((id) => follow(url, `/orders/${id}/events`)))));
    const some = Array.from({ length: 10 }, () => follow(url, `/restaurants/${restaurantId}/orders/events`));
    ofRestaurant.push(...(await Promise.all(some)));
  }
  const all = [...ofOrders, ...ofRestaurant];
  await Promise.all(all.map((client) => client.atLeast(1)));
  expect(all).toHaveLength(1_000);
  expect(megabytes() - before).toBeLessThan(100);
  expect((await fetch(`${url}/api/v1/orders/${ids[0]}/events`)).status).toBe(503);

  for (const id of ids) await post(`/orders/${id}/cancel`, {});
  for (const client of ofOrders) expect((await client.ended()).map((event) => event.id)).toEqual(['1', '2']);
  for (const client of ofRestaurant)
    expect((await client.atLeast(51)).map(({ data }) => data.order_id)).toEqual([undefined, ...ids]);
  expect(megabytes() - before).toBeLessThan(100);

  const exited = once(child, 'exit');
  const stoppedAt = Date.now();
  child.kill('SIGTERM');
  for (const client of ofRestaurant) await client.ended();
  expect(Date.now() - stoppedAt).toBeLessThan(2_000);
  expect(ofRestaurant[0]?.comments.at(-1)).toContain('connect again');
  expect(await exited).toEqual([0, null]);
  expect(Date.now() - stoppedAt).toBeLessThan(5_000);
});
