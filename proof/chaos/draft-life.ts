import type { Restaurant } from './menu';
import { cancel, orderLife, persist, type LifeOptions } from './order-life';
import { pause } from './pause';
import { randomLines } from './tend-stock';

export interface DraftOptions extends LifeOptions {
  restaurant: Restaurant;
}

/**
 * What people do with a draft: change it, approve it, once or twice, or at the same moment as something else;
 * cancel it; or forget about it. What is approved goes on like any other order.
 */
export async function draftLife(options: DraftOptions): Promise<void> {
  const { order, random, closing } = options;
  await pause(random.int(0, 1_500), closing);
  if (random.chance(0.5)) await change(options, true);
  const wish = random.next();
  if (wish < 0.1) return;
  if (wish < 0.2) return cancel(options);
  if (wish < 0.3) await Promise.all([approve(options), cancel(options)]);
  else if (wish < 0.5) await Promise.all([approve(options), approve(options)]);
  else if (wish < 0.6) await Promise.all([approve(options), change(options, false)]);
  else await approve(options);
  if (order.approving === 'done' && !order.cancelling) await orderLife(options);
}

async function change(options: DraftOptions, alone: boolean): Promise<void> {
  const { client, books, order, random, restaurant } = options;
  const lines = randomLines(random, restaurant);
  const items = lines.map(({ itemId, quantity }) => ({ menu_item_id: itemId, quantity }));
  await persist(options, 'PUT /items', async () => {
    const reply = await client.ask('PUT', `/orders/${order.orderId}/items`, { items });
    const outcome = books.changed(order, lines, reply, alone);
    return { reply, settled: outcome !== 'unknown' && reply.kind === 'answer' };
  });
}

/** Some are asked for once, whatever comes of it: without an answer nobody knows whether it is placed. */
async function approve(options: DraftOptions): Promise<void> {
  const { client, books, order, random } = options;
  const { payment } = order;
  const most = random.chance(0.3) ? 1 : undefined;
  await persist(
    options,
    'POST /approve',
    async () => {
      const reply = await client.ask('POST', `/orders/${order.orderId}/approve`, { payment });
      return { reply, settled: books.approved(order, reply) !== 'unknown' && reply.kind === 'answer' };
    },
    most,
  );
}
