import { handlers as inventory } from '../../inventory-service/handlers';
import { handlers as notification } from '../../notification-service/handlers';
import { requestAdjustment } from '../../order-api/menu/adjustments';
import { cancelOrder, changeStatus } from '../../order-api/orders/move-order';
import { placeOrder } from '../../order-api/orders/place-order';
import { Problem } from '../../order-api/http/problem';
import type { Route } from '../../order-api/http/route';
import { parseMessage, type Event } from '../../shared/events/envelope';
import { isEventType } from '../../shared/events/contracts';
import { newId } from '../../shared/ids';
import { handleBatch } from '../../shared/messaging/handle-batch';
import { failureKind } from '../../shared/messaging/failure';
import type { HandlerTable } from '../../shared/messaging/handler';
import type { Database } from '../../shared/service/database';
import { createLogger } from '../../shared/service/logger';
import { seedMenu } from '../../shared/testing/seed';
import { expireSome } from '../../status-service/expire-orders';
import { handlers as status } from '../../status-service/handlers';
import { consumers, type Consumer, type Step } from './steps';

const tables: Record<Consumer, HandlerTable> = {
  'inventory-service': inventory,
  'status-service': status,
  'notification-service': notification,
};
const log = createLogger('simulation', 'silent');
const OPENING = [12, 5, 1];

class Crash extends Error {}

/**
 * The real routes and handlers on a real database, with a broker made of arrays, so that one seed decides
 * what is duplicated, delayed, reordered and redelivered, and where processes crash. It steps through one
 * thing at a time: it explores orderings, not lock races, which are the race tests' part.
 */
export class World {
  readonly orders: string[] = [];
  readonly published: Event[] = [];
  readonly #queues = new Map<Consumer, Event[]>(consumers.map((consumer) => [consumer, []]));

  private constructor(
    readonly database: Database,
    readonly restaurantId: string,
    readonly items: string[],
  ) {}

  static async begin(database: Database): Promise<World> {
    const { restaurantId, items } = await seedMenu(database, OPENING, { lowStockThreshold: 3 });
    return new World(database, restaurantId, items);
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'place': {
        const items = step.lines.map(({ item, quantity }) => ({ menu_item_id: this.items[item], quantity }));
        const answer = await this.#ask(placeOrder, {}, { restaurant_id: this.restaurantId, items });
        this.orders.push((answer as { order_id: string }).order_id);
        return;
      }
      case 'cancel':
        return this.#askAbout(cancelOrder, step.order, { by: 'CUSTOMER' });
      case 'move':
        return this.#askAbout(changeStatus, step.order, { status: step.to });
      case 'adjust':
        return void (await this.#ask(
          requestAdjustment,
          { menu_item_id: this.items[step.item] },
          { delta: step.delta, reason: 'count' },
        ));
      case 'relay':
        return this.#relay(step.count, step.crashes);
      case 'deliver':
        return this.#deliver(step);
      case 'replay': {
        const event = this.published[step.event % Math.max(1, this.published.length)];
        if (event && tables[step.consumer][event.type]) this.#queue(step.consumer).push(event);
        return;
      }
      case 'forget':
        return void (await this.database.processedEvent.deleteMany({ where: { consumer: step.consumer } }));
      case 'expire':
        return void (await expireSome(this.database, -60_000));
    }
  }

  /** Lets everything that is under way come to its end, in good order. */
  async settle(): Promise<void> {
    for (let round = 0; round < 100; round++) {
      await this.#relay(1000, false);
      const busy = consumers.filter((consumer) => this.#queue(consumer).length > 0);
      if (busy.length === 0) return;
      for (const consumer of busy)
        await this.#deliver({ consumer, skip: 0, count: 1000, ends: 'acknowledged' });
    }
    throw new Error('the mesh does not come to rest: events cause each other without end');
  }

  #queue(consumer: Consumer): Event[] {
    return this.#queues.get(consumer) as Event[];
  }

  async #relay(count: number, crashes: boolean): Promise<void> {
    const rows = await this.database.outboxEvent.findMany({ orderBy: { seq: 'asc' }, take: count });
    for (const { body } of rows) {
      // What a consumer gets has been through JSON and its schema, as on the wire.
      const parsed = parseMessage(Buffer.from(JSON.stringify(body)), isEventType);
      if (!parsed.ok) throw new Error(`an event that no consumer could read: ${parsed.error}`);
      this.published.push(parsed.event);
      for (const consumer of consumers)
        if (tables[consumer][parsed.event.type]) this.#queue(consumer).push(parsed.event);
    }
    if (crashes) return;
    await this.database.eventLog.createMany({
      data: rows.map(({ eventId, type, subject, correlationId, causationId, body, createdAt }) => {
        return { eventId, type, subject, correlationId, causationId, body: body as object, createdAt };
      }),
      skipDuplicates: true,
    });
    await this.database.outboxEvent.deleteMany({ where: { seq: { in: rows.map((row) => row.seq) } } });
  }

  async #deliver({
    consumer,
    skip,
    count,
    ends,
  }: Omit<Extract<Step, { do: 'deliver' }>, 'do'>): Promise<void> {
    const queue = this.#queue(consumer);
    const from = queue[skip] ? skip : 0;
    const first = queue[from];
    if (!first) return;
    const batch = queue
      .slice(from)
      .filter((event) => event.type === first.type)
      .slice(0, count);
    try {
      await handleBatch(
        this.database,
        consumer,
        ends === 'crash before commit' ? crashing(tables[consumer]) : tables[consumer],
        batch.map((event) => ({ event, attempt: 1 })),
      );
    } catch (error) {
      if (error instanceof Crash) return; // rolled back, unacknowledged: it stays in the queue
      throw error;
    }
    if (ends === 'crash before acknowledgement') return;
    for (const event of batch) queue.splice(queue.indexOf(event), 1);
    if (ends === 'acknowledged, and delivered again') queue.push(...batch);
  }

  async #askAbout(route: Route, order: number, body: unknown): Promise<void> {
    const id = this.orders[order % Math.max(1, this.orders.length)];
    if (id) await this.#ask(route, { id }, body);
  }

  async #ask(route: Route, params: unknown, body: unknown): Promise<unknown> {
    try {
      const context = { database: this.database, log, origin: { correlationid: newId() } };
      return (await route.handle({ params, body, query: undefined }, context)).body;
    } catch (error) {
      if (error instanceof Problem && error.status === 409) return undefined; // refused, as it should be
      throw failureKind(error) === 'infrastructure'
        ? new Error('the database failed', { cause: error })
        : error;
    }
  }
}

/** The same handlers, in a process that dies before its commit. */
const crashing = (table: HandlerTable): HandlerTable =>
  Object.fromEntries(
    Object.entries(table).map(([type, handler]) => [
      type,
      async (...args: Parameters<typeof handler>) => {
        await (handler as (...args: unknown[]) => Promise<unknown>)(...args);
        throw new Crash();
      },
    ]),
  );
