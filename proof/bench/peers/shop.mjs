import { randomUUID } from 'node:crypto';

// The job, as each of the peers does it: the same tables and statements, so that what differs is the way from the
// request to the worker. Tables and columns that the bench reads have the mesh's names.

export const schema = `
CREATE TABLE restaurants (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE menu_items (
  id uuid PRIMARY KEY, restaurant_id uuid NOT NULL REFERENCES restaurants, name text NOT NULL, price numeric(12,2) NOT NULL,
  available_qty int NOT NULL CHECK (available_qty >= 0));
CREATE TABLE orders (
  id uuid PRIMARY KEY, restaurant_id uuid NOT NULL REFERENCES restaurants, customer_id text, status text NOT NULL,
  total_amount numeric(14,2) NOT NULL, placed_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON orders (placed_at) WHERE status = 'PLACED';
CREATE INDEX ON orders (restaurant_id, id);
CREATE TABLE order_lines (
  order_id uuid NOT NULL REFERENCES orders, position int NOT NULL, menu_item_id uuid NOT NULL, name text NOT NULL,
  price numeric(12,2) NOT NULL, quantity int NOT NULL CHECK (quantity > 0), PRIMARY KEY (order_id, position));
CREATE TABLE order_status_history (
  order_id uuid NOT NULL REFERENCES orders, to_status text NOT NULL, moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (order_id, to_status));
CREATE TABLE stock_movements (
  order_id uuid NOT NULL, menu_item_id uuid NOT NULL, delta int NOT NULL, moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (order_id, menu_item_id));
CREATE TABLE notifications (
  id uuid PRIMARY KEY, order_id uuid NOT NULL, text text NOT NULL, created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON notifications (order_id);`;

const STOCK = 2_000_000_000;

/** Fills the tables with so many restaurants. @returns {Promise<{ restaurantId: string, items: string[] }[]>} */
export async function fillMenus(client, restaurants, items) {
  const menus = Array.from({ length: restaurants }, () => ({
    restaurantId: randomUUID(),
    items: Array.from({ length: items }, () => randomUUID()),
  }));
  for (const menu of menus) {
    await client.query(`INSERT INTO restaurants VALUES ($1, 'Restaurant')`, [menu.restaurantId]);
    await client.query(
      `INSERT INTO menu_items SELECT id, $1, 'Dish', 100, $3 FROM unnest($2::uuid[]) AS id`,
      [menu.restaurantId, menu.items, STOCK],
    );
  }
  return menus;
}

/** Work in one transaction on a connection of its own. */
export async function inTransaction(pool, work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Order, lines and the first of its history, at the menu's prices. @returns the answer, or undefined for an unknown item */
export async function placeOrder(client, { restaurant_id, customer_id, items }) {
  const id = randomUUID();
  const { rows } = await client.query({
    name: 'place order',
    text: `
      WITH wanted AS (
        SELECT w.position, w.quantity, m.id AS item, m.name, m.price
        FROM unnest($4::uuid[], $5::int[]) WITH ORDINALITY AS w (item, quantity, position)
        JOIN menu_items m ON m.id = w.item AND m.restaurant_id = $2),
      new_order AS (
        INSERT INTO orders (id, restaurant_id, customer_id, status, total_amount)
        SELECT $1, $2, $3, 'PLACED', sum(price * quantity) FROM wanted HAVING count(*) = cardinality($4::uuid[])
        RETURNING id, total_amount),
      new_lines AS (
        INSERT INTO order_lines (order_id, position, menu_item_id, name, price, quantity)
        SELECT o.id, w.position, w.item, w.name, w.price, w.quantity FROM new_order o, wanted w),
      new_history AS (INSERT INTO order_status_history (order_id, to_status) SELECT id, 'PLACED' FROM new_order)
      SELECT total_amount FROM new_order`,
    values: [
      id,
      restaurant_id,
      customer_id,
      items.map((item) => item.menu_item_id),
      items.map((item) => item.quantity),
    ],
  });
  return rows[0] && { order_id: id, status: 'PLACED', total_amount: Number(rows[0].total_amount) };
}

/**
 * Takes the stock of orders that are PLACED, all lines of an order or none, with a movement each. Of orders that had it
 * taken before, nothing. @returns the ids of those that have their stock
 */
export async function takeStock(client, orderIds) {
  const { rows: placed } = await client.query({
    name: 'lock orders',
    text: `SELECT id, EXISTS (SELECT 1 FROM stock_movements m WHERE m.order_id = o.id) AS done
      FROM orders o WHERE id = ANY ($1::uuid[]) AND status = 'PLACED' ORDER BY id FOR UPDATE`,
    values: [orderIds],
  });
  const done = placed.filter((order) => order.done).map(({ id }) => id);
  const open = placed.filter((order) => !order.done).map(({ id }) => id);
  if (open.length === 0) return done;
  const { rows: lines } = await client.query({
    name: 'lock stock',
    text: `SELECT l.order_id, l.menu_item_id, l.quantity, i.available_qty FROM order_lines l
      JOIN menu_items i ON i.id = l.menu_item_id WHERE l.order_id = ANY ($1::uuid[]) ORDER BY i.id FOR NO KEY UPDATE OF i`,
    values: [open],
  });
  const left = new Map(lines.map((line) => [line.menu_item_id, line.available_qty]));
  const takes = [];
  const taken = open.filter((id) => {
    const own = lines.filter((line) => line.order_id === id);
    if (own.some((line) => left.get(line.menu_item_id) < line.quantity)) return false;
    for (const line of own) left.set(line.menu_item_id, left.get(line.menu_item_id) - line.quantity);
    takes.push(...own);
    return true;
  });
  await client.query({
    name: 'take stock',
    text: `
      WITH moved AS (
        INSERT INTO stock_movements (order_id, menu_item_id, delta)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[]) RETURNING menu_item_id, delta)
      UPDATE menu_items i SET available_qty = available_qty + sums.delta
      FROM (SELECT menu_item_id, sum(delta)::int AS delta FROM moved GROUP BY 1) AS sums WHERE i.id = sums.menu_item_id`,
    values: [
      takes.map((line) => line.order_id),
      takes.map((line) => line.menu_item_id),
      takes.map((line) => -line.quantity),
    ],
  });
  return [...done, ...taken];
}

/** Moves orders on to PREPARING, with their history and a notification; those that are there already stay. */
export async function prepare(client, orderIds) {
  if (orderIds.length === 0) return;
  await client.query({
    name: 'prepare',
    text: `
      WITH moved AS (
        UPDATE orders SET status = 'PREPARING' WHERE id = ANY ($1::uuid[]) AND status = 'PLACED' RETURNING id),
      new_history AS (INSERT INTO order_status_history (order_id, to_status) SELECT id, 'PREPARING' FROM moved)
      INSERT INTO notifications (id, order_id, text)
      SELECT gen_random_uuid(), id, 'Everything is in stock and the kitchen has it.' FROM moved`,
    values: [orderIds],
  });
}
