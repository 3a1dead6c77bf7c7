import { z } from 'zod';
import type { Tx } from '../../shared/service/database';
import { uuid } from '../http/fields';
import { Problem } from '../http/problem';
import type { PricedLine } from './price-lines';

/** An item of which there is too little. */
export const shortageAnswer = z.object({
  menu_item_id: uuid,
  name: z.string(),
  requested: z.int(),
  available: z.int(),
});

interface Stocked {
  menu_item_id: string;
  available: number;
}

/**
 * For orders that are rather refused than taken in vain: what there is too little of by the stock as it is seen now.
 * It is a look and reserves nothing: what passes may still be OUT_OF_STOCK.
 * @returns for each order the 409 that names its shortages, or undefined
 */
export async function visibleShortages(
  database: Tx,
  orders: readonly (readonly PricedLine[])[],
): Promise<(Problem | undefined)[]> {
  const ids = [...new Set(orders.flatMap((lines) => lines.map((line) => line.menu_item_id)))];
  const rows = await database.$queryRaw<Stocked[]>`
    SELECT menu_item_id, available FROM stock_levels WHERE menu_item_id = ANY(${ids}::uuid[])`;
  const stock = new Map(rows.map((row) => [row.menu_item_id, row.available]));
  return orders.map((lines) => {
    const shortages = lines
      .map(({ menu_item_id, name, quantity: requested }) => ({
        menu_item_id,
        name,
        requested,
        available: stock.get(menu_item_id) ?? 0,
      }))
      .filter(({ requested, available }) => available < requested);
    return shortages.length > 0 ? outOfStock(shortages) : undefined;
  });
}

function outOfStock(shortages: z.output<typeof shortageAnswer>[]): Problem {
  const list = shortages.map(
    ({ name, requested, available }) => `${name} (${requested} ordered, ${available} left)`,
  );
  return new Problem(409, 'Conflict', `Not enough in stock: ${list.join('; ')}. Nothing was placed.`, {
    type: 'out-of-stock',
    members: { shortages },
    headers: { 'Preference-Applied': 'handling=strict' },
  });
}
