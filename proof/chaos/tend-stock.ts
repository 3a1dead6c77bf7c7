import type { ApiClient } from './api-client';
import type { Latencies } from './latencies';
import type { Menu, Restaurant } from './menu';
import { outcomeOf, type OrderBooks, type OrderLine } from './order-books';
import { pause } from './pause';
import type { Random } from '../testbed/random';

/** What was asked for beside orders, and answered. */
export interface StockBooks {
  /** Of adjustments that were answered 202. */
  adjustments: string[];
  unknownAdjustments: number;
  /** By item: the price that was answered last, and those that may have been set since. */
  prices: Map<string, { last?: string; perhaps: Set<string> }>;
}

export interface TendOptions {
  client: ApiClient;
  menu: Menu;
  random: Random;
  books: OrderBooks;
  latencies: Latencies;
  closing: AbortSignal;
  durationMs: number;
}

const ADJUST_EVERY_MS = 1_200;
const PRICE_EVERY_MS = 2_500;

/** What restaurants do all day: restock, correct, change prices. */
export function tendStock(options: TendOptions): { stock: StockBooks; done: Promise<void> } {
  const stock: StockBooks = { adjustments: [], unknownAdjustments: 0, prices: new Map() };
  const until = performance.now() + options.durationMs;
  const repeat = async (everyMs: number, work: () => Promise<void>) => {
    while (!options.closing.aborted && performance.now() < until) {
      await work();
      await pause(everyMs, options.closing);
    }
  };
  const done = Promise.all([
    repeat(ADJUST_EVERY_MS, () => adjust(options, stock)),
    repeat(PRICE_EVERY_MS, () => changePrice(options, stock)),
  ]).then(() => undefined);
  return { stock, done };
}

/** Not repeated without an answer: twice would be twice as much. */
async function adjust(
  { client, menu, random, books, latencies }: TendOptions,
  stock: StockBooks,
): Promise<void> {
  const { scarce } = random.pick(menu.restaurants);
  // Now and then more than there can be: it has to be rejected whole.
  const delta = random.chance(0.15) ? -1_000_000 : random.chance(0.3) ? -random.int(1, 5) : random.int(1, 12);
  const path = `/inventory/${random.pick(scarce)}/adjustments`;
  const reply = await client.ask('POST', path, { delta, reason: delta > 0 ? 'delivery' : 'count' });
  books.note('POST /inventory/{id}/adjustments', reply, [202]);
  const outcome = outcomeOf(reply);
  if (outcome === 'unknown') stock.unknownAdjustments += 1;
  if (reply.kind !== 'answer' || outcome !== 'done') return;
  stock.adjustments.push(String(reply.body.adjustment_id));
  latencies.add('POST /adjustments', reply.ms);
}

async function changePrice(
  { client, menu, random, books, latencies }: TendOptions,
  stock: StockBooks,
): Promise<void> {
  const item = random.pick(random.pick(menu.restaurants).ordinary);
  const price = `${random.int(50, 900)}.${random.int(10, 99)}`;
  const known = stock.prices.get(item) ?? { perhaps: new Set<string>() };
  stock.prices.set(item, known);
  const reply = await client.ask('PATCH', `/inventory/${item}`, { price });
  books.note('PATCH /inventory/{id}', reply, [200]);
  const outcome = outcomeOf(reply);
  // A request without an answer may still be on its way, and overtake a later one.
  if (outcome === 'unknown') known.perhaps.add(price);
  if (reply.kind !== 'answer' || outcome !== 'done') return;
  known.last = price;
  latencies.add('PATCH /inventory', reply.ms);
}

/** A few items, none twice; many orders want the same hot one, some want more of a scarce one than there is. */
export function randomLines(random: Random, { ordinary, hot, scarce }: Restaurant): OrderLine[] {
  const items = random.shuffle(ordinary).slice(0, random.int(0, 3));
  if (random.chance(0.5) || items.length === 0) items.push(random.pick(hot));
  const lines = items.map((itemId) => ({ itemId, quantity: random.int(1, 4) }));
  if (random.chance(0.12)) lines.push({ itemId: random.pick(scarce), quantity: random.int(1, 6) });
  return random.shuffle(lines);
}
