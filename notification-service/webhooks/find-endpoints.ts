import type { Event } from '../../shared/events/envelope';
import { Prisma, type Tx } from '../../shared/service/database';

/** An endpoint that is switched on. */
export interface Endpoint {
  id: string;
  /** Null: it gets what happens in the whole shop. */
  restaurantId: string | null;
  /** None named: all. */
  eventTypes: string[];
}

/** Which endpoints may be sent which events. */
export interface Found {
  endpoints: Endpoint[];
  /** Whose event it is; undefined where nobody knows. */
  restaurantOf: (event: Event) => string | undefined;
}

/**
 * The endpoints of the shop, and of the restaurants that the events are about: in one query, whatever number of events
 * and endpoints there is. Two, where the events do not say which restaurant's they are.
 */
export async function findEndpoints(tx: Tx, events: readonly Event[]): Promise<Found> {
  const named = namedBy(events);
  const endpoints = await tx.$queryRaw<Endpoint[]>`
    SELECT e.id, e.restaurant_id AS "restaurantId", e.event_types AS "eventTypes" FROM webhook_endpoints e
    WHERE (e.restaurant_id IS NULL OR e.restaurant_id IN (${named.restaurants})) AND ${IS_ON}
    ORDER BY e.id`;
  const places = endpoints.some(({ restaurantId }) => restaurantId) ? await named.places(tx) : undefined;
  return {
    endpoints,
    restaurantOf: (event) => restaurantIn(event) ?? places?.get((event.data as ItemData).menu_item_id),
  };
}

/** `e` is an endpoint that is neither paused nor disabled. */
export const IS_ON = Prisma.sql`NOT e.paused AND NOT EXISTS (
  SELECT FROM webhook_health h WHERE h.endpoint_id = e.id AND h.disabled_at > e.enabled_at)`;

interface ItemData {
  restaurant_id?: string;
  menu_item_id: string;
}

const restaurantIn = (event: Event) => (event.data as ItemData).restaurant_id;

/** An adjustment of stock names its item alone. */
function namedBy(events: readonly Event[]) {
  const restaurants = [...new Set(events.flatMap((event) => restaurantIn(event) ?? []))];
  const items = [
    ...new Set(
      events.filter((event) => !restaurantIn(event)).map((event) => (event.data as ItemData).menu_item_id),
    ),
  ];
  const ofItems = Prisma.sql`SELECT restaurant_id FROM menu_items WHERE id = ANY (${items}::uuid[])`;
  return {
    restaurants:
      items.length > 0
        ? Prisma.sql`SELECT unnest(${restaurants}::uuid[]) UNION ${ofItems}`
        : Prisma.sql`SELECT unnest(${restaurants}::uuid[])`,
    places: async (tx: Tx): Promise<Map<string, string> | undefined> => {
      if (items.length === 0) return undefined;
      const rows = await tx.$queryRaw<{ id: string; restaurant_id: string }[]>`
        SELECT id, restaurant_id FROM menu_items WHERE id = ANY (${items}::uuid[])`;
      return new Map(rows.map((row) => [row.id, row.restaurant_id]));
    },
  };
}
