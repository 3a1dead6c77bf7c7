import { announce } from '../../shared/events/announce';
import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import { insertIntoOutbox, makeEvents } from '../../shared/outbox/write-outbox';
import { createLogger } from '../../shared/service/logger';
import { startProxy, type TcpProxy } from '../../shared/testing/tcp-proxy';
import { createTestBroker, type TestBroker } from '../../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { startRelay, type Relay } from '../relay';

/** A database and a virtual host of its own, relays on them, and a stranger who listens. */
export interface RelayWorld {
  db: TestDatabase;
  broker: TestBroker;
  proxyTo(url: string): Promise<TcpProxy>;
  /** Starts a relay without waiting for it. */
  begin(urls?: Urls, options?: { batchSize: number; window: number }): Relay;
  /** Starts a relay and waits until it is ready. */
  start(urls?: Urls, options?: { batchSize: number; window: number }): Promise<Relay>;
  /** Writes events about the subjects, in turn, to the outbox. */
  write(subjects: readonly string[], count: number): Promise<Event[]>;
  writeEvents(...events: Event[]): Promise<void>;
  /** A stranger's queue on the exchange, and all that arrives in it. */
  listen(pattern?: string, args?: Record<string, unknown>): Promise<{ queue: string; received: Event[] }>;
  /** Records that some service subscribes to the types. */
  subscribe(...types: string[]): Promise<void>;
  waiting(): Promise<number>;
  logged(): Promise<number>;
  /** Rows that were refused or returned, and by that postponed. */
  accused(): Promise<number>;
  close(): Promise<void>;
}

export interface Urls {
  database?: string;
  rabbitmq?: string;
}

/** Why a relay is not ready; empty where it is. */
export const troubles = ({ health }: Relay): string =>
  Object.values(health.checks)
    .map((check) => check())
    .filter((result) => result !== true)
    .join('; ');

export const restored = (order_id: string, n: number) =>
  announce({ correlationid: `c-${n}` }, 'inventory.restored.v1', order_id, {
    order_id,
    restaurant_id: newId(),
    items: [{ menu_item_id: newId(), quantity: n, available_qty: n }],
  });

export const lowStock = (menu_item_id = newId()): Event =>
  makeEvents('inventory-service', [
    announce({ correlationid: 'c' }, 'inventory.low_stock.v1', menu_item_id, {
      menu_item_id,
      restaurant_id: newId(),
      name: 'Dal',
      available_qty: 1,
      low_stock_threshold: 10,
    }),
  ])[0]!;

export async function createRelayWorld(): Promise<RelayWorld> {
  const [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
  await broker.channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
  const log = createLogger('test', process.env.TEST_LOG ?? 'silent');
  const relays: Relay[] = [];
  const proxies: TcpProxy[] = [];

  const world: RelayWorld = {
    db,
    broker,
    proxyTo: async (url) => {
      const proxy = await startProxy(url);
      proxies.push(proxy);
      return proxy;
    },
    begin: (urls = {}, options = { batchSize: 100, window: 200 }) => {
      const relay = startRelay(urls.database ?? db.url, urls.rabbitmq ?? broker.url, options, log);
      relays.push(relay);
      return relay;
    },
    start: async (urls, options) => {
      const relay = world.begin(urls, options);
      await until('the relay to be ready', () => troubles(relay) === '');
      return relay;
    },
    write: async (subjects, count) => {
      const events = makeEvents(
        'inventory-service',
        Array.from({ length: count }, (_, n) => restored(subjects[n % subjects.length]!, n + 1)),
      );
      await world.writeEvents(...events);
      return events;
    },
    writeEvents: async (...events) => void (await db.database.$executeRaw(insertIntoOutbox(events))),
    listen: (pattern = '#', args = {}) => listen(broker, pattern, args),
    subscribe: async (...types) => {
      const data = types.map((eventType) => ({ consumer: 'some-service', eventType }));
      await db.database.subscription.createMany({ data });
    },
    waiting: () => db.database.outboxEvent.count(),
    logged: () => db.database.eventLog.count(),
    accused: () =>
      db.database.outboxEvent.count({
        where: { OR: [{ attempts: { gt: 0 } }, { nextAttemptAt: { not: null } }] },
      }),
    close: async () => {
      await Promise.all(relays.map((relay) => relay.stop()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await Promise.all([db.drop(), broker.drop()]);
    },
  };
  return world;
}

async function listen(broker: TestBroker, pattern: string, args: Record<string, unknown>) {
  const { queue } = await broker.channel.assertQueue(`listener-${newId()}`, {
    durable: true,
    arguments: args,
  });
  await broker.channel.bindQueue(queue, EVENTS_EXCHANGE, pattern);
  const received: Event[] = [];
  if (args['x-max-length']) return { queue, received };
  const take = (content: Buffer) => received.push(JSON.parse(content.toString()) as Event);
  await broker.channel.consume(queue, (message) => message && take(message.content), { noAck: true });
  return { queue, received };
}

/** The order in which the events about each subject first came. */
export function firstArrivals(received: readonly Event[]): Map<string, string[]> {
  const bySubject = new Map<string, string[]>();
  for (const { subject, id } of received) {
    const ids = bySubject.get(subject) ?? [];
    if (!ids.includes(id)) bySubject.set(subject, [...ids, id]);
  }
  return bySubject;
}
