import { connect } from 'amqplib';
import { newId } from '../shared/ids';
import type { Event } from '../shared/events/envelope';
import { openPublisher } from '../shared/messaging/publisher';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { makeEvents, insertIntoOutbox } from '../shared/outbox/write-outbox';
import { announce } from '../shared/events/announce';
import { createLogger } from '../shared/service/logger';
import { startProxy, type TcpProxy } from '../shared/testing/tcp-proxy';
import { createTestBroker, type TestBroker } from '../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';
import { startRelay, type Relay } from './relay';

let db: TestDatabase;
let broker: TestBroker;
let running: Relay[] = [];
let proxies: TcpProxy[] = [];
beforeEach(async () => {
  [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
  await broker.channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
});
afterEach(async () => {
  await Promise.all(running.map((relay) => relay.stop()));
  running = [];
  await Promise.all(proxies.map((proxy) => proxy.close()));
  proxies = [];
  await Promise.all([db.drop(), broker.drop()]);
});

const log = createLogger('test', process.env.TEST_LOG ?? 'silent');

async function proxyTo(url: string): Promise<TcpProxy> {
  const proxy = await startProxy(url);
  proxies.push(proxy);
  return proxy;
}

async function start(
  urls: { database?: string; rabbitmq?: string } = {},
  options = { batchSize: 100, window: 200 },
): Promise<Relay> {
  const relay = startRelay(urls.database ?? db.url, urls.rabbitmq ?? broker.url, options, log);
  running.push(relay);
  await until('the relay to be ready', () =>
    Object.values(relay.health.checks).every((check) => check() === true),
  );
  return relay;
}

const restored = (order_id: string, n: number) =>
  announce({ correlationid: `c-${n}` }, 'inventory.restored.v1', order_id, {
    order_id,
    restaurant_id: newId(),
    items: [{ menu_item_id: newId(), quantity: n, available_qty: n }],
  });

/** Writes events about the orders, in turn, to the outbox. */
async function write(orderIds: readonly string[], count: number): Promise<Event[]> {
  const events = makeEvents(
    'inventory-service',
    Array.from({ length: count }, (_, n) => restored(orderIds[n % orderIds.length]!, n + 1)),
  );
  await db.database.$executeRaw(insertIntoOutbox(events));
  return events;
}

/** A stranger's queue on the exchange, and all that arrives in it. */
async function listen(
  pattern = '#',
  args: Record<string, unknown> = {},
): Promise<{ queue: string; received: Event[]; messageIds: unknown[] }> {
  const { queue } = await broker.channel.assertQueue(`listener-${newId()}`, {
    durable: true,
    arguments: args,
  });
  await broker.channel.bindQueue(queue, EVENTS_EXCHANGE, pattern);
  const received: Event[] = [];
  const messageIds: unknown[] = [];
  if (!args['x-max-length']) {
    await broker.channel.consume(
      queue,
      (message) => {
        if (!message) return;
        received.push(JSON.parse(message.content.toString()) as Event);
        messageIds.push(message.properties.messageId);
      },
      { noAck: true },
    );
  }
  return { queue, received, messageIds };
}

const waiting = () => db.database.outboxEvent.count();
const logged = () => db.database.eventLog.count();
/** The order in which the events about each subject first came. */
function firstArrivals(received: readonly Event[]): Map<string, string[]> {
  const bySubject = new Map<string, string[]>();
  for (const { subject, id } of received) {
    const ids = bySubject.get(subject) ?? [];
    if (!ids.includes(id)) bySubject.set(subject, [...ids, id]);
  }
  return bySubject;
}
const inOrder = (events: readonly Event[], received: readonly Event[]) =>
  expect(firstArrivals(received)).toEqual(firstArrivals(events));

describe('the relay', () => {
  it('publishes in the order written, with what the management UI shows, and moves the rows to the log', async () => {
    const { received } = await listen();
    const { queue } = await broker.channel.assertQueue('one', { durable: true });
    await broker.channel.bindQueue(queue, EVENTS_EXCHANGE, '#');
    const events = await write([newId(), newId()], 250);
    await start();
    await until('all', () => received.length === events.length);
    expect(received).toEqual(JSON.parse(JSON.stringify(events)));
    await until('the outbox to be empty', async () => (await waiting()) === 0);
    expect(await logged()).toBe(events.length);
    const first = await broker.take('one');
    expect(first.fields.routingKey).toBe('inventory.restored.v1');
    expect(first.properties).toMatchObject({
      messageId: events[0]!.id,
      type: 'inventory.restored.v1',
      correlationId: 'c-1',
      appId: 'inventory-service',
      contentType: 'application/cloudevents+json',
      deliveryMode: 2,
      timestamp: expect.any(Number),
    });
  });

  it('has a new event on the exchange within tens of milliseconds when it is idle', async () => {
    const { received } = await listen();
    await start();
    const took: number[] = [];
    for (let n = 1; n <= 20; n++) {
      const from = performance.now();
      await write([newId()], 1);
      await until('it', () => received.length === n);
      took.push(performance.now() - from);
    }
    // A few milliseconds here, but `until` itself looks every 20 ms and the machine may be busy. What polls
    // every second, as many do, would still not pass.
    expect(took.sort((a, b) => a - b)[10]).toBeLessThan(400);
  });

  it('finds a row whose transaction commits after later ones', async () => {
    const { received } = await listen();
    await start();
    const [late] = makeEvents('inventory-service', [restored(newId(), 1)]);
    await db.database.$transaction(async (tx) => {
      await tx.$executeRaw(insertIntoOutbox([late!]));
      const early = await write([newId()], 5);
      await until('the early ones', () => received.length === early.length);
    });
    await until('the late one', () => received.some((event) => event.id === late!.id));
  });

  it('publishes what nobody subscribes to, and keeps back what a service should have got', async () => {
    await db.database.subscription.create({
      data: { consumer: 'some-service', eventType: 'inventory.low_stock.v1' },
    });
    const unwanted = await write([newId()], 3);
    const itemId = newId();
    const data = {
      menu_item_id: itemId,
      restaurant_id: newId(),
      name: 'Dal',
      available_qty: 1,
      low_stock_threshold: 10,
    };
    const [lost] = makeEvents('inventory-service', [
      announce({ correlationid: 'c' }, 'inventory.low_stock.v1', itemId, data),
    ]);
    await db.database.$executeRaw(insertIntoOutbox([lost!]));
    await start();
    await until('the unwanted ones in the log', async () => (await logged()) === unwanted.length);
    const kept = () => db.database.outboxEvent.findFirstOrThrow({ where: { eventId: lost!.id } });
    // It does not hold up what comes after it, of its own order or of others'.
    const later = await write([newId(), itemId], 4);
    await until('the later ones', async () => (await logged()) === unwanted.length + later.length);
    // That its queue is missing is not its own fault.
    expect(await kept()).toMatchObject({ attempts: 0, nextAttemptAt: null });
    // Somebody declares the queue; nothing else has to be done.
    const { received } = await listen('inventory.low_stock.v1');
    await until('the lost one', () => received.some((event) => event.id === lost!.id));
    await until('the outbox to be empty', async () => (await waiting()) === 0);
  });

  it('puts a refused event out of the way of the others, and publishes it when it is taken', async () => {
    const { queue } = await listen('inventory.restored.v1', {
      'x-max-length': 1,
      'x-overflow': 'reject-publish',
    });
    const events = await write([newId(), newId()], 10);
    await start();
    await until('the refused ones to wait', () =>
      db.database.outboxEvent.count({ where: { attempts: { gte: 1 } } }).then((count) => count >= 8),
    );
    const refused = await db.database.outboxEvent.findFirst({ where: { attempts: { gte: 1 } } });
    expect(refused?.lastError).toContain('refused');
    await broker.channel.deleteQueue(queue);
    await until('all in the log', async () => (await logged()) === events.length, 30_000);
  });

  it('blames only the row that makes the broker close the channel, or that cannot be sent at all', async () => {
    const { received } = await listen();
    const before = await write([newId()], 5);
    await db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, ${'x'.repeat(300)}, 's', 'c', '{}'::json)`;
    // Not an object, and not even text to PostgreSQL: such a body is nobody's event, but no reason to stop.
    await db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', '["a\\u0000b"]'::json)`;
    const after = await write([newId()], 5);
    await start();
    await until('the others', () => received.length === before.length + after.length + 1);
    expect(
      await until('the impossible one to wait', () =>
        db.database.outboxEvent.findFirst({ where: { attempts: { gte: 1 } } }),
      ),
    ).toBeTruthy();
    await until('the others to be marked', async () => (await waiting()) === 1);
  });

  it('survives the loss of the exchange, of its broker connection and of its database connection', async () => {
    const [database, rabbitmq] = [await proxyTo(db.url), await proxyTo(broker.url)];
    const { received } = await listen();
    await start({ database: database.url, rabbitmq: rabbitmq.url });
    const orders = [newId(), newId(), newId()];
    const events: Event[] = [];
    for (let round = 0; round < 6; round++) {
      events.push(...(await write(orders, 200)));
      (round % 2 === 0 ? database : rabbitmq).cut();
    }
    await until('all', () => new Set(received.map((event) => event.id)).size === events.length, 30_000);
    inOrder(events, received);
    await until('the outbox to be empty', async () => (await waiting()) === 0);
    expect(await logged()).toBe(events.length);
  });
});

