import { totalOf, type Decimal } from '../../shared/money';
import type { Database, Prisma } from '../../shared/service/database';
import { unprocessable, type FieldError } from '../http/problem';
import type { RequestedLine } from './fields';

/** A line as it is sold: item, name and price copied from the menu. */
export interface PricedLine {
  menu_item_id: string;
  sku: string | null;
  name: string;
  price: Prisma.Decimal;
  quantity: number;
}

export interface PricedOrder {
  currency: string;
  lines: PricedLine[];
  total: Decimal;
}

interface MenuRow {
  currency: string;
  id: string | null;
  sku: string | null;
  name: string;
  price: Prisma.Decimal;
  on_sale: boolean;
}

/**
 * Looks the lines up in the restaurant's menu as it is now, and merges lines of the same item, in the
 * order of their first mention.
 * @throws {Problem} 422 naming every line whose item the restaurant does not sell
 */
export async function priceLines(
  database: Database,
  restaurantId: string,
  requested: readonly RequestedLine[],
): Promise<PricedOrder> {
  const ids = requested.flatMap((line) => line.menu_item_id ?? []);
  const skus = requested.flatMap((line) => line.sku ?? []);
  const rows = await database.$queryRaw<MenuRow[]>`
    SELECT r.currency, m.id, m.sku, m.name, m.price, m.on_sale
    FROM restaurants r
    LEFT JOIN menu_items m ON m.restaurant_id = r.id AND (m.id = ANY(${ids}::uuid[]) OR m.sku = ANY(${skus}::text[]))
    WHERE r.id = ${restaurantId}::uuid`;
  const [first] = rows;
  if (!first) throw unprocessable([{ pointer: '#/restaurant_id', detail: 'there is no such restaurant' }]);

  const items = rows.filter((row): row is MenuRow & { id: string } => row.id !== null);
  const byId = new Map(items.map((item) => [item.id, item]));
  const bySku = new Map(items.map((item) => [item.sku, item]));
  const find = (line: RequestedLine) =>
    line.menu_item_id ? byId.get(line.menu_item_id) : bySku.get(line.sku ?? null);

  const errors: FieldError[] = [];
  const merged = new Map<string, PricedLine>();
  requested.forEach((line, index) => {
    const item = find(line);
    const pointer = `#/items/${index}/${line.menu_item_id ? 'menu_item_id' : 'sku'}`;
    if (!item) errors.push({ pointer, detail: 'there is no such item on the menu of this restaurant' });
    else if (!item.on_sale) errors.push({ pointer, detail: `${item.name} is not on sale at the moment` });
    else {
      const { id: menu_item_id, sku, name, price } = item;
      const quantity = line.quantity + (merged.get(menu_item_id)?.quantity ?? 0);
      merged.set(menu_item_id, { menu_item_id, sku, name, price, quantity });
    }
  });
  if (errors.length > 0) throw unprocessable(errors);
  const lines = [...merged.values()];
  return { currency: first.currency, lines, total: totalOf(lines) };
}
