import { connect } from 'amqplib';
import { newId } from '../shared/ids';
import type { Event } from '../shared/events/envelope';
import { openPublisher } from '../shared/messaging/publisher';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { insertIntoOutbox, makeEvents } from '../shared/outbox/write-outbox';
import { until } from '../shared/testing/until';
import { createRelayWorld, firstArrivals, lowStock, restored, type RelayWorld } from './testing/relay-world';

let world: RelayWorld;
beforeEach(async () => {
  world = await createRelayWorld();
});
afterEach(() => world.close());

const inOrder = (events: readonly Event[], received: readonly Event[]) =>
  expect(firstArrivals(received)).toEqual(firstArrivals(events));

describe('the relay', () => {
  it('publishes in the order written, with what the management UI shows, and moves the rows to the log', async () => {
    const { received } = await world.listen();
    const { queue } = await world.broker.channel.assertQueue('one', { durable: true });
    await world.broker.channel.bindQueue(queue, EVENTS_EXCHANGE, '#');
    const events = await world.write([newId(), newId()], 250);
    await world.start();
    await until('all', () => received.length === events.length);
    expect(received).toEqual(JSON.parse(JSON.stringify(events)));
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    expect(await world.logged()).toBe(events.length);
    const first = await world.broker.take('one');
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
    const { received } = await world.listen();
    await world.start();
    const took: number[] = [];
    for (let n = 1; n <= 20; n++) {
      const from = performance.now();
      await world.write([newId()], 1);
      await until('it', () => received.length === n);
      took.push(performance.now() - from);
    }
    // A few milliseconds here, but `until` itself looks every 20 ms and the machine may be busy. What polls
    // every second, as many do, would still not pass.
    expect(took.sort((a, b) => a - b)[10]).toBeLessThan(400);
  });

  it('finds a row whose transaction commits after later ones', async () => {
    const { received } = await world.listen();
    await world.start();
    const [late] = makeEvents('inventory-service', [restored(newId(), 1)]);
    await world.db.database.$transaction(async (tx) => {
      await tx.$executeRaw(insertIntoOutbox([late!]));
      const early = await world.write([newId()], 5);
      await until('the early ones', () => received.length === early.length);
    });
    await until('the late one', () => received.some((event) => event.id === late!.id));
  });

  it('publishes what nobody subscribes to, and keeps back what a service should have got', async () => {
    await world.subscribe('inventory.low_stock.v1');
    const unwanted = await world.write([newId()], 3);
    const itemId = newId();
    const lost = lowStock(itemId);
    await world.writeEvents(lost);
    await world.start();
    await until('the unwanted ones in the log', async () => (await world.logged()) === unwanted.length);
    const kept = () => world.db.database.outboxEvent.findFirstOrThrow({ where: { eventId: lost.id } });
    // It does not hold up what comes after it, of its own order or of others'.
    const later = await world.write([newId(), itemId], 4);
    await until('the later ones', async () => (await world.logged()) === unwanted.length + later.length);
    // That its queue is missing is not its own fault.
    expect(await kept()).toMatchObject({ attempts: 0, nextAttemptAt: null });
    // Somebody declares the queue; nothing else has to be done.
    const { received } = await world.listen('inventory.low_stock.v1');
    await until('the lost one', () => received.some((event) => event.id === lost.id));
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
  });

  it('puts a refused event out of the way of the others, and publishes it when it is taken', async () => {
    const { queue } = await world.listen('inventory.restored.v1', {
      'x-max-length': 1,
      'x-overflow': 'reject-publish',
    });
    const events = await world.write([newId(), newId()], 10);
    await world.start();
    await until('the refused ones to wait', () =>
      world.db.database.outboxEvent.count({ where: { attempts: { gte: 1 } } }).then((count) => count >= 8),
    );
    const refused = await world.db.database.outboxEvent.findFirst({ where: { attempts: { gte: 1 } } });
    expect(refused?.lastError).toContain('refused');
    await world.broker.channel.deleteQueue(queue);
    await until('all in the log', async () => (await world.logged()) === events.length, 30_000);
  });

  it('blames only the row that makes the broker close the channel, or that cannot be sent at all', async () => {
    const { received } = await world.listen();
    const before = await world.write([newId()], 5);
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, ${'x'.repeat(300)}, 's', 'c', '{}'::json)`;
    // Not an object, and not even text to PostgreSQL: such a body is nobody's event, but no reason to stop.
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', '["a\\u0000b"]'::json)`;
    const after = await world.write([newId()], 5);
    await world.start();
    await until('the others', () => received.length === before.length + after.length + 1);
    expect(
      await until('the impossible one to wait', () =>
        world.db.database.outboxEvent.findFirst({ where: { attempts: { gte: 1 } } }),
      ),
    ).toBeTruthy();
    await until('the others to be marked', async () => (await world.waiting()) === 1);
  });

  it('survives the loss of the exchange, of its broker connection and of its database connection', async () => {
    const [database, rabbitmq] = [await world.proxyTo(world.db.url), await world.proxyTo(world.broker.url)];
    const { received } = await world.listen();
    await world.start({ database: database.url, rabbitmq: rabbitmq.url });
    const orders = [newId(), newId(), newId()];
    const events: Event[] = [];
    for (let round = 0; round < 6; round++) {
      events.push(...(await world.write(orders, 200)));
      (round % 2 === 0 ? database : rabbitmq).cut();
    }
    await until('all', () => new Set(received.map((event) => event.id)).size === events.length, 30_000);
    inOrder(events, received);
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    expect(await world.logged()).toBe(events.length);
  });
});

describe('two relays', () => {
  it('keep the order of each order, publish hardly anything twice, and one takes over from the other', async () => {
    const proxy = await world.proxyTo(world.db.url);
    const { received } = await world.listen();
    await world.start({ database: proxy.url });
    await world.start();
    const orders = Array.from({ length: 10 }, () => newId());
    const events = await world.write(orders, 500);
    await until('the first ones', () => received.length >= 100);
    proxy.takeAway(); // the owner loses the database, and with it the ownership
    events.push(...(await world.write(orders, 500)));
    await until('all', () => new Set(received.map((event) => event.id)).size === events.length);
    inOrder(events, received);
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    expect(await world.logged()).toBe(events.length);
  });

  it('take turns without publishing anything twice when one is stopped in an orderly way', async () => {
    const { received } = await world.listen();
    const first = await world.start();
    await world.start();
    const events = await world.write([newId(), newId()], 2_000);
    await until('some', () => received.length > 0);
    await first.stop();
    await until('all', () => received.length >= events.length);
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    expect(received).toHaveLength(events.length);
    inOrder(events, received);
  });
});

describe('the publisher', () => {
  it('is not confused by a session that ends with confirms outstanding', async () => {
    const ends: ((reason: Error) => void)[] = [];
    const connection = await connect(world.broker.url);
    const publisher = await openPublisher(
      {
        openChannel: () => connection.createChannel(),
        openConfirmChannel: () => connection.createConfirmChannel(),
        loose: connection,
        fail: () => undefined,
        open: true,
        blocked: false,
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
