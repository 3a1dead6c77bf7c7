import type { Origin } from '../../shared/events/announce';
import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { isPassing } from '../../shared/messaging/failure';
import { insertIntoOutbox, makeEvents } from '../../shared/outbox/write-outbox';
import type { CardTokenKeys } from '../../shared/payment/card-token';
import type { Decimal } from '../../shared/money';
import type { Database } from '../../shared/service/database';
import { overloaded } from '../http/problem';
import { insertCards, refuseCardForNothing, sealCard, type SealedCard } from './card-token';
import type { Payment } from './fields';
import { groupCommit } from './group-commit';
import { withNewOrders, type NewOrder } from './new-order';
import { announcePlaced } from './placed-event';
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
}

/** An order as it is committed. */
export interface TakenOrder {
  order: NewOrder;
  /** That it was placed; nobody is told of a draft. */
  event: Event | undefined;
}

/** Takes an order: resolves once it is committed. Rejects with a Problem that says what is wrong with it. */
export type OrderIntake = (order: RequestedOrder) => Promise<TakenOrder>;

// While the database is at one group, this process makes the next one ready.
const LANES = 2;
const LARGEST_GROUP = 64;
/** As long as one waits for a connection of the pool. */
const PATIENCE_MS = 8_000;

/**
 * The way in for new orders: those that come at the same time share a look at the menus and a transaction. Under
 * load that is what makes one cheap, for the round trips and the commit cost the same for one as for thirty.
 */
export function openIntake(database: Database, cardTokenKey: CardTokenKeys | undefined): OrderIntake {
  return groupCommit({
    commit,
    lanes: LANES,
    largest: LARGEST_GROUP,
    patienceMs: PATIENCE_MS,
    tooLate: () => overloaded('The database is slow, and orders wait for it.', 1),
  });

  async function commit(requests: readonly RequestedOrder[]): Promise<(TakenOrder | Error)[]> {
    const priced = await eachIfNotAll(requests, (some) => priceOrders(database, some));
    const made = requests.map((request, index) => make(request, priced[index]!));
    const good = made.filter((one): one is MadeOrder => !(one instanceof Error));
    if (good.length === 0) return made;
    const inserted = await eachIfNotAll(good, insert);
    return made.map((one) => (one instanceof Error ? one : inserted[good.indexOf(one)]!));
  }

  function make(request: RequestedOrder, priced: PricedOrder | Error): MadeOrder | Error {
    if (priced instanceof Error) return priced;
    const { items: _, payment, draft, expected_total, ...asked } = request;
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
      return { order, cards, event };
    } catch (error) {
      return error as Error;
    }
  }

  /** Orders, lines, history, card tokens and events in one statement: one transaction, one round trip. */
  async function insert(orders: readonly MadeOrder[]): Promise<readonly MadeOrder[]> {
    await database.$executeRaw`
      ${withNewOrders(orders.map(({ order }) => order))}, cards AS (${insertCards(orders.flatMap(({ cards }) => cards))})
      ${insertIntoOutbox(orders.flatMap(({ event }) => event ?? []))}`;
    return orders;
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

interface MadeOrder extends TakenOrder {
  cards: SealedCard[];
}
