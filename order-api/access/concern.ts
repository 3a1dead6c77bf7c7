import type { Database } from '../../shared/service/database';
import { notFound } from '../http/problem';
import type { Caller } from './caller';
import { policy, rightOf, type Right, type RouteName } from './policy';
import { forbidden } from './problems';

/**
 * What a route is about, for those who may act on their own alone: an order, an item or a restaurant, by the path parameter that has
 * its id. `caller`: the route looks at the caller itself, because who it concerns is in its body or its filters.
 */
export type Concern = { order: string } | { item: string } | { restaurant: string } | 'caller';

/** What is asked of a route here. */
interface Concerned {
  name: RouteName;
  concerns?: Concern;
}

/** @throws {Error} where a route is for some on their own only, and does not say what it is about: everybody would get at everything */
export function checkRoutesSayWhatTheyConcern(routes: readonly Concerned[]): void {
  const silent = routes.filter(
    ({ name, concerns }) =>
      !concerns && Object.values<Right>(policy[name]).some((right) => right === 'own' || right === 'theirs'),
  );
  if (silent.length > 0)
    throw new Error(
      `these routes do not say what they concern: ${silent.map(({ name }) => name).join(', ')}`,
    );
}

/** Whom a caller's role lets into a route at all; known from the head of the request. @throws {Problem} 403 */
export function checkRole(caller: Caller, route: RouteName, method: string): void {
  if (rightOf(caller.role, route) === 'none')
    throw forbidden(`This is not for ${caller.role === 'staff' ? 'staff' : `a ${caller.role}`} to do.`);
  if (caller.readOnly && !['GET', 'HEAD'].includes(method))
    throw forbidden('The API key is for reading only.');
}

/**
 * Whether what a request is about is the caller's. What a customer has not ordered, or was ordered elsewhere, is not there for them: in
 * the same words, and after the same query, as what does not exist. Menus are no secret: what is on another's, may not be touched.
 * @throws {Problem} 403, 404
 */
export async function checkConcern(
  database: Database,
  caller: Caller,
  { name, concerns }: Concerned,
  params: Record<string, string>,
): Promise<void> {
  const right: Right = rightOf(caller.role, name);
  if (right === 'all' || concerns === 'caller' || concerns === undefined) return;
  if ('order' in concerns) return checkOrder(database, caller, params[concerns.order]!);
  const restaurantId =
    'restaurant' in concerns
      ? params[concerns.restaurant]!
      : await restaurantOf(database, params[concerns.item]!);
  checkRestaurant(caller, restaurantId);
}

/** @throws {Problem} 403 where somebody works elsewhere */
export function checkRestaurant(caller: Caller, restaurantId: string): void {
  if (caller.role === 'admin' || (caller.role === 'staff' && caller.restaurants.includes(restaurantId)))
    return;
  throw forbidden(`Restaurant ${restaurantId} is none that you work for.`);
}

interface Parties {
  restaurant_id: string;
  customer_id: string | null;
}

async function checkOrder(database: Database, caller: Caller, orderId: string): Promise<void> {
  const [order] = await database.$queryRaw<Parties[]>`
    SELECT restaurant_id, customer_id FROM orders WHERE id = ${orderId}::uuid`;
  if (!order || !isPartyTo(caller, order)) throw notFound(`There is no order ${orderId}.`);
}

function isPartyTo(caller: Caller, { restaurant_id, customer_id }: Parties): boolean {
  switch (caller.role) {
    case 'customer':
      return customer_id === caller.customerId;
    case 'staff':
      return caller.restaurants.includes(restaurant_id);
    case 'admin':
      return true;
  }
}

async function restaurantOf(database: Database, menuItemId: string): Promise<string> {
  const item = await database.menuItem.findUnique({
    where: { id: menuItemId },
    select: { restaurantId: true },
  });
  if (!item) throw notFound(`There is no item ${menuItemId}.`);
  return item.restaurantId;
}
