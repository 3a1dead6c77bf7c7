import { DEMO_CUSTOMER } from './live-examples';
import { routes } from '../routes';
import type { AnyBody } from '../testing/test-api';
import { giveDelivery } from '../testing/test-deliveries';
import { openTestShop } from '../testing/test-shop';

// "Execute" in Swagger UI, as it is generated: the examples of the served document, sent as they are.

const shop = openTestShop([500, 500]);

async function anOrder(status: string): Promise<string> {
  const { body } = await shop.api.post('/orders', {
    restaurant_id: shop.restaurantId,
    items: [{ menu_item_id: shop.items[0], quantity: 1 }],
    customer_id: DEMO_CUSTOMER,
  });
  const id = body.order_id as string;
  await shop.api.database.order.update({ where: { id }, data: { status } });
  return id;
}

beforeAll(async () => {
  for (const path of ['/webhooks', `/restaurants/${shop.restaurantId}/webhooks`])
    for (const nth of [1, 2]) {
      const { body } = await shop.api.post(path, { url: 'https://shop.example/hook' });
      if (nth === 1) await giveDelivery(shop.api.database, body.webhook_id);
    }
  for (const status of ['PREPARING', 'PREPARING']) await anOrder(status);
  for (const _ of [1, 2]) await shop.draft(undefined, { customer_id: DEMO_CUSTOMER });
  await shop.api.post(`/inventory/${shop.items[0]}/adjustments`, { delta: 1, reason: 'count' });
});

const served = async () => (await shop.api.get('//openapi.json')).body as AnyBody;

test.each(routes.map(({ name, method, path, answers }) => ({ name, method, path, answers })))(
  'the example of $name works as it stands',
  async ({ method, path, answers }) => {
    const operation = (await served()).paths[`/api/v1${path}`][method] as AnyBody;
    const parameters = (operation.parameters ?? []) as {
      in: string;
      name: string;
      example?: string;
      required?: boolean;
    }[];
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const example = parameters.find((one) => one.in === 'path' && one.name === name)?.example;
      expect([path, name, example]).toEqual([path, name, expect.any(String)]);
      return example ?? '';
    });
    // Optional ones without an example are left empty by Swagger UI, and not sent.
    expect(parameters.filter((one) => one.in === 'query' && one.example !== undefined)).toEqual([]);
    const json = operation.requestBody?.content['application/json'].example as object | undefined;
    const reply = await shop.api.call(method.toUpperCase(), filled, json ? { json } : {});
    expect([reply.status, reply.text]).toEqual([expect.any(Number), expect.any(String)]);
    expect(Object.keys(answers)).toContain(String(reply.status));
  },
);

test('every operation is called by a verb', async () => {
  const verbs =
    /^(place|list|get|change|approve|move|cancel|add|adjust|follow|remove|rotate|test|recover|resend)[A-Z]\w+$/;
  for (const { name } of routes) expect(name).toMatch(verbs);
});
