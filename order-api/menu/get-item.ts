import { z } from 'zod';
import type { Database } from '../../shared/service/database';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { ITEM_COLUMNS, itemAnswer, showItem, type ItemRow } from './item-view';

/** @throws {Problem} 404 */
export async function readItem(database: Database, menuItemId: string): Promise<ItemRow> {
  const [item] = await database.$queryRaw<ItemRow[]>`
    SELECT ${ITEM_COLUMNS} FROM menu_items m JOIN stock_levels s ON s.menu_item_id = m.id WHERE m.id = ${menuItemId}::uuid`;
  if (!item) throw notFound(`There is no item ${menuItemId}.`);
  return item;
}

export const getItem = route({
  method: 'get',
  path: '/inventory/{menu_item_id}',
  name: 'getItem',
  replicaMayAnswer: true,
  example: { params: { menu_item_id: exampleIds.item } },
  summary: 'An item and its available quantity',
  tag: 'Menu and stock',
  params: z.object({ menu_item_id: id }),
  answers: { 200: { description: 'The item', schema: itemAnswer } },
  async handle({ params }, { database }) {
    return { status: 200, body: showItem(await readItem(database, params.menu_item_id)) };
  },
});
