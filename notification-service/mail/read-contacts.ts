import { orderIdOf, type Event } from '../../shared/events/envelope';
import type { Tx } from '../../shared/service/database';

/** Whom an event concerns, read from order-api's tables: reference data. */
export interface Contact {
  restaurant: { name: string; email: string | null; locale: string; timeZone: string; currency: string };
  order?: {
    id: string;
    email: string | null;
    reference: string | null;
    method: string;
    /** Whether its card is known to have been charged. */
    charged: boolean;
    /** Whether it has not changed for more than a week, by the database's clock. */
    old: boolean;
  };
}

interface OrderRow {
  id: string;
  restaurantId: string;
  email: string | null;
  reference: string | null;
  method: string;
  charged: boolean;
  old: boolean;
}

/** Whom the events concern; nobody where the order or the restaurant is unknown. */
export async function readContacts(tx: Tx, events: Event[]): Promise<(event: Event) => Contact | undefined> {
  const orders = await readOrders(
    tx,
    events.flatMap((event) => orderIdOf(event) ?? []),
  );
  // Of an order whose customer gave no address, nobody is told by mail.
  const withAddress = [...orders.values()].filter(({ email }) => email);
  const ofItems = events.flatMap((event) => (orderIdOf(event) ? [] : restaurantIdOf(event)));
  const restaurants = await readRestaurants(tx, [
    ...withAddress.map((order) => order.restaurantId),
    ...ofItems,
  ]);
  return (event) => {
    const orderId = orderIdOf(event);
    const order = orderId ? orders.get(orderId) : undefined;
    const restaurant = restaurants.get(order?.restaurantId ?? restaurantIdOf(event));
    return restaurant && (order || !orderId) ? { restaurant, order } : undefined;
  };
}

const restaurantIdOf = (event: Event) => (event.data as { restaurant_id: string }).restaurant_id;

/** That a card was charged is known from an event about it that was told before. */
async function readOrders(tx: Tx, ids: string[]): Promise<Map<string, OrderRow>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.$queryRaw<OrderRow[]>`
    SELECT o.id, o.restaurant_id AS "restaurantId", o.email, o.reference, o.payment_method AS method,
      o.payment_method = 'CARD' AND o.status = 'CANCELLED' AND EXISTS (
        SELECT FROM notifications n WHERE n.order_id = o.id AND n.event_type = 'payment.completed.v1') AS charged,
      o.updated_at < now() - interval '7 days' AS old
    FROM orders o WHERE o.id = ANY (${ids}::uuid[])`;
  return new Map(rows.map((row) => [row.id, row]));
}

async function readRestaurants(tx: Tx, ids: string[]): Promise<Map<string, Contact['restaurant']>> {
  if (ids.length === 0) return new Map();
  const rows = await tx.$queryRaw<(Contact['restaurant'] & { id: string })[]>`
    SELECT id, name, email, locale, time_zone AS "timeZone", currency FROM restaurants WHERE id = ANY (${ids}::uuid[])`;
  return new Map(rows.map(({ id, ...restaurant }) => [id, restaurant]));
}
