import { isAmountIn } from '../../shared/currency';
import { amountAsNumber, formatPrice, totalOf, type Decimal } from '../../shared/money';
import type { Tx } from '../../shared/service/database';
import { Problem, unprocessable, type FieldError } from '../http/problem';
import type { RequestedLine } from './fields';

/** Lines as they are asked for, of one restaurant's menu. */
export interface WantedLines {
  restaurant_id: string;
  items: readonly RequestedLine[];
  /** Not to be placed yet: that may be asked for while the restaurant is closed. */
  draft?: boolean | undefined;
}

/** A line as it is sold: item, name and price copied from the menu. */
export interface PricedLine {
  menu_item_id: string;
  sku: string | null;
  name: string;
  /** With two decimals: `450.00`. */
  price: string;
  quantity: number;
  note: string | null;
}

export interface PricedOrder {
  currency: string;
  lines: PricedLine[];
  total: Decimal;
}

/** An item, or a restaurant by itself: one without an item. */
type MenuRow =
  | { restaurant_id: string; currency: string; accepting_orders: boolean; id: null }
  | (MenuItem & { restaurant_id: string; currency: null });

interface MenuItem {
  id: string;
  sku: string | null;
  name: string;
  price: string;
  on_sale: boolean;
}

/**
 * Looks lines up in their restaurants' menus as they are now, and merges lines of the same item, in the order of
 * their first mention. One round trip, however many orders.
 * @returns for each what it comes to, or a 422 that names every line whose item the restaurant does not sell
 */
export async function priceOrders(
  database: Tx,
  wanted: readonly WantedLines[],
): Promise<(PricedOrder | Problem)[]> {
  const menu = await readMenu(database, wanted);
  return wanted.map((order) => priceBy(menu, order));
}

/** As {@link priceOrders}, for one. @throws {Problem} 422 */
export async function priceLines(database: Tx, wanted: WantedLines): Promise<PricedOrder> {
  const [priced] = await priceOrders(database, [wanted]);
  if (priced instanceof Problem || !priced) throw priced;
  return priced;
}

/** What is to be known of some menus, by restaurant; items by their id and by their SKU. */
interface Menu {
  restaurants: Map<string, { currency: string; accepting_orders: boolean }>;
  items: Map<string, MenuItem>;
}

const keyOf = (restaurantId: string, { menu_item_id, sku }: Pick<RequestedLine, 'menu_item_id' | 'sku'>) =>
  menu_item_id === undefined ? `${restaurantId}/sku/${sku}` : `${restaurantId}/${menu_item_id}`;

async function readMenu(database: Tx, wanted: readonly WantedLines[]): Promise<Menu> {
  const restaurants = [...new Set(wanted.map((order) => order.restaurant_id))];
  const ids = new Set<string>();
  const skus = new Map<string, { restaurant: string; sku: string }>();
  for (const { restaurant_id: restaurant, items } of wanted) {
    for (const line of items) {
      if (line.menu_item_id !== undefined) ids.add(line.menu_item_id);
      else if (line.sku !== undefined) skus.set(keyOf(restaurant, line), { restaurant, sku: line.sku });
    }
  }
  const rows = await database.$queryRaw<MenuRow[]>`
    SELECT id AS restaurant_id, currency, accepting_orders, NULL::uuid AS id, NULL AS sku, NULL AS name, NULL AS price, NULL::boolean AS on_sale
    FROM restaurants WHERE id = ANY(${restaurants}::uuid[])
    UNION ALL
    SELECT restaurant_id, NULL, NULL, id, sku, name, price::text, on_sale
    FROM menu_items WHERE id = ANY(${[...ids]}::uuid[])
    UNION ALL
    SELECT m.restaurant_id, NULL, NULL, m.id, m.sku, m.name, m.price::text, m.on_sale
    FROM json_to_recordset(${JSON.stringify([...skus.values()])}::json) AS wanted (restaurant uuid, sku text)
    JOIN menu_items m ON m.restaurant_id = wanted.restaurant AND m.sku = wanted.sku`;
  const menu: Menu = { restaurants: new Map(), items: new Map() };
  for (const row of rows) {
    if (row.id === null) menu.restaurants.set(row.restaurant_id, row);
    else {
      menu.items.set(keyOf(row.restaurant_id, { menu_item_id: row.id }), row);
      if (row.sku !== null) menu.items.set(keyOf(row.restaurant_id, { sku: row.sku }), row);
    }
  }
  return menu;
}

