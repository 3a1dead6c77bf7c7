import { z } from 'zod';
import { Prisma } from '../../shared/service/database';
import { cursor, pageOf, readCursor, UUID_PART } from '../http/cursor';
import { id, page, text, uuid } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { ITEM_COLUMNS, itemAnswer, showItem, type ItemRow } from './item-view';

export const getMenu = route({
  method: 'get',
  path: '/restaurants/{id}/menu',
  name: 'getMenu',
  replicaMayAnswer: true,
  example: { params: { id: exampleIds.restaurant } },
  summary: "A restaurant's items, those off sale included",
  description: 'By category and name; those without a category last.',
  tag: 'Menu and stock',
  params: z.object({ id }),
  query: z.object({
    sku: text(64).optional().meta({ description: 'The item with this sku' }),
    name: text(200)
      .optional()
      .meta({ description: 'Items with this in their name; upper and lower case are the same' }),
    limit: page.limit,
    cursor,
  }),
  answers: {
    200: {
      description: 'A page of the menu',
      schema: z.object({
        restaurant_id: uuid,
        name: z.string().meta({ example: 'Coastal Kitchen' }),
        currency: z.string(),
        items: z.array(itemAnswer),
        next_cursor: z.string().nullable().meta({ description: 'null on the last page' }),
      }),
    },
  },
  async handle({ params, query: { limit, cursor, ...filter } }, { database }) {
    const restaurant = await database.restaurant.findUnique({ where: { id: params.id } });
    if (!restaurant) throw notFound(`There is no restaurant ${params.id}.`);
    const list = ['menu', params.id, filter];
    const position = readCursor(list, cursor, POSITION_SHAPE);
    const wanted = [
      Prisma.sql`m.restaurant_id = ${restaurant.id}::uuid`,
      ...(filter.sku ? [Prisma.sql`m.sku = ${filter.sku}`] : []),
      ...(filter.name
        ? [
            Prisma.sql`position(lower(${filter.name} COLLATE "und-x-icu") IN lower(m.name COLLATE "und-x-icu")) > 0`,
          ]
        : []),
      ...(position ? [after(position)] : []),
    ];
    const rows = await database.$queryRaw<ItemRow[]>`
      SELECT ${ITEM_COLUMNS} FROM menu_items m JOIN stock_levels s ON s.menu_item_id = m.id
      WHERE ${Prisma.join(wanted, ' AND ')}
      ORDER BY m.category IS NULL, coalesce(m.category, ''), m.name, m.id LIMIT ${limit + 1}::int`;
    const shown = pageOf(rows, limit, list, ({ category, name, id }) => [
      String(category === null),
      category ?? '',
      name,
      id,
    ]);
    return {
      status: 200,
      body: {
        restaurant_id: restaurant.id,
        name: restaurant.name,
        currency: restaurant.currency,
        items: shown.rows.map(showItem),
        next_cursor: shown.next_cursor,
      },
    };
  },
});

/** Whether it has no category, the category, the name, and the id. */
const POSITION_SHAPE = [/^(true|false)$/, /^[^\0]*$/, /^[^\0]*$/, UUID_PART];

const after = ([uncategorised, category, name, itemId]: readonly string[]): Prisma.Sql => Prisma.sql`
  (m.category IS NULL, coalesce(m.category, ''), m.name, m.id)
    > (${uncategorised === 'true'}::boolean, ${category}, ${name}, ${itemId}::uuid)`;
