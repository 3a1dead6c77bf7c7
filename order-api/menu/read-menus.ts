import { z } from 'zod';
import { cursorAfter, id, page, uuid } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { restaurantAnswer, showRestaurant } from './add-restaurant';
import { ITEM_COLUMNS, itemAnswer, showItem, type ItemRow } from './item-view';

export const listRestaurants = route({
  method: 'get',
  path: '/restaurants',
  name: 'listRestaurants',
  summary: 'The restaurants, oldest first',
  tag: 'Menu and stock',
  query: z.object(page),
  answers: {
    200: {
      description: 'A page of them',
      schema: z.object({ restaurants: z.array(restaurantAnswer), next_cursor: z.string().nullable() }),
    },
  },
  async handle({ query }, { database }) {
    const rows = await database.restaurant.findMany({
      where: query.cursor ? { id: { gt: query.cursor } } : {},
      orderBy: { id: 'asc' },
      take: query.limit + 1,
    });
    const shown = rows.slice(0, query.limit);
    const last = rows.length > shown.length ? shown.at(-1) : undefined;
    return {
      status: 200,
      body: { restaurants: shown.map(showRestaurant), next_cursor: last ? cursorAfter(last.id) : null },
    };
  },
});

export const getMenu = route({
  method: 'get',
  path: '/restaurants/{id}/menu',
  name: 'getMenu',
  example: { params: { id: exampleIds.restaurant } },
  summary: "A restaurant's items, those off sale included",
  tag: 'Menu and stock',
  params: z.object({ id }),
  answers: {
    200: {
      description: 'The menu',
      schema: z.object({
        restaurant_id: uuid,
        name: z.string(),
        currency: z.string(),
        items: z.array(itemAnswer),
      }),
    },
  },
  async handle({ params }, { database }) {
    const restaurant = await database.restaurant.findUnique({ where: { id: params.id } });
    if (!restaurant) throw notFound(`There is no restaurant ${params.id}.`);
    const items = await database.$queryRaw<ItemRow[]>`
      SELECT ${ITEM_COLUMNS} FROM menu_items m JOIN stock_levels s ON s.menu_item_id = m.id
      WHERE m.restaurant_id = ${restaurant.id}::uuid ORDER BY m.category NULLS LAST, m.name, m.id`;
    return {
      status: 200,
      body: {
        restaurant_id: restaurant.id,
        name: restaurant.name,
        currency: restaurant.currency,
        items: items.map(showItem),
      },
    };
  },
});
