import { setMaxListeners } from 'node:events';
import type { ApiClient } from './api-client';
import { randomPayment } from './card-tokens';
import { draftLife } from './draft-life';
import { Latencies } from './latencies';
import type { Menu } from './menu';
import { OrderBooks } from './order-books';
import { orderLife } from './order-life';
import { pause } from './pause';
import type { Random } from '../testbed/random';
import { randomLines, tendStock, type StockBooks } from './tend-stock';

export interface DriveOptions {
  client: ApiClient;
  menu: Menu;
  random: Random;
  /** Orders a second. */
  rate: number;
  durationMs: number;
  signal: AbortSignal;
}

export interface Drive {
  books: OrderBooks;
  stock: StockBooks;
  latencies: Latencies;
  /** Orders that were not sent because too many clients were waiting. */
  shed(): number;
  /** Ends when the time is up and every client has given up or is done. */
  done: Promise<void>;
}

/** More at a time would be too much for whoever runs this, not for the mesh. */
const MOST_CLIENTS = 1_500;
/** How long clients go on with their orders after the last was placed. */
const LAST_WORDS_MS = 15_000;
/** Of so many customers, one gives an address. */
const MAILED = 2;
/** Of the orders. */
const DRAFTS = 0.15;

/**
 * Orders at a steady rate, however long the answers take, and what people do with orders afterwards.
 * Clients retry what is certainly not done, and what can be done twice without harm; an order without
 * an answer is not placed again.
 */
export function startDrive(options: DriveOptions): Drive {
  const { client, menu, random, rate, durationMs, signal } = options;
  const books = new OrderBooks();
  const latencies = new Latencies();
  const lives = new Set<Promise<void>>();
  let shed = 0;
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  signal.addEventListener('abort', () => closing.abort(), { once: true });

  const { stock, done: stockDone } = tendStock({ ...options, books, latencies, closing: closing.signal });

  async function oneClient(number: number, dueAt: number): Promise<void> {
    const restaurant = random.pick(menu.restaurants);
    const lines = randomLines(random, restaurant);
    const order = books.open(`chaos-${number}`, lines, randomPayment(random), random.chance(DRAFTS));
    const fate = random.next();
    for (let tries = 0; tries < 4; tries += 1) {
      if (tries > 0) await pause(250 * 2 ** tries, closing.signal);
      const reply = await client.ask('POST', '/orders', {
        restaurant_id: restaurant.id,
        customer_id: order.key,
        email: number % MAILED === 0 ? `${order.key}@example.com` : undefined,
        items: lines.map(({ itemId, quantity }) => ({ menu_item_id: itemId, quantity })),
        ...(order.draft ? { draft: true } : { payment: order.payment }),
      });
      // From when it was due: an order that waits for its turn has a customer waiting too.
      if (reply.kind === 'answer' && reply.status < 300)
        latencies.add(order.draft ? 'POST /orders (draft)' : 'POST /orders', performance.now() - dueAt);
      books.placed(order, reply);
      if (reply.kind !== 'not-sent') break;
    }
    if (order.placing !== 'done') return;
    const life = { client, books, latencies, order, fate, random, closing: closing.signal };
    await (order.draft ? draftLife({ ...life, restaurant }) : orderLife(life));
  }

  const done = (async () => {
    const startedAt = performance.now();
    for (let number = 0; !signal.aborted; number += 1) {
      const dueAt = startedAt + (number * 1_000) / rate;
      if (dueAt - startedAt >= durationMs) break;
      await pause(dueAt - performance.now(), signal);
      if (lives.size >= MOST_CLIENTS) {
        shed += 1;
        continue;
      }
      const life: Promise<void> = oneClient(number, dueAt).finally(() => lives.delete(life));
      lives.add(life);
    }
    const timer = setTimeout(() => closing.abort(), LAST_WORDS_MS);
    await Promise.all(lives);
    clearTimeout(timer);
    closing.abort();
    await stockDone;
  })();
  return { books, stock, latencies, shed: () => shed, done };
}
