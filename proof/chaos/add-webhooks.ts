import type { ApiClient } from './api-client';
import { LIFE } from './judge-told';
import type { Endpoint } from './judge-webhooks';
import type { Menu } from './menu';
import type { WebhookReceiver } from './webhook-receiver';

/** One for every order's own life, of the whole shop, and one for everything of one restaurant: over HTTP, before anything breaks. */
export async function addWebhooks(
  client: ApiClient,
  receiver: WebhookReceiver,
  { restaurants }: Menu,
): Promise<Endpoint[]> {
  const restaurantId = restaurants[0]!.id;
  const types = Object.values(LIFE);
  return [
    await add(client, receiver, '/webhooks', { name: 'shop', restaurantId: null, types }),
    await add(client, receiver, `/restaurants/${restaurantId}/webhooks`, {
      name: 'restaurant',
      restaurantId,
      types: [],
    }),
  ];
}

async function add(
  client: ApiClient,
  receiver: WebhookReceiver,
  path: string,
  asked: Omit<Endpoint, 'id'>,
): Promise<Endpoint> {
  const { name, types } = asked;
  const body = { url: receiver.urlOf(name), ...(types.length > 0 ? { event_types: types } : {}) };
  const reply = await client.ask('POST', path, body);
  if (reply.kind !== 'answer' || reply.status !== 201)
    throw new Error(`POST ${path} before any fault: ${reply.kind === 'answer' ? reply.status : reply.error}`);
  receiver.secrets.set(name, String(reply.body.secret));
  return { ...asked, id: String(reply.body.webhook_id) };
}
