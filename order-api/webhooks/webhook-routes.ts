import type { Route } from '../http/route';
import { addWebhook } from './add-webhook';
import { changeWebhook, removeWebhook } from './change-webhook';
import { listDeliveries } from './list-deliveries';
import { getWebhook, listWebhooks } from './read-webhooks';
import { rotateSecret } from './rotate-secret';
import { ofARestaurant, ofTheShop } from './scopes';
import { recoverWebhook, resendDelivery, testWebhook } from './send-again';

/** Everything about webhooks: of the whole shop, and the same of a restaurant. */
export const webhookRoutes: readonly Route[] = [ofTheShop, ofARestaurant].flatMap((scope) => [
  addWebhook(scope),
  listWebhooks(scope),
  getWebhook(scope),
  changeWebhook(scope),
  removeWebhook(scope),
  rotateSecret(scope),
  testWebhook(scope),
  recoverWebhook(scope),
  listDeliveries(scope),
  resendDelivery(scope),
]);
