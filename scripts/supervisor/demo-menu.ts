import { get, post } from './call-api';
import { addDemoOrders } from './demo-orders';

const restaurant = { name: 'Saffron Table' };
const items = [
  {
    sku: 'BIRYANI-HYD',
    name: 'Hyderabadi Chicken Biryani',
    price: 450,
    available_qty: 50,
    category: 'Mains',
  },
  { sku: 'PANEER-BTR', name: 'Paneer Butter Masala', price: 320, available_qty: 40, category: 'Mains' },
  { sku: 'DOSA-MASALA', name: 'Masala Dosa', price: 140, available_qty: 60, category: 'South Indian' },
  { sku: 'NAAN-GARLIC', name: 'Garlic Naan', price: 70, available_qty: 120, category: 'Breads' },
  { sku: 'LASSI-MANGO', name: 'Mango Lassi', price: 110.5, available_qty: 30, category: 'Drinks' },
];

/** Something that can be ordered, for the commands that are printed. */
export interface Orderable {
  restaurantId: string;
  menuItemId: string;
}

/**
 * Adds a small menu and a few orders through the REST API, as a client would, if the shop has no restaurant yet.
 * The orders are those that the examples at /docs need.
 * @returns whether anything was added
 * @throws {UserError} where the API does not answer, or refuses
 */
export async function offerDemoMenu(apiUrl: string, say: (line: string) => void): Promise<boolean> {
  const { restaurants } = await get<{ restaurants: unknown[] }>(apiUrl, '/restaurants?limit=1');
  if (restaurants.length > 0) return false;
  const { restaurant_id } = await post<{ restaurant_id: string }>(
    apiUrl,
    '/inventory/add/restaurant',
    restaurant,
  );
  const ids: string[] = [];
  for (const item of items) {
    const path = `/inventory/add/${restaurant_id}/item`;
    ids.push((await post<{ menu_item_id: string }>(apiUrl, path, item)).menu_item_id);
  }
  say(`The database was empty: added a demo menu, ${items.length} dishes of ${restaurant.name}`);
  await addDemoOrders(apiUrl, restaurant_id, ids, say);
  return true;
}

interface Menu {
  items: { menu_item_id: string; on_sale: boolean; available_qty: number }[];
}

/** An item of the oldest restaurants that is on sale and in stock; undefined where there is none. */
export async function findOrderable(apiUrl: string): Promise<Orderable | undefined> {
  const page = await get<{ restaurants: { restaurant_id: string }[] }>(apiUrl, '/restaurants?limit=10');
  for (const { restaurant_id } of page.restaurants) {
    const menu = await get<Menu>(apiUrl, `/restaurants/${restaurant_id}/menu`);
    const item = menu.items.find(({ on_sale, available_qty }) => on_sale && available_qty >= 2);
    if (item) return { restaurantId: restaurant_id, menuItemId: item.menu_item_id };
  }
  return undefined;
}
