import type { ApiClient } from './api-client';

/** What is on offer: made over HTTP before anything breaks. */
export interface Menu {
  restaurants: Restaurant[];
  /** Items of which there is always enough. */
  plentiful: Set<string>;
}

export interface Restaurant {
  id: string;
  /** Ordered now and then. */
  ordinary: string[];
  /** In many orders at a time: their rows are fought for. */
  hot: string[];
  /** Soon gone, and restocked a little at a time. */
  scarce: string[];
}

const PLENTY = 50_000_000;
const FEW = 25;

export async function makeMenu(client: ApiClient): Promise<Menu> {
  const restaurants: Restaurant[] = [];
  for (const name of ['Tandoor', 'Canteen']) {
    const { restaurant_id } = await create(client, '/inventory/add/restaurant', { name });
    const items = async (kind: string, count: number, available_qty: number) => {
      const ids: string[] = [];
      for (let n = 1; n <= count; n += 1) {
        const item = { name: `${kind} ${n}`, price: `${100 + n}.50`, available_qty };
        const { menu_item_id } = await create(client, `/inventory/add/${String(restaurant_id)}/item`, item);
        ids.push(String(menu_item_id));
      }
      return ids;
    };
    restaurants.push({
      id: String(restaurant_id),
      ordinary: await items('Dish', 12, PLENTY),
      hot: await items('Favourite', 2, PLENTY),
      scarce: await items('Special', 2, FEW),
    });
  }
  const plentiful = new Set(restaurants.flatMap(({ ordinary, hot }) => [...ordinary, ...hot]));
  return { restaurants, plentiful };
}

async function create(client: ApiClient, path: string, body: unknown): Promise<Record<string, unknown>> {
  const reply = await client.ask('POST', path, body);
  if (reply.kind === 'answer' && reply.status === 201) return reply.body;
  throw new Error(`POST ${path} before any fault: ${JSON.stringify(reply)}`);
}
