import { z } from 'zod';
import { decimalsOf, MOST_DECIMALS } from '../../shared/currency';
import { newId } from '../../shared/ids';
import { email, text, timestamp, uuid } from '../http/fields';
import { route } from '../http/route';

const accepts = (check: () => unknown): boolean => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

/** What can be changed later, too. */
export const restaurantFields = { name: text(200), email };

const body = z.strictObject({
  name: restaurantFields.name,
  currency: z
    .string()
    .refine((code) => (decimalsOf(code) ?? Infinity) <= MOST_DECIMALS, {
      error: 'must be the ISO 4217 code of a currency with two decimals at most, such as INR',
    })
    .default('INR'),
  locale: z
    .string()
    .refine((tag) => tag !== '' && accepts(() => Intl.getCanonicalLocales(tag)), {
      error: 'must be a BCP 47 tag, such as en-IN',
    })
    .default('en-IN'),
  time_zone: z
    .string()
    .refine((zone) => zone !== '' && accepts(() => Intl.DateTimeFormat('en', { timeZone: zone })), {
      error: 'must be an IANA time zone, such as Asia/Kolkata',
    })
    .default('Asia/Kolkata'),
  email: restaurantFields.email.optional(),
});

export const restaurantAnswer = z
  .object({
    restaurant_id: uuid,
    name: z.string().meta({ example: 'Coastal Kitchen' }),
    currency: z.string(),
    locale: z.string(),
    time_zone: z.string(),
    email: z.string().nullable(),
    accepting_orders: z
      .boolean()
      .meta({ description: 'Whether orders may be placed here; if not, 409 `restaurant-closed`' }),
    created_at: timestamp,
  })
  .meta({ id: 'Restaurant' });

interface RestaurantRow {
  id: string;
  name: string;
  currency: string;
  locale: string;
  timeZone: string;
  email: string | null;
  acceptingOrders: boolean;
  createdAt: Date;
}

export const showRestaurant = (row: RestaurantRow): z.output<typeof restaurantAnswer> => ({
  restaurant_id: row.id,
  name: row.name,
  currency: row.currency,
  locale: row.locale,
  time_zone: row.timeZone,
  email: row.email,
  accepting_orders: row.acceptingOrders,
  created_at: row.createdAt.toISOString(),
});

export const addRestaurant = route({
  method: 'post',
  path: '/inventory/add/restaurant',
  name: 'addRestaurant',
  example: {
    body: { name: 'Coastal Kitchen', currency: 'INR', locale: 'en-IN', time_zone: 'Asia/Kolkata' },
  },
  summary: 'Add a restaurant',
  tag: 'Menu and stock',
  body,
  answers: { 201: { description: 'Added', schema: restaurantAnswer } },
  async handle({ body }, { database, log }) {
    const restaurant = await database.restaurant.create({
      data: {
        id: newId(),
        name: body.name,
        currency: body.currency,
        locale: body.locale,
        timeZone: body.time_zone,
        email: body.email,
      },
    });
    log.info({ restaurant_id: restaurant.id }, 'restaurant added');
    return {
      status: 201,
      headers: { Location: `/api/v1/restaurants/${restaurant.id}/menu` },
      body: showRestaurant(restaurant),
    };
  },
});
