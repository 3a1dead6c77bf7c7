import { totalOf, type Decimal } from '../../shared/money';
import type { Prisma, Tx } from '../../shared/service/database';
import { Problem, unprocessable, type FieldError } from '../http/problem';
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
  database: Tx,
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

interface DraftLineRow {
  currency: string;
  menu_item_id: string;
  quantity: number;
  /** Its name when it was drafted. */
  drafted_as: string;
  sku: string | null;
  name: string | null;
  price: Prisma.Decimal | null;
  on_sale: boolean | null;
}

/**
 * Prices a draft's lines by the menu as it is now; the draft has to be locked.
 * @throws {Problem} 409 listing every item that cannot be ordered any more
 */
export async function priceAgain(tx: Tx, orderId: string): Promise<PricedOrder> {
  const rows = await tx.$queryRaw<DraftLineRow[]>`
    SELECT r.currency, l.menu_item_id, l.quantity, l.name AS drafted_as, m.sku, m.name, m.price, m.on_sale
    FROM orders o
    JOIN restaurants r ON r.id = o.restaurant_id
    JOIN order_lines l ON l.order_id = o.id
    LEFT JOIN menu_items m ON m.id = l.menu_item_id
    WHERE o.id = ${orderId}::uuid ORDER BY l.position`;
  const lines = rows.flatMap(({ menu_item_id, sku, name, price, on_sale, quantity }) =>
    on_sale && name !== null && price !== null ? [{ menu_item_id, sku, name, price, quantity }] : [],
  );
  if (lines.length < rows.length) throw notOrderable(rows.filter((row) => !row.on_sale));
  return { currency: rows[0]?.currency ?? '', lines, total: totalOf(lines) };
}

function notOrderable(rows: readonly DraftLineRow[]): Problem {
  const items = rows.map(({ menu_item_id, name, drafted_as, on_sale }) => ({
    menu_item_id,
    name: name ?? drafted_as,
    problem: on_sale === null ? 'is no longer on the menu' : 'is not on sale at the moment',
  }));
  const detail = items.map(({ name, problem }) => `${name} ${problem}`).join('; ');
  return new Problem(409, 'Conflict', `Nothing was placed: ${detail}.`, {
    type: 'not-orderable',
    members: { items },
  });
}
