import { exampleIds } from '../order-api/http/live-examples';
import { findOrderable, offerDemoMenu } from '../scripts/supervisor/demo-menu';
import { startMesh, type Mesh } from '../shared/testing/mesh';

let mesh: Mesh;
let apiUrl: string;
beforeAll(async () => {
  mesh = await startMesh();
  apiUrl = mesh.service('order-api').url;
});
afterAll(() => (mesh as Mesh | undefined)?.stop());

type Document = { paths: Record<string, Record<string, { requestBody?: unknown }>> };

test('the demo menu fills an empty shop once, with what the examples at /docs need', async () => {
  const said: string[] = [];
  expect(await findOrderable(apiUrl)).toBeUndefined();
  expect(await offerDemoMenu(apiUrl, (line) => said.push(line))).toBe(true);
  expect(said).toEqual([
    'The database was empty: added a demo menu, 5 dishes of Saffron Table',
    'Added 2 orders, 2 drafts and a stock adjustment',
  ]);
  const orders = await mesh.db.database.order.groupBy({
    by: ['status'],
    _count: true,
    orderBy: { status: 'asc' },
  });
  expect(orders.map(({ status, _count }) => [status, _count])).toEqual([
    ['DRAFT', 2],
    ['PREPARING', 2],
  ]);
  // No example names one of the ids that stand for what the shop has none of; a webhook it has once somebody adds one.
  const document = (await (await fetch(`${apiUrl}/openapi.json`)).json()) as Document;
  const text = JSON.stringify(document);
  const own = Object.entries(exampleIds).filter(([name]) => !/webhook|delivery/i.test(name));
  expect(own.filter(([, id]) => text.includes(id))).toEqual([]);

  expect(await offerDemoMenu(apiUrl, (line) => said.push(line))).toBe(false);
  expect(said).toHaveLength(2);
  expect(await mesh.db.database.restaurant.count()).toBe(1);

  const found = await findOrderable(apiUrl);
  const order = {
    restaurant_id: found?.restaurantId,
    items: [{ menu_item_id: found?.menuItemId, quantity: 2 }],
  };
  expect(await mesh.ask('POST', '/orders', order)).toMatchObject({ status: 202 });
});

test('an API that does not answer is named', async () => {
  await expect(offerDemoMenu('http://127.0.0.1:1', () => undefined)).rejects.toThrow(
    'No answer from http://127.0.0.1:1/api/v1/restaurants?limit=1',
  );
});
