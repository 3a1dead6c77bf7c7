import { openDatabase } from '../../../shared/service/database';
import { seedMenu } from '../../../shared/testing/seed';
import type { HttpRequest } from '../load/job';

/** A restaurant and what it sells. */
export interface Menu {
  restaurantId: string;
  items: string[];
}

export const RESTAURANTS = 50;
export const ITEMS = 10;
/** More than any run can sell, even of one item. */
const STOCK = 2_000_000_000;

/** Fifty restaurants with ten dishes each: a hundred orders at a time rarely meet on the same row. */
export async function makeMenus(databaseUrl: string): Promise<Menu[]> {
  const database = openDatabase({
    url: databaseUrl,
    poolSize: 2,
    applicationName: 'bench',
    onIdleError: () => undefined,
  });
  try {
    const menus: Menu[] = [];
    for (let made = 0; made < RESTAURANTS; made += 1)
      menus.push(
        await seedMenu(
          database,
          Array.from({ length: ITEMS }, () => STOCK),
        ),
      );
    return menus;
  } finally {
    await database.$disconnect();
  }
}

const REQUESTS = 500;

/** Orders of two lines, spread over all items; to be sent in turn. */
export const orderRequests = (menus: readonly Menu[]): HttpRequest[] =>
  Array.from({ length: REQUESTS }, (_, index) => {
    const menu = menus[index % menus.length] as Menu;
    const first = Math.floor(index / menus.length) % ITEMS;
    return orderRequest(menu, first, (first + 1 + (index % (ITEMS - 1))) % ITEMS, index);
  });

/** The same, but one item is in every order. */
export const hotItemRequests = ([menu]: readonly Menu[]): HttpRequest[] =>
  Array.from({ length: REQUESTS }, (_, index) =>
    orderRequest(menu as Menu, 0, 1 + (index % (ITEMS - 1)), index),
  );

const orderRequest = (
  { restaurantId, items }: Menu,
  first: number,
  second: number,
  index: number,
): HttpRequest => ({
  method: 'POST',
  path: '/api/v1/orders',
  body: {
    restaurant_id: restaurantId,
    customer_id: `customer-${index}`,
    items: [
      { menu_item_id: items[first], quantity: 1 },
      { menu_item_id: items[second], quantity: 2 },
    ],
  },
});
