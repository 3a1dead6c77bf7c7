import { z } from 'zod';
import { Prisma } from '../../shared/service/database';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { itemFields, skuTaken } from './add-item';
import { checkPrice } from './check-price';
import { readItem } from './get-item';
import { itemAnswer, showItem } from './item-view';

const orNone = <S extends z.ZodType>(field: S) =>
  field.nullable().optional().meta({ description: 'null takes it away' });

const body = z
  .strictObject({
    name: itemFields.name.optional(),
    price: itemFields.price.optional(),
    low_stock_threshold: itemFields.low_stock_threshold.optional(),
    on_sale: z.boolean({ error: 'must be true or false' }).optional(),
    sku: orNone(itemFields.sku),
    category: orNone(itemFields.category),
    unit: orNone(itemFields.unit),
  })
  .refine((changes) => Object.keys(changes).length > 0, {
    error: 'must name at least one of name, price, low_stock_threshold, on_sale, sku, category, unit',
  });

export const changeItem = route({
  method: 'patch',
  path: '/inventory/{menu_item_id}',
  name: 'changeItem',
  example: { params: { menu_item_id: exampleIds.item }, body: { low_stock_threshold: 15 } },
  summary: "Change an item's name, price, threshold, sku, category or unit, or take it off the menu",
  description: 'Orders placed from then on see it; earlier ones keep the name and price they were placed at.',
  tag: 'Menu and stock',
  params: z.object({ menu_item_id: id }),
  concerns: { item: 'menu_item_id' },
  body,
  answers: { 200: { description: 'The item as it is now', schema: itemAnswer } },
  problems: { 'sku-taken': 'The restaurant has another item with this sku' },
  async handle({ params, body }, { database, log }) {
    if (body.price !== undefined) {
      const item = await database.menuItem.findUnique({
        where: { id: params.menu_item_id },
        select: { restaurant: { select: { currency: true } } },
      });
      if (item) checkPrice(body.price, item.restaurant.currency);
    }
    const { low_stock_threshold: lowStockThreshold, on_sale: onSale, ...same } = body;
    const { count } = await database.menuItem
      .updateMany({
        where: { id: params.menu_item_id },
        data: { ...same, lowStockThreshold, onSale, updatedAt: new Date() },
      })
      .catch((error: unknown) => {
        throw isUniqueViolation(error) ? skuTaken(body.sku) : error;
      });
    if (count === 0) throw notFound(`There is no item ${params.menu_item_id}.`);
    log.info({ menu_item_id: params.menu_item_id, changed: Object.keys(body) }, 'item changed');
    return { status: 200, body: showItem(await readItem(database, params.menu_item_id)) };
  },
});

/** https://www.prisma.io/docs/orm/reference/error-reference#p2002; sku is all that can be taken here. */
const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
