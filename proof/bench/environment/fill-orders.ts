import { uuidAt } from './fill-tables';
import type { Menu } from './menu';
import type { World } from './world';

/** Per statement: each is a transaction of bounded size, and says how far it has come. */
const CHUNK = 250_000;

/**
 * Orders that were prepared long ago, with their lines and their history. Made inside the database, with the
 * newest at the ends of the indexes. (No stock movements or events: what is measured does not read them.)
 */
export async function fillOrders(
  { query }: World,
  menus: readonly Menu[],
  orders: number,
  onProgress: (done: number) => void,
): Promise<void> {
  const lists = JSON.stringify(menus.map(({ restaurantId, items }) => ({ restaurantId, items })));
  for (let done = 0; done < orders; done += CHUNK) {
    const rows = Math.min(CHUNK, orders - done);
    await query(
      `WITH menus AS MATERIALIZED (
         SELECT number - 1 AS number, (menu ->> 'restaurantId')::uuid AS restaurant_id, menu -> 'items' AS items
         FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS m (menu, number)
       ), made AS MATERIALIZED (
         SELECT ${uuidAt('60000 * 60 - n')} AS id, n, restaurant_id, items
         FROM generate_series($2::bigint + 1, $2::bigint + $3::bigint) AS n JOIN menus ON menus.number = n % ${menus.length}
       ), new_orders AS (
         INSERT INTO orders (id, version, restaurant_id, customer_id, status, currency, total_amount, correlation_id, created_at, placed_at)
         SELECT id, 2, restaurant_id, 'customer-' || n % 100000, 'PREPARING', 'INR', 300, id::text, now() - interval '1 hour',
           now() - interval '1 hour' FROM made
       ), lines AS (
         INSERT INTO order_lines (order_id, menu_item_id, position, name, price, quantity)
         SELECT id, (items ->> ((n + position) % jsonb_array_length(items))::int)::uuid, position, 'Dish', 100, 1 + position
         FROM made, generate_series(0, 1) AS position
       )
       INSERT INTO order_status_history (order_id, restaurant_id, version, from_status, to_status, actor)
       SELECT id, restaurant_id, version, from_status, to_status, actor
       FROM made, (VALUES (1, NULL, 'PLACED', 'CUSTOMER'), (2, 'PLACED', 'PREPARING', 'MESH')) AS m (version, from_status, to_status, actor)`,
      [lists, done, rows],
    );
    onProgress(done + rows);
  }
}