describe('two relays', () => {
  it('keep the order of each order, publish hardly anything twice, and one takes over from the other', async () => {
    const proxy = await proxyTo(db.url);
    const { received } = await listen();
    await start({ database: proxy.url });
    await start();
    const orders = Array.from({ length: 10 }, () => newId());
    const events = await write(orders, 500);
    await until('the first ones', () => received.length >= 100);
    proxy.takeAway(); // the owner loses the database, and with it the ownership
    events.push(...(await write(orders, 500)));
    await until('all', () => new Set(received.map((event) => event.id)).size === events.length);
    inOrder(events, received);
    await until('the outbox to be empty', async () => (await waiting()) === 0);
    expect(await logged()).toBe(events.length);
  });

  it('take turns without publishing anything twice when one is stopped in an orderly way', async () => {
    const { received } = await listen();
    const first = await start();
    await start();
    const events = await write([newId(), newId()], 2_000);
    await until('some', () => received.length > 0);
    await first.stop();
    await until('all', () => received.length >= events.length);
    await until('the outbox to be empty', async () => (await waiting()) === 0);
    expect(received).toHaveLength(events.length);
    inOrder(events, received);
  });
});

describe('the publisher', () => {
  it('is not confused by a session that ends with confirms outstanding', async () => {
    const ends: ((reason: Error) => void)[] = [];
    const connection = await connect(broker.url);
    const publisher = await openPublisher(
      {
        openChannel: () => connection.createChannel(),
        openConfirmChannel: () => connection.createConfirmChannel(),
        fail: () => undefined,
        open: true,
        onEnd: (listener) => ends.push(listener),
      },
      5_000,
    );
    const outcome = publisher.publish({
      exchange: EVENTS_EXCHANGE,
      routingKey: 'x',
      body: Buffer.from('{}'),
      properties: {},
    });
    for (const end of ends) end(new Error('gone'));
    await expect(outcome).rejects.toThrow('gone');
    await connection.close();
  });
});
