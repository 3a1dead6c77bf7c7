import { setTimeout as pause } from 'node:timers/promises';
import { get, post } from './call-api';

/** Whose orders the examples at /docs may name: see order-api's live-examples.ts. */
const DEMO_CUSTOMER = 'demo';
/** How long to wait for the mesh to prepare the orders. It takes a fraction of a second where all services run. */
const PREPARED_WITHIN_MS = 15_000;
const ASK_EVERY_MS = 100;

/**
 * Two orders to move and to cancel, two drafts to change and to approve, and one adjustment: what the
 * examples at /docs name.
 * @param items ids of at least two items
 */
export async function addDemoOrders(
  apiUrl: string,
  restaurant: string,
  items: string[],
  say: (line: string) => void,
): Promise<void> {
  const place = (draft: boolean, nth: number) =>
    post<{ order_id: string }>(apiUrl, '/orders', {
      restaurant_id: restaurant,
      items: [{ menu_item_id: items[nth % items.length], quantity: 1 + nth }],
      customer_id: DEMO_CUSTOMER,
      draft,
    });
  const placed = [await place(false, 0), await place(false, 1)];
  const drafts = [await place(true, 0), await place(true, 1)];
  const adjustment = { delta: 10, reason: 'Delivery from the market' };
  await post(apiUrl, `/inventory/${items[0]}/adjustments`, adjustment);
  say(`Added ${placed.length} orders, ${drafts.length} drafts and a stock adjustment`);
  const waiting = await waitUntilPrepared(
    apiUrl,
    placed.map(({ order_id }) => order_id),
  );
  if (waiting > 0)
    say(`${waiting} of the orders have not reached PREPARING yet: check that all services are running`);
}

/** An order can be moved once the mesh has prepared it. @returns how many it has not */
async function waitUntilPrepared(apiUrl: string, orders: string[]): Promise<number> {
  const deadline = Date.now() + PREPARED_WITHIN_MS;
  let waiting = orders;
  for (;;) {
    const statuses = await Promise.all(
      waiting.map(async (id) => (await get<{ status: string }>(apiUrl, `/orders/${id}`)).status),
    );
    waiting = waiting.filter((_, index) => statuses[index] === 'PLACED');
    if (waiting.length === 0 || Date.now() >= deadline) return waiting.length;
    await pause(ASK_EVERY_MS);
  }
}
