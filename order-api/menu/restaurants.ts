import { z } from 'zod';
import { cursor, pageOf, readCursor, UUID_PART } from '../http/cursor';
import { id, page } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { notFound } from '../http/problem';
import { route } from '../http/route';
import { restaurantAnswer, restaurantFields, showRestaurant } from './add-restaurant';

const unknownRestaurant = (restaurantId: string) => notFound(`There is no restaurant ${restaurantId}.`);

export const listRestaurants = route({
  method: 'get',
  path: '/restaurants',
  name: 'listRestaurants',
  replicaMayAnswer: true,
  summary: 'The restaurants, oldest first',
  tag: 'Menu and stock',
  query: z.object({ limit: page.limit, cursor }),
  answers: {
    200: {
      description: 'A page of them',
      schema: z.object({ restaurants: z.array(restaurantAnswer), next_cursor: z.string().nullable() }),
    },
  },
  async handle({ query }, { database }) {
    const list = ['restaurants'];
    const [after] = readCursor(list, query.cursor, [UUID_PART]) ?? [];
    const rows = await database.restaurant.findMany({
      where: after ? { id: { gt: after } } : {},
      orderBy: { id: 'asc' },
      take: query.limit + 1,
    });
    const shown = pageOf(rows, query.limit, list, (row) => [row.id]);
    return {
      status: 200,
      body: { restaurants: shown.rows.map(showRestaurant), next_cursor: shown.next_cursor },
    };
  },
});

export const getRestaurant = route({
  method: 'get',
  path: '/restaurants/{id}',
  name: 'getRestaurant',
  replicaMayAnswer: true,
  example: { params: { id: exampleIds.restaurant } },
  summary: 'A restaurant',
  tag: 'Menu and stock',
  params: z.object({ id }),
  answers: { 200: { description: 'The restaurant', schema: restaurantAnswer } },
  async handle({ params }, { database }) {
    const restaurant = await database.restaurant.findUnique({ where: { id: params.id } });
    if (!restaurant) throw unknownRestaurant(params.id);
    return { status: 200, body: showRestaurant(restaurant) };
  },
});

export const changeRestaurant = route({
  method: 'patch',
  path: '/restaurants/{id}',
  name: 'changeRestaurant',
  example: { params: { id: exampleIds.restaurant }, body: { accepting_orders: true } },
  summary: "Change a restaurant's name or e-mail address, or close it to orders",
  description:
    'While it is closed, placing and approving answer 409 `restaurant-closed`; drafts can be made, and orders that were placed before go on.',
  tag: 'Menu and stock',
  params: z.object({ id }),
  concerns: { restaurant: 'id' },
  body: z
    .strictObject({
      name: restaurantFields.name.optional(),
      email: restaurantFields.email
        .nullable()
        .optional()
        .meta({ type: ['string', 'null'], description: 'null takes it away' }),
      accepting_orders: z.boolean({ error: 'must be true or false' }).optional(),
    })
    .refine((changes) => Object.keys(changes).length > 0, {
      error: 'must name at least one of name, email, accepting_orders',
    }),
  answers: { 200: { description: 'The restaurant as it is now', schema: restaurantAnswer } },
  async handle({ params, body }, { database, log }) {
    const [restaurant] = await database.restaurant.updateManyAndReturn({
      where: { id: params.id },
      data: { name: body.name, email: body.email, acceptingOrders: body.accepting_orders },
    });
    if (!restaurant) throw unknownRestaurant(params.id);
    log.info({ restaurant_id: params.id, changed: Object.keys(body) }, 'restaurant changed');
    return { status: 200, body: showRestaurant(restaurant) };
  },
});
