import { newId } from '../ids';
import type { Database } from '../service/database';

/** A restaurant, and items with their stock and opening movement, as order-api makes them. */
export async function seedMenu(
  database: Database,
  stock: readonly number[],
  options: { lowStockThreshold?: number } = {},
): Promise<{ restaurantId: string; items: string[] }> {
  const restaurantId = newId();
  await database.restaurant.create({ data: { id: restaurantId, name: 'Tandoor' } });
  const items = stock.map(() => newId());
  await database.menuItem.createMany({
    data: items.map((id, index) => ({
      id,
      restaurantId,
      name: `Dish ${index + 1}`,
      sku: `DISH-${index + 1}`,
      price: '100.00',
      lowStockThreshold: options.lowStockThreshold ?? 10,
    })),
  });
  await database.stockLevel.createMany({
    data: items.map((menuItemId, index) => ({ menuItemId, available: stock[index] ?? 0 })),
  });
  await database.stockMovement.createMany({
    data: items.map((menuItemId, index) => ({
      menuItemId,
      kind: 'OPENING',
      delta: stock[index] ?? 0,
      balance: stock[index] ?? 0,
    })),
  });
  return { restaurantId, items };
}

/** @throws when some item's stock is not the sum of its movements, or a movement's balance not the sum so far */
export async function checkLedger(database: Database): Promise<void> {
  const wrong = await database.$queryRaw<unknown[]>`
    SELECT s.menu_item_id, s.available, sum(m.delta) AS ledger FROM stock_levels s
    JOIN stock_movements m ON m.menu_item_id = s.menu_item_id
    GROUP BY s.menu_item_id HAVING s.available <> sum(m.delta) OR s.available < 0`;
  const crooked = await database.$queryRaw<unknown[]>`
    SELECT * FROM (
      SELECT *, sum(delta) OVER (PARTITION BY menu_item_id ORDER BY id) AS running FROM stock_movements) m
    WHERE balance <> running`;
  const shown = JSON.stringify([...wrong, ...crooked], (_key, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
  if (shown !== '[]') throw new Error(`the ledger does not explain the stock: ${shown}`);
}
