import { seedMenu } from '../../shared/testing/seed';
import { startTestApi, type TestApi } from './test-api';

/** An API that runs for the tests of one file, and a restaurant that sells there. */
export interface TestShop {
  api: TestApi;
  restaurantId: string;
  /** Ids of its items: `DISH-1`, `DISH-2` and so on. */
  items: string[];
  /** A new draft. Without lines: one of the first item. @returns its id */
  draft(lines?: object[], more?: object): Promise<string>;
  /** The order as the API shows it. */
  read(id: string): Promise<Awaited<ReturnType<TestApi['get']>>['body']>;
}

/**
 * Starts it before the file's tests and stops it after them; what it returns is filled by then.
 * @param stock how many there are of each item
 */
export function openTestShop(stock: number[]): TestShop {
  const shop = {
    draft: async (lines, more) => {
      const items = lines ?? [{ menu_item_id: shop.items[0], quantity: 1 }];
      const order = { restaurant_id: shop.restaurantId, items, draft: true, ...more };
      return (await shop.api.post('/orders', order)).body.order_id as string;
    },
    read: async (id) => (await shop.api.get(`/orders/${id}`)).body,
  } as TestShop;
  beforeAll(async () => {
    shop.api = await startTestApi();
    Object.assign(shop, await seedMenu(shop.api.database, stock));
  });
  afterAll(() => shop.api?.stop()); // there is none where it did not start
  return shop;
}
