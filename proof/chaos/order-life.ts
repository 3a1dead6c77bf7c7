import type { ApiClient, Reply } from './api-client';
import type { Latencies } from './latencies';
import type { OrderBooks, OrderRecord, StaffStatus } from './order-books';
import { pause } from './pause';
import type { Random } from '../testbed/random';

export interface LifeOptions {
  client: ApiClient;
  books: OrderBooks;
  latencies: Latencies;
  order: OrderRecord;
  /** From 0 to 1: what people have in mind with this order. */
  fate: number;
  random: Random;
  /** Aborted when nobody waits any longer. */
  closing: AbortSignal;
}

const TRIES = 10;

/** What people do with an accepted order: deliver it, cancel it, both at the same time, or nothing. */
export async function orderLife(options: LifeOptions): Promise<void> {
  const { fate, random, closing } = options;
  if (fate < 0.3) return;
  if (fate < 0.45) {
    // At once: the cancellation overtakes the stock; or when it is being prepared.
    await pause(random.chance(0.5) ? 0 : random.int(50, 4_000), closing);
    return cancel(options);
  }
  await pause(random.int(200, 2_500), closing);
  if (fate < 0.55) return void (await Promise.all([deliver(options), cancelSoon(options)]));
  await deliver(options);
}

async function cancelSoon(options: LifeOptions): Promise<void> {
  await pause(options.random.int(0, 1_500), options.closing);
  await cancel(options);
}

export async function cancel(options: LifeOptions): Promise<void> {
  const { client, books, order, random } = options;
  const by = random.chance(0.7) ? 'CUSTOMER' : 'STAFF';
  await persist(options, 'POST /cancel', async () => {
    const reply = await client.ask('POST', `/orders/${order.orderId}/cancel`, { by });
    return { reply, settled: books.cancelled(order, reply) !== 'unknown' && reply.kind === 'answer' };
  });
}

async function deliver(options: LifeOptions): Promise<void> {
  if (await move(options, 'OUT_FOR_DELIVERY')) {
    await pause(options.random.int(100, 1_500), options.closing);
    await move(options, 'DELIVERED');
  }
}

/** @returns whether it was moved */
async function move(options: LifeOptions, to: StaffStatus): Promise<boolean> {
  const { client, books, order } = options;
  return persist(options, 'PATCH /status', async () => {
    const reply = await client.ask('PATCH', `/orders/${order.orderId}/status`, { status: to });
    const outcome = books.moved(order, to, reply);
    // Not prepared yet: it is asked again later. Anything else that forbids it is final.
    const early = reply.kind === 'answer' && reply.status === 409 && reply.body.current_status === 'PLACED';
    return { reply, settled: outcome !== 'unknown' && reply.kind === 'answer' && !early };
  });
}

/** Asks until it is settled; every kind of request may be repeated without harm. @returns whether it was done */
export async function persist(
  { latencies, closing }: LifeOptions,
  what: string,
  ask: () => Promise<{ reply: Reply; settled: boolean }>,
  most = TRIES,
): Promise<boolean> {
  for (let tries = 0; tries < most && !closing.aborted; tries += 1) {
    const { reply, settled } = await ask();
    const done = reply.kind === 'answer' && reply.status < 300;
    if (done) latencies.add(what, reply.ms);
    if (settled) return done;
    await pause(Math.min(4_000, 300 * 2 ** tries), closing);
  }
  return false;
}
