import type { Origin } from '../../shared/events/announce';
import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { isLockTimeout, isPassing } from '../../shared/messaging/failure';
import { insertIntoOutbox, makeEvents } from '../../shared/outbox/write-outbox';
import type { CardTokenKeys } from '../../shared/payment/card-token';
import type { Decimal } from '../../shared/money';
import { Prisma } from '../../shared/service/database';
import type { Statements } from '../../shared/service/transaction';
import { beneath } from '../../shared/tracing/beneath';
import { Common, errorTypeOf, Span, startBatch } from '../../shared/tracing/span';
import { overloaded } from '../http/problem';
import type { Answer } from '../http/answer';
import { keptAnswers, takeKeys } from '../idempotency/kept-answers';
import { keyInUse, type IdempotencyKey } from '../idempotency/key';
import { insertCards, refuseCardForNothing, sealCard, type SealedCard } from './card-token';
import type { Payment } from './fields';
import { groupCommit } from './group-commit';
import { watchHeldRestaurants } from './held-restaurants';
import { ONLY_NEW, withNewOrders, type NewOrder } from './new-order';
import { announcePlaced } from './placed-event';
import { visibleShortages } from './visible-shortages';
import { priceOrders, refuseOtherTotal, type PricedOrder, type WantedLines } from './price-lines';

/** An order as it is asked for. */
export interface RequestedOrder extends WantedLines {
  customer_id?: string | undefined;
  email?: string | undefined;
  delivery_address?: string | Record<string, string> | undefined;
  reference?: string | undefined;
  note?: string | undefined;
  metadata?: Record<string, string> | undefined;
  expected_total?: Decimal | undefined;
  payment?: Payment | undefined;
  draft?: boolean | undefined;
  origin: Origin;
  /** Who asks, where they had to say who they are. */
  by: string | null;
  /** Rather refused than taken where there is visibly too little in stock. */
  isStrict?: boolean | undefined;
  /** Committed with it, and what is answered under it. */
  keyed?: { key: IdempotencyKey; answerFor: (order: NewOrder) => Answer } | undefined;
}

/** An order as it is committed. */
export interface TakenOrder {
  order: NewOrder;
  /** That it was placed; nobody is told of a draft. */
  event: Event | undefined;
}

/** What was answered to the same request before: nothing is taken anew. */
export interface TakenBefore {
  before: Answer;
}

/**
 * Takes an order: resolves once it is committed, or was with its idempotency key. Rejects with a Problem that says
 * what is wrong with it.
 */
export type OrderIntake = (order: RequestedOrder) => Promise<TakenOrder | TakenBefore>;

// While the database is at one group, this process makes the next one ready.
const LANES = 2;
const LARGEST_GROUP = 64;
const GROUP = new Common({ 'ordermesh.batch': 'orders' });
/** As long as one waits for a connection of the pool. */
const PATIENCE_MS = 8_000;

/**
 * The way in for new orders: those that come at the same time share a look at the menus and a transaction. Under
 * load that is what makes one cheap, for the round trips and the commit cost the same for one as for thirty.
 */