function priceBy(menu: Menu, { restaurant_id, items, draft }: WantedLines): PricedOrder | Problem {
  const restaurant = menu.restaurants.get(restaurant_id);
  if (!restaurant)
    return unprocessable([{ pointer: '#/restaurant_id', detail: 'there is no such restaurant' }]);
  if (!restaurant.accepting_orders && !draft) return restaurantClosed();
  const { currency } = restaurant;
  const errors: FieldError[] = [];
  const merged = new Map<string, MergedLine>();
  items.forEach((line, index) => {
    const item = menu.items.get(keyOf(restaurant_id, line));
    const pointer = `#/items/${index}/${line.menu_item_id ? 'menu_item_id' : 'sku'}`;
    if (!item) errors.push({ pointer, detail: 'there is no such item on the menu of this restaurant' });
    else if (!item.on_sale) errors.push({ pointer, detail: `${item.name} is not on sale at the moment` });
    else if (!isAmountIn(currency, item.price))
      errors.push({
        pointer,
        detail: `${item.name} has the price ${item.price}, which is no amount in ${currency}`,
      });
    else {
      const { id: menu_item_id, sku, name, price } = item;
      const { parts } = merged.get(menu_item_id) ?? { parts: [] };
      merged.set(menu_item_id, { menu_item_id, sku, name, price, parts: [...parts, line] });
    }
  });
  if (errors.length > 0) return unprocessable(errors);
  const lines = [...merged.values()].map(({ parts, ...line }) => ({
    ...line,
    quantity: parts.reduce((sum, part) => sum + part.quantity, 0),
    note: mergedNote(parts),
  }));
  return { currency, lines, total: totalOf(lines) };
}

interface MergedLine extends Omit<PricedLine, 'quantity' | 'note'> {
  /** What was asked for of the item. */
  parts: Pick<RequestedLine, 'quantity' | 'note'>[];
}

/** Where parts of a line have notes of their own, each is kept with how many it is for. */
function mergedNote(parts: MergedLine['parts']): string | null {
  const quantities = new Map<string | undefined, number>();
  for (const { note, quantity } of parts) quantities.set(note, quantity + (quantities.get(note) ?? 0));
  const [[only] = []] = quantities;
  if (quantities.size === 1) return only ?? null;
  const noted = [...quantities].filter(([note]) => note !== undefined);
  return noted.map(([note, quantity]) => `${quantity} × ${note}`).join('\n');
}

export const restaurantClosed = () =>
  new Problem(409, 'Conflict', 'The restaurant takes no orders at the moment; nothing was placed.', {
    type: 'restaurant-closed',
  });

/** @throws {Problem} 409 where an order comes to another sum than whoever places it has seen */
export function refuseOtherTotal(
  expected: Decimal | undefined,
  { lines, total, currency }: PricedOrder,
): void {
  if (expected === undefined || total.eq(expected)) return;
  const detail = `The order now comes to ${formatPrice(total)} ${currency}, not to ${formatPrice(expected)}; nothing was placed.`;
  throw new Problem(409, 'Conflict', detail, {
    type: 'price-changed',
    members: { total_amount: amountAsNumber(total), currency, items: lines },
  });
}

interface DraftLineRow {
  currency: string;
  menu_item_id: string;
  quantity: number;
  note: string | null;
  accepting_orders: boolean;
  /** Its name when it was drafted. */
  drafted_as: string;
  sku: string | null;
  name: string | null;
  price: Decimal | null;
  on_sale: boolean | null;
}

/**
 * Prices a draft's lines by the menu as it is now; the draft has to be locked.
 * @throws {Problem} 409 listing every item that cannot be ordered any more
 */
export async function priceAgain(tx: Tx, orderId: string): Promise<PricedOrder> {
  const rows = await tx.$queryRaw<DraftLineRow[]>`
    SELECT r.currency, r.accepting_orders, l.menu_item_id, l.quantity, l.note, l.name AS drafted_as, m.sku, m.name, m.price, m.on_sale
    FROM orders o
    JOIN restaurants r ON r.id = o.restaurant_id
    JOIN order_lines l ON l.order_id = o.id
    LEFT JOIN menu_items m ON m.id = l.menu_item_id
    WHERE o.id = ${orderId}::uuid ORDER BY l.position`;
  if (rows[0] && !rows[0].accepting_orders) throw restaurantClosed();
  const lines = rows.flatMap(({ currency, menu_item_id, sku, name, price, on_sale, quantity, note }) =>
    on_sale && name !== null && price !== null && isAmountIn(currency, price)
      ? [{ menu_item_id, sku, name, price: formatPrice(price), quantity, note }]
      : [],
  );
  if (lines.length < rows.length)
    throw notOrderable(
      rows.filter(({ on_sale, price, currency }) => !on_sale || !price || !isAmountIn(currency, price)),
    );
  return { currency: rows[0]?.currency ?? '', lines, total: totalOf(lines) };
}

function whyNot({ on_sale, price, currency }: DraftLineRow): string {
  if (on_sale === null) return 'is no longer on the menu';
  if (!on_sale) return 'is not on sale at the moment';
  return `has the price ${price?.toFixed(2)}, which is no amount in ${currency}`;
}

function notOrderable(rows: readonly DraftLineRow[]): Problem {
  const items = rows.map((row) => ({
    menu_item_id: row.menu_item_id,
    name: row.name ?? row.drafted_as,
    problem: whyNot(row),
  }));
  const detail = items.map(({ name, problem }) => `${name} ${problem}`).join('; ');
  return new Problem(409, 'Conflict', `Nothing was placed: ${detail}.`, {
    type: 'not-orderable',
    members: { items },
  });
}
