import { Client } from 'pg';
import { sessionConfig } from '../../shared/service/session-settings';

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

/** Something that can be ordered, for the commands that `npm start` prints. */
export interface Orderable {
  restaurantId: string;
  menuItemId: string;
}

/** Makes a small menu through the REST API, as a client would, if there is no restaurant yet. */
export async function offerDemoMenu(
  apiUrl: string,
  databaseUrl: string,
  say: (line: string) => void,
): Promise<void> {
  const [row] = await query<{ empty: boolean }>(
    databaseUrl,
    'SELECT NOT EXISTS (SELECT FROM restaurants) AS empty',
  );
  if (!row?.empty) return;
  const { restaurant_id } = await post<{ restaurant_id: string }>(
    `${apiUrl}/api/v1/inventory/add/restaurant`,
    restaurant,
  );
  for (const item of items) await post(`${apiUrl}/api/v1/inventory/add/${restaurant_id}/item`, item);
  say(`The database was empty: added a demo menu, ${items.length} dishes of ${restaurant.name}`);
}

/** Any item that is on sale and in stock. */
export async function findOrderable(databaseUrl: string): Promise<Orderable | undefined> {
  const [row] = await query<Orderable>(
    databaseUrl,
    `SELECT item.restaurant_id AS "restaurantId", item.id AS "menuItemId"
       FROM menu_items item JOIN stock_levels stock ON stock.menu_item_id = item.id
      WHERE item.on_sale AND stock.available >= 2
      ORDER BY item.created_at, item.id LIMIT 1`,
  );
  return row;
}

async function query<Row extends object>(databaseUrl: string, sql: string): Promise<Row[]> {
  const client = new Client({
    ...sessionConfig(databaseUrl, {
      kind: 'command',
      applicationName: 'ordermesh-start',
      connectTimeoutMs: 5_000,
    }),
    query_timeout: 5000,
  });
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function post<Answer>(url: string, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${url} answered ${response.status}: ${text}`);
  return JSON.parse(text) as Answer;
}