export function openIntake(database: Statements, cardTokenKey: CardTokenKeys | undefined): OrderIntake {
  const held = watchHeldRestaurants(database);
  return groupCommit({
    commit,
    lanes: LANES,
    largest: LARGEST_GROUP,
    patienceMs: PATIENCE_MS,
    tooLate: () => overloaded('The database is slow, and orders wait for it.', 1),
  });

  async function commit(requests: readonly RequestedOrder[]): Promise<(Taken | Error)[]> {
    const spans = requests.map(({ origin }) => origin.within).filter((one) => one instanceof Span);
    const [only] = spans;
    if (!only || requests.length === 1) return commitOver(beneath(database, only), requests);
    // Those that share a transaction each have their own trace: that is one more, which all of theirs lead to.
    const group = startBatch('commit orders', GROUP)?.set('ordermesh.batch.order_count', requests.length);
    for (const span of spans) {
      group?.link(span);
      span.link(group);
    }
    try {
      return await commitOver(beneath(database, group), requests);
    } catch (error) {
      group?.fail(errorTypeOf(error));
      throw error;
    } finally {
      group?.end();
    }
  }

  async function commitOver(
    over: Statements,
    requests: readonly RequestedOrder[],
  ): Promise<(Taken | Error)[]> {
    const priced = await refuseShort(
      over,
      requests,
      await eachIfNotAll(requests, (some) => priceOrders(over, some)),
    );
    const made = requests.map((request, index) => make(request, priced[index]!));
    // Of a key that comes twice, the first; the other finds what was answered to that.
    const keys = new Set<string>();
    const good = made.filter((one): one is MadeOrder => {
      if (one instanceof Error || (one.key && keys.has(one.key.hash))) return false;
      if (one.key) keys.add(one.key.hash);
      return true;
    });
    const inserted = good.length === 0 ? [] : await insertUnlessHeld(over, good);
    const results = made.map((one) => {
      if (one instanceof Error) return one;
      const at = good.indexOf(one);
      return at < 0 ? undefined : inserted[at];
    });
    return settleKeys(over, requests, results);
  }

  /** Whoever could not be taken under a key may have been, with the same key, before. */
  async function settleKeys(
    over: Statements,
    requests: readonly RequestedOrder[],
    results: readonly (MadeOrder | Error | undefined)[],
  ): Promise<(Taken | Error)[]> {
    const asked = requests.flatMap(({ keyed }, index) => {
      const result = results[index];
      return keyed && (result === undefined || result instanceof Error) ? [keyed.key] : [];
    });
    const kept = asked.length > 0 ? await keptAnswers(over, asked) : () => undefined;
    return requests.map(({ keyed }, index) => {
      const result = results[index];
      if (result && !(result instanceof Error)) return result;
      const before = keyed && kept(keyed.key);
      if (before) return before instanceof Error ? before : { before };
      return result ?? keyInUse(); // its twin in the group failed
    });
  }

  /** Of those that are strict, which are short. */
  async function refuseShort(
    over: Statements,
    requests: readonly RequestedOrder[],
    priced: readonly (PricedOrder | Error)[],
  ): Promise<readonly (PricedOrder | Error)[]> {
    const strict = priced.filter(
      (one, index): one is PricedOrder => !(one instanceof Error) && requests[index]?.isStrict === true,
    );
    if (strict.length === 0) return priced;
    const short = await visibleShortages(
      over,
      strict.map(({ lines }) => lines),
    );
    return priced.map((one) => (one instanceof Error ? one : (short[strict.indexOf(one)] ?? one)));
  }

  function make(request: RequestedOrder, priced: PricedOrder | Error): MadeOrder | Error {
    if (priced instanceof Error) return priced;
    const { items: _, payment, draft, expected_total, keyed, isStrict: __, ...asked } = request;
    try {
      refuseOtherTotal(expected_total, priced);
      refuseCardForNothing(payment, priced.total);
      const order: NewOrder = {
        ...asked,
        ...priced,
        id: newId(),
        version: 1,
        status: draft ? 'DRAFT' : 'PLACED',
        payment_method: payment?.method ?? 'CASH',
        created_at: new Date(),
      };
      const cards = sealCard(order.id, payment, cardTokenKey);
      const placed = draft ? [] : [announcePlaced(order.origin, order, order.created_at)];
      const [event] = makeEvents('order-api', placed);
      return { order, cards, event, key: keyed?.key, answer: keyed?.answerFor(order) };
    } catch (error) {
      return error as Error;
    }
  }

  /** One restaurant that somebody keeps locked lets its own orders wait, and no others. */
  async function insertUnlessHeld(
    over: Statements,
    orders: readonly MadeOrder[],
  ): Promise<readonly (MadeOrder | Error | undefined)[]> {
    const known = await held.known(restaurantsOf(orders));
    const free = orders.filter(({ order }) => !known.has(order.restaurant_id));
    try {
      const inserted = free.length === 0 ? [] : await eachIfNotAll(free, (some) => insert(over, some));
      return orders.map((one) => (free.includes(one) ? inserted[free.indexOf(one)] : restaurantIsLocked()));
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      const found = await held.look(restaurantsOf(free));
      if (!free.some(({ order }) => found.has(order.restaurant_id))) throw error;
      return insertUnlessHeld(over, orders);
    }
  }

  /**
   * Orders, lines, history, card tokens, events and keys in one statement: one transaction, one round trip.
   * @returns undefined for one whose key is taken, of which nothing was written
   */
  async function insert(
    over: Statements,
    orders: readonly MadeOrder[],
  ): Promise<readonly (MadeOrder | undefined)[]> {
    const rows = orders.map(({ order, key }) => ({ ...order, key: key?.hash }));
    const cards = orders.flatMap((one) => one.cards);
    const events = orders.flatMap(({ event }) => event ?? []);
    const keyed = orders.flatMap(({ key, answer }) => (key && answer ? [{ key, answer }] : []));
    if (keyed.length === 0) {
      await over.$executeRaw`${withNewOrders(rows)}, cards AS (${insertCards(cards)}) ${insertIntoOutbox(events)}`;
      return orders;
    }
    const ofNewOrders = Prisma.sql`WHERE subject::uuid IN (SELECT id FROM new_orders)`;
    const free = await over.$queryRaw<{ key: string }[]>`
      ${withNewOrders(rows, takeKeys(keyed))}, cards AS (${insertCards(cards, ONLY_NEW)}),
      outbox AS (${insertIntoOutbox(events, ofNewOrders)})
      SELECT key FROM keys`;
    const taken = new Set(free.map(({ key }) => key));
    return orders.map((one) => (one.key && !taken.has(one.key.hash) ? undefined : one));
  }
}

/**
 * Does it for all at once. Where that fails over something that nobody foresaw, for each alone, so that it is the trouble
 * of the guilty one and of no other; what was made before is the same then, ids included.
 * @throws what the infrastructure failed with
 */
async function eachIfNotAll<I, O>(
  items: readonly I[],
  work: (items: readonly I[]) => Promise<readonly O[]>,
): Promise<readonly (O | Error)[]> {
  try {
    return await work(items);
  } catch (error) {
    if (isPassing(error)) throw error;
    if (items.length === 1) return [error as Error];
    const results: (O | Error)[] = [];
    for (const item of items) results.push(...(await eachIfNotAll([item], work)));
    return results;
  }
}

const restaurantsOf = (orders: readonly MadeOrder[]) => orders.map(({ order }) => order.restaurant_id);

const restaurantIsLocked = () =>
  overloaded('A transaction in the database keeps this restaurant locked, and its orders wait for it.', 1);

interface MadeOrder extends TakenOrder {
  cards: SealedCard[];
  key: IdempotencyKey | undefined;
  answer: Answer | undefined;
}

type Taken = TakenOrder | TakenBefore;
