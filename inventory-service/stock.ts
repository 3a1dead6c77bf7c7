/** The highest stock of an item: leaves an integer column room for any restoration. */
export const MAX_STOCK = 1_000_000_000;

/** A quantity of an item. */
export interface StockLine {
  menu_item_id: string;
  quantity: number;
}

/** An item's stock as it was when its row was locked. */
export interface StockItem {
  menu_item_id: string;
  available: number;
  restaurant_id: string;
  name: string;
  low_stock_threshold: number;
}

export interface Shortage {
  menu_item_id: string;
  name?: string | undefined;
  requested: number;
  available: number;
}

/** One step of an item's stock: its size, and what was available before and after. */
export interface Movement {
  item: StockItem;
  delta: number;
  before: number;
  after: number;
}

export type Taken = { ok: true; movements: Movement[] } | { ok: false; shortages: Shortage[] };

/**
 * Stock under lock, counted along as decisions are made: pure, so that a whole batch is decided in
 * memory in the order of arrival and written at once.
 */
export class Stock {
  readonly #items: Map<string, StockItem>;
  readonly #available: Map<string, number>;

  constructor(items: readonly StockItem[]) {
    this.#items = new Map(items.map((item) => [item.menu_item_id, item]));
    this.#available = new Map(items.map((item) => [item.menu_item_id, item.available]));
  }

  item(menuItemId: string): StockItem | undefined {
    return this.#items.get(menuItemId);
  }

  available(menuItemId: string): number {
    return this.#available.get(menuItemId) ?? 0;
  }

  /** Takes all lines or none. Lines of the same item count together; an unknown item has nothing. */
  take(lines: readonly StockLine[]): Taken {
    const wanted = merge(lines);
    const shortages = wanted
      .filter((line) => line.quantity > this.available(line.menu_item_id))
      .map((line) => ({
        menu_item_id: line.menu_item_id,
        name: this.item(line.menu_item_id)?.name,
        requested: line.quantity,
        available: this.available(line.menu_item_id),
      }));
    if (shortages.length > 0) return { ok: false, shortages };
    return { ok: true, movements: wanted.map((line) => this.#move(line.menu_item_id, -line.quantity)) };
  }

  /** Gives back; the caller knows from the ledger that it had been taken. */
  giveBack(lines: readonly StockLine[]): Movement[] {
    return merge(lines).map((line) => this.#move(line.menu_item_id, line.quantity));
  }

  /** Applies a correction if the result is a possible stock. */
  adjust(menuItemId: string, delta: number): Movement | 'UNKNOWN_ITEM' | 'BELOW_ZERO' | 'ABOVE_MAXIMUM' {
    if (!this.item(menuItemId)) return 'UNKNOWN_ITEM';
    const after = this.available(menuItemId) + delta;
    if (after < 0) return 'BELOW_ZERO';
    if (after > MAX_STOCK) return 'ABOVE_MAXIMUM';
    return this.#move(menuItemId, delta);
  }

  #move(menuItemId: string, delta: number): Movement {
    const item = this.item(menuItemId);
    if (!item) throw new Error(`no stock row for item ${menuItemId}`);
    const before = this.available(menuItemId);
    const after = before + delta;
    this.#available.set(menuItemId, after);
    return { item, delta, before, after };
  }
}

function merge(lines: readonly StockLine[]): StockLine[] {
  const quantities = new Map<string, number>();
  for (const { menu_item_id, quantity } of lines)
    quantities.set(menu_item_id, (quantities.get(menu_item_id) ?? 0) + quantity);
  return [...quantities].map(([menu_item_id, quantity]) => ({ menu_item_id, quantity }));
}
