import { pino } from 'pino';
import { newId } from '../../shared/ids';
import { seedMenu } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';
import { watchBacklog } from '../orders/backlog';
import { serve, startTestApi, type ApiClient, type TestApi } from '../testing/test-api';

let api: TestApi;
let line: object;
let restaurantId: string;

beforeAll(async () => {
  api = await startTestApi();
  const seeded = await seedMenu(api.database, [50]);
  restaurantId = seeded.restaurantId;
  line = { menu_item_id: seeded.items[0], quantity: 1 };
});
afterAll(() => api.stop());

const place = (client: ApiClient, more: object = {}) =>
  client.call('POST', '/orders', { json: { restaurant_id: restaurantId, items: [line], ...more } });

test('beyond the requests that may be in progress, one more is told when to come again, and nothing is done', async () => {
  const small = await serve(api.database, { mostInProgress: 2 });
  const orders = () => api.database.order.count();
  const before = await orders();
  let sent: ReturnType<typeof place>[] = [];
  await api.database.$transaction(
    async (tx) => {
      await tx.$executeRaw`LOCK TABLE orders IN ACCESS EXCLUSIVE MODE`;
      sent = [place(small), place(small), place(small)];
      const reply = await Promise.race(sent); // the others wait for the lock
      expect(reply).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1', 'content-type': expect.stringContaining('application/problem+json') },
        body: { type: 'urn:ordermesh:problem:overloaded', status: 503, instance: '/api/v1/orders' },
      });
      expect((await small.get('//healthz')).status).toBe(200);
    },
    { timeout: 20_000 },
  );
  expect((await Promise.all(sent)).map(({ status }) => status).sort((a, b) => a - b)).toEqual([
    202, 202, 503,
  ]);
  expect((await place(small)).status).toBe(202);
  expect(await orders()).toBe(before + 3);
  await small.stop();
});

test('while too many orders wait, none is taken or approved; all else goes on, and so do they when fewer wait', async () => {
  await api.database.$executeRaw`UPDATE orders SET status = 'PREPARING' WHERE status = 'PLACED'`;
  const backlog = watchBacklog(api.database, 2, pino({ level: 'silent' }));
  const bounded = await serve(api.database, { backlog });
  const draft = (await place(bounded, { draft: true })).body.order_id as string;
  const placed = [await place(api), await place(api)];
  const refusal = {
    status: 503,
    headers: { 'retry-after': '5' },
    body: { type: 'urn:ordermesh:problem:overloaded' },
  };

  // Refused for its restaurant, unless before.
  const probe = () => bounded.call('POST', '/orders', { json: { restaurant_id: newId(), items: [line] } });
  const approve = (id: string) => bounded.post(`/orders/${id}/approve`);
  await until('the backlog to be seen', async () => (await probe()).status === 503);
  expect(await approve(draft)).toMatchObject(refusal);
  expect(await place(bounded)).toMatchObject(refusal);
  expect((await place(bounded, { draft: true })).status).toBe(201);
  expect((await bounded.get(`/orders/${placed[0]?.body.order_id}`)).status).toBe(200);
  expect((await bounded.post(`/orders/${placed[0]?.body.order_id}/cancel`)).status).toBe(200);
  await until('fewer to be seen', async () => (await probe()).status === 422);
  expect((await approve(draft)).status).toBe(202);
  await bounded.stop();
  await backlog.stop();
});
