import { z } from 'zod';
import type { Concern } from '../access/concern';
import type { RouteName } from '../access/policy';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';

const actions = [
  'add',
  'list',
  'get',
  'change',
  'remove',
  'rotate',
  'test',
  'recover',
  'listDeliveries',
  'resend',
] as const;
type Action = (typeof actions)[number];

/** Whose events endpoints get, and where their routes are: each route is there once for a restaurant, and once for the shop. */
export interface Scope {
  path: string;
  /** Whose they are, for people. */
  whose: string;
  names: Record<Action, RouteName>;
  params: { id?: typeof id };
  exampleParams: Record<string, string>;
  concerns?: Concern;
}

export const ofTheShop: Scope = {
  path: '/webhooks',
  whose: 'of the whole shop',
  names: {
    add: 'addWebhook',
    list: 'listWebhooks',
    get: 'getWebhook',
    change: 'changeWebhook',
    remove: 'removeWebhook',
    rotate: 'rotateWebhookSecret',
    test: 'testWebhook',
    recover: 'recoverWebhook',
    listDeliveries: 'listWebhookDeliveries',
    resend: 'resendWebhookDelivery',
  },
  params: {},
  exampleParams: { webhook_id: exampleIds.webhook },
};

export const ofARestaurant: Scope = {
  path: '/restaurants/{id}/webhooks',
  whose: 'of a restaurant',
  names: {
    add: 'addRestaurantWebhook',
    list: 'listRestaurantWebhooks',
    get: 'getRestaurantWebhook',
    change: 'changeRestaurantWebhook',
    remove: 'removeRestaurantWebhook',
    rotate: 'rotateRestaurantWebhookSecret',
    test: 'testRestaurantWebhook',
    recover: 'recoverRestaurantWebhook',
    listDeliveries: 'listRestaurantWebhookDeliveries',
    resend: 'resendRestaurantWebhookDelivery',
  },
  params: { id },
  exampleParams: { id: exampleIds.restaurant, webhook_id: exampleIds.restaurantWebhook },
  concerns: { restaurant: 'id' },
};

/** As both look to the routes' code: there is an id where it is of a restaurant. */
const shapeOf = (params: Scope['params']) => params as unknown as { id: z.ZodOptional<typeof id> };

/** The parameters of a route about all of them. */
export const paramsOfAll = ({ params }: Scope) => z.object(shapeOf(params));

/** The parameters of a route about one of them. */
export const paramsOfOne = ({ params }: Scope) => z.object({ ...shapeOf(params), webhook_id: id });

/** What all routes of a scope have in common. */
export const common = (scope: Scope) => ({
  tag: 'Webhooks',
  ...(scope.concerns ? { concerns: scope.concerns } : {}),
});

/** Where the deliveries of an endpoint are, as `Location`. */
export const deliveriesAt = ({ path }: Scope, which: { id?: string | undefined; webhook_id: string }) => ({
  Location: `/api/v1${path.replace('{id}', which.id ?? '')}/${which.webhook_id}/deliveries`,
});
