import { handlers as inventory } from '../../inventory-service/handlers';
import { handlers as notification } from '../../notification-service/handlers';
import { anybody } from '../../order-api/access/caller';
import { requestAdjustment } from '../../order-api/menu/adjustments';
import { cancelOrder, changeStatus } from '../../order-api/orders/move-order';
import { approveOrder } from '../../order-api/orders/approve-order';
import { noBound } from '../../order-api/orders/backlog';
import { openIntake, type OrderIntake } from '../../order-api/orders/order-intake';
import { placeOrder } from '../../order-api/orders/place-order';
import { Problem } from '../../order-api/http/problem';
import { noPreconditions } from '../../order-api/http/versions';
import type { Route } from '../../order-api/http/route';
import { askGateway } from '../../payment-service/ask-gateway';
import { NoAnswerError } from '../../payment-service/gateway/gateway';
import { handlers as payment } from '../../payment-service/handlers';
import { withId, type CardTokenKeys } from '../../shared/payment/card-token';
import { isWorking, type PaymentState } from '../../shared/payment/payment-lifecycle';
import { settlePayment } from '../../payment-service/settle-payment';
import { claim, deskOf } from '../../payment-service/work-payments';
import { parseMessage, type Event } from '../../shared/events/envelope';
import { isEventType } from '../../shared/events/contracts';
import { newId } from '../../shared/ids';
import { transactionsOf } from '../../shared/testing/test-database';
import { handleBatch } from '../../shared/messaging/handle-batch';
import { isPassing } from '../../shared/messaging/failure';
import type { HandlerTable } from '../../shared/messaging/handler';
import type { Database } from '../../shared/service/database';
import { createLogger } from '../../shared/service/logger';
import { seedMenu } from '../../shared/testing/seed';
import { expireSome } from '../../status-service/expire-orders';
import { handlers as status } from '../../status-service/handlers';
import { TableGateway } from './gateway';
import { consumers, type Consumer, type Step } from './steps';

const tables: Record<Consumer, HandlerTable> = {
  'inventory-service': inventory,
  'status-service': status,
  'payment-service': payment,
  'notification-service': notification,
};
const log = createLogger('simulation', 'silent');
const OPENING = [30, 12, 3];
const cardTokenKey: CardTokenKeys = [withId(Buffer.alloc(32, 7))];
const TAKEOVER_MS = 60_000;

class Crash extends Error {}

/**
 * The real routes and handlers on a real database, with a broker made of arrays, so that one seed decides
 * what is duplicated, delayed, reordered and redelivered, and where processes crash. It steps through one
 * thing at a time: it explores orderings, not lock races, which are the race tests' part.
 */
export class World {
  readonly orders: string[] = [];
  readonly published: Event[] = [];
  readonly gateway = new TableGateway();
  readonly #intake: OrderIntake;
  #unrecorded: (() => Promise<unknown>)[] = [];
  readonly #queues = new Map<Consumer, Event[]>(consumers.map((consumer) => [consumer, []]));

  private constructor(
    readonly database: Database,
    readonly restaurantId: string,
    readonly items: string[],
  ) {
    this.#intake = openIntake(database, cardTokenKey);
  }

