import { z } from 'zod';
import { newId } from '../../shared/ids';
import { id, priceInput, text, wholeNumber } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound, Problem } from '../http/problem';
import { route } from '../http/route';
import { checkPrice } from './check-price';
import { ITEM_COLUMNS, itemAnswer, showItem, type ItemRow } from './item-view';

export const MAX_STOCK = 1_000_000_000;

export const itemFields = {
  name: text(200),
  price: priceInput,
  low_stock_threshold: wholeNumber(0, MAX_STOCK),
  sku: text(64),
  category: text(100),
  unit: text(50),
};

const body = z.strictObject({
  ...itemFields,
  available_qty: wholeNumber(0, MAX_STOCK),
  sku: itemFields.sku.optional(),
  category: itemFields.category.optional(),
  unit: itemFields.unit.optional(),
  low_stock_threshold: itemFields.low_stock_threshold.default(10),
});

export const skuTaken = (sku: string | null | undefined) =>
  new Problem(409, 'Conflict', `The restaurant has an item with the sku ${sku} already.`, {
    type: 'sku-taken',
    errors: [{ pointer: '#/sku', detail: 'is taken by another item of this restaurant' }],
  });

export const addItem = route({
  method: 'post',
  path: '/inventory/add/{restaurant_id}/item',
  name: 'addItem',
  example: {
    params: { restaurant_id: exampleIds.restaurant },
    body: { name: 'Vegetable Samosa', price: '60.00', available_qty: 100, category: 'Snacks' },
  },
  summary: 'Add an item to a menu, with its opening stock',
  description: 'It can be ordered as soon as this has answered.',
  tag: 'Menu and stock',
  params: z.object({ restaurant_id: id }),
  concerns: { restaurant: 'restaurant_id' },
  body,
  answers: { 201: { description: 'Added', schema: itemAnswer } },
  problems: { 'sku-taken': 'The restaurant has an item with this sku' },
  async handle({ params, body }, { database, log }) {
    const restaurant = await database.restaurant.findUnique({ where: { id: params.restaurant_id } });
    if (!restaurant) throw notFound(`There is no restaurant ${params.restaurant_id}.`);
    checkPrice(body.price, restaurant.currency);
    const itemId = newId();
    // One statement: the item, its stock row and the movement that begins its ledger exist together or not at all.
    const [item] = await database.$queryRaw<ItemRow[]>`
      WITH item AS (
        INSERT INTO menu_items (id, restaurant_id, sku, name, price, category, unit, low_stock_threshold)
        SELECT ${itemId}::uuid, r.id, ${body.sku}, ${body.name}, ${body.price}::numeric, ${body.category}, ${body.unit},
          ${body.low_stock_threshold}::int
        FROM restaurants r WHERE r.id = ${params.restaurant_id}::uuid
        ON CONFLICT (restaurant_id, sku) DO NOTHING
        RETURNING id, restaurant_id, sku, name, price, category, unit, low_stock_threshold, on_sale, created_at, updated_at
      ), stock AS (
        INSERT INTO stock_levels (menu_item_id, available) SELECT id, ${body.available_qty}::int FROM item RETURNING available
      ), ledger AS (
        INSERT INTO stock_movements (menu_item_id, kind, delta, balance)
        SELECT id, 'OPENING', ${body.available_qty}::int, ${body.available_qty}::int FROM item
      )
      SELECT ${ITEM_COLUMNS} FROM item m, stock s`;
    if (!item) throw skuTaken(body.sku);
    log.info({ restaurant_id: item.restaurant_id, menu_item_id: item.id }, 'item added');
    return { status: 201, headers: { Location: `/api/v1/inventory/${item.id}` }, body: showItem(item) };
  },
});