  static async begin(database: Database): Promise<World> {
    const { restaurantId, items } = await seedMenu(database, OPENING, { lowStockThreshold: 3 });
    return new World(database, restaurantId, items);
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'place':
      case 'draft': {
        const items = step.lines.map(({ item, quantity }) => ({ menu_item_id: this.items[item], quantity }));
        const how = step.do === 'draft' ? { draft: true } : { draft: false, payment: paymentBy(step.token) };
        const answer = await this.#ask(placeOrder, {}, { restaurant_id: this.restaurantId, items, ...how });
        this.orders.push((answer as { order_id: string }).order_id);
        return;
      }
      case 'approve':
        return this.#askAbout(approveOrder, step.order, { payment: paymentBy(step.token) });
      case 'pay':
        return this.#pay(step);
      case 'catch up':
        return this.#catchUp();
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
      case 'run':
        for (let hop = 0; hop < step.hops; hop++) await this.#hop();
        return;
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
      await this.#hop();
      const late = this.gateway.hasLate || this.#unrecorded.length > 0;
      await this.#catchUp(); // at the latest possible moment, where it can do most harm
      const waiting = consumers.some((consumer) => this.#queue(consumer).length > 0);
      const unpublished = await this.database.outboxEvent.count();
      if (!late && !waiting && unpublished === 0 && (await this.#working()).length === 0) return;
    }
    throw new Error('the mesh does not come to rest: events cause each other without end');
  }

  /** Everybody does once, in good order, what there is to do. */
  async #hop(): Promise<void> {
    await this.#relay(1000, false);
    for (const _ of await this.#working())
      await this.#pay({ payment: 0, fates: [], meanwhile: null, ends: 'recorded' });
    for (const consumer of consumers)
      await this.#deliver({ consumer, skip: 0, count: 1000, ends: 'acknowledged' });
  }

  /** Payments of this history for which the gateway is to be asked. */
  async #working(): Promise<string[]> {
    const payments = await this.database.payment.findMany({
      where: { orderId: { in: this.orders } },
      orderBy: { id: 'asc' },
    });
    return payments.filter(({ state }) => isWorking(state as PaymentState)).map(({ id }) => id);
  }

  async #pay({
    payment: chosen,
    fates,
    meanwhile,
    ends,
  }: Omit<Extract<Step, { do: 'pay' }>, 'do'>): Promise<void> {
    const working = await this.#working();
    const id = working[chosen % Math.max(1, working.length)];
    if (!id) return;
    // Time is the history's to decide: this one is due, and no other.
    await this.database.$executeRaw`
      UPDATE payments SET next_attempt_at = now() + CASE WHEN id = ${id}::uuid THEN '-1 s' ELSE '1 day' END::interval
      WHERE next_attempt_at IS NOT NULL`;
    const {
      claimed: [due],
    } = await claim(this.database, this.gateway.name, 1, TAKEOVER_MS);
    if (!due) throw new Error(`payment ${id} is due and was not claimed`);
    const desk = deskOf(this.database, this.gateway, {
      CARD_TOKEN_KEY: cardTokenKey,
      PAYMENT_TAKEOVER: TAKEOVER_MS,
    });
    this.gateway.fates = [...fates];
    this.gateway.meanwhile = meanwhile && {
      call: meanwhile.call,
      happens: () => this.#cancelAtOnce(meanwhile.order),
    };
    const finding = await askGateway(this.gateway, desk, due).catch((error: unknown) => {
      if (error instanceof NoAnswerError) return undefined;
      throw error;
    });
    this.gateway.fates = [];
    this.gateway.meanwhile = null;
    if (!finding || ends === 'process dies') return;
    const record = () => this.database.$transaction((tx) => settlePayment(tx, due, finding));
    if (ends === 'recorded') await record();
    else this.#unrecorded.push(record);
  }

  /** A cancellation that payment-service hears of before anything else does. */
  async #cancelAtOnce(order: number): Promise<void> {
    await this.#askAbout(cancelOrder, order, { by: 'CUSTOMER' });
    await this.#relay(1000, false);
    const queue = this.#queue('payment-service');
    const skip = queue.findIndex((event) => event.type === 'order.cancelled.v1');
    if (skip >= 0) await this.#deliver({ consumer: 'payment-service', skip, count: 9, ends: 'acknowledged' });
  }

  async #catchUp(): Promise<void> {
    this.gateway.arrive();
    for (const record of this.#unrecorded.splice(0)) await record();
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
        transactionsOf(this.database),
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
      const { database } = this;
      const context = {
        caller: anybody,
        database,
        intake: this.#intake,
        backlog: noBound,
        log,
        origin: { correlationid: newId() },
        preconditions: noPreconditions,
        preferences: { isStrict: false },
        live: undefined as never, // nobody follows here
        lastEventId: undefined,
        draftDeadlineMs: Infinity,
        allowPrivateWebhooks: false,
        cardTokenKey,
      };
      return (await route.handle({ params, body, query: undefined }, context)).body;
    } catch (error) {
      if (error instanceof Problem && error.status === 409) return undefined; // refused, as it should be
      throw isPassing(error) ? new Error('the database failed', { cause: error }) : error;
    }
  }
}

const paymentBy = (token: string | null) => (token ? { method: 'CARD', token } : { method: 'CASH' });

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
