import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { until } from '../shared/testing/until';
import { createRelayWorld, firstArrivals, lowStock, troubles, type RelayWorld } from './testing/relay-world';

let world: RelayWorld;
beforeEach(async () => {
  world = await createRelayWorld();
});
afterEach(() => world.close());

const ids = (events: readonly Event[]) => events.map(({ id }) => id);
const emptied = () => until('the outbox to be empty', async () => (await world.waiting()) === 0);
const exchangeExists = () =>
  world.broker.manage('GET', `/api/exchanges/{vhost}/${EVENTS_EXCHANGE}`).then(
    () => true,
    () => false,
  );

/** As migrations and administrators give them: what a relay needs, or less. */
async function permit(user: string, configure: string, write: string): Promise<void> {
  await world.broker.manage('PUT', `/api/permissions/{vhost}/${user}`, { configure, write, read: '.*' });
}

async function relayUser(configure: string, write: string): Promise<{ user: string; url: string }> {
  const user = `relay-${newId()}`;
  await world.broker.manage('PUT', `/api/users/${user}`, { password: 'secret', tags: '' });
  await permit(user, configure, write);
  const url = new URL(world.broker.url);
  [url.username, url.password] = [user, 'secret'];
  return { user, url: url.toString() };
}

describe('a fault of the broker is no fault of an event', () => {
  it('the exchange is deleted under way: it is declared again, and what no queue takes waits for its binding', async () => {
    await world.subscribe('inventory.restored.v1', 'inventory.low_stock.v1');
    const { queue, received } = await world.listen();
    const relay = await world.start({}, { batchSize: 500, window: 1_000 });
    const events = await world.write([newId(), newId()], 2_000);
    await until('some', () => received.length > 100);
    await world.broker.channel.deleteExchange(EVENTS_EXCHANGE);
    const more = [...(await world.write([newId()], 1_000)), lowStock()];
    await world.writeEvents(more.at(-1)!);
    await until('the exchange', exchangeExists);
    await until('a reason', () => troubles(relay).includes('routes nothing: no queue takes'));
    expect(await world.accused()).toBe(0);
    await world.broker.channel.bindQueue(queue, EVENTS_EXCHANGE, '#');
    const from = performance.now();
    await emptied();
    expect(performance.now() - from).toBeLessThan(6_000);
    const all = [...events, ...more];
    expect(new Set(ids(received))).toEqual(new Set(ids(all)));
    expect(firstArrivals(received)).toEqual(firstArrivals(all));
    await until('the relay to be ready', () => troubles(relay) === '');
  });

  it('the exchange is deleted while nothing is published: it is back within seconds', async () => {
    const relay = await world.start();
    await world.broker.channel.deleteExchange(EVENTS_EXCHANGE);
    await until('the exchange', exchangeExists, 8_000);
    await until('the relay to be ready', () => troubles(relay) === '');
  });

  it('the exchange is missing and may not be declared: it says so, and goes on when somebody declares it', async () => {
    const { url } = await relayUser('^$', '.*');
    const relay = await world.start({ rabbitmq: url }); // what exists takes no permission to declare it
    await world.broker.channel.deleteExchange(EVENTS_EXCHANGE);
    const events = await world.write([newId()], 50);
    await until('a reason', () =>
      /the exchange ordermesh.events is missing|configure access/.test(troubles(relay)),
    );
    expect(await world.accused()).toBe(0);
    await world.broker.channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
    const { received } = await world.listen();
    await emptied();
    expect(received.length).toBeLessThanOrEqual(events.length);
    await until('the relay to be ready', () => troubles(relay) === '');
  });

  it('the permission to write is taken: nothing is accused, it says so, and goes on when it is back', async () => {
    const { user, url } = await relayUser('.*', '^$');
    const relay = world.begin({ rabbitmq: url });
    const { received } = await world.listen();
    const events = await world.write([newId()], 300);
    await until('a reason', () => /ACCESS_REFUSED.*ordermesh.events/.test(troubles(relay)));
    const connections = () => world.broker.manage<unknown[]>('GET', '/api/vhosts/{vhost}/connections');
    expect((await connections()).length).toBeLessThan(5);
    expect(await world.accused()).toBe(0);
    await permit(user, '.*', '.*');
    await emptied();
    expect(ids(received)).toEqual(ids(events));
    await until('the relay to be ready', () => troubles(relay) === '');
  });

  it('one type has lost its queue while others are routed: it is put out of the way, and published when it is back', async () => {
    await world.subscribe('inventory.restored.v1', 'inventory.low_stock.v1');
    const { received } = await world.listen('inventory.restored.v1');
    const relay = await world.start();
    const lost = Array.from({ length: 20 }, () => lowStock());
    const writing = setInterval(() => void world.write([newId()], 1), 100);
    try {
      await world.writeEvents(...lost);
      await until('the others', () => received.length > 20);
      await until('the lost ones to wait', async () => (await world.accused()) === lost.length);
      expect(troubles(relay)).toBe(''); // others are published
      const { received: back } = await world.listen('inventory.low_stock.v1');
      await until('the lost ones', () => new Set(ids(back)).size === lost.length);
    } finally {
      clearInterval(writing);
    }
    await emptied();
  });
});

describe('an event that ends the channel', () => {
  // RabbitMQ takes 128 MiB at most (16 from 4.0 on), and closes the channel over more.
  const tooLarge = () => world.db.database.$executeRaw`
    INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
    VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', ('"' || repeat('x', 129 * 1024 * 1024) || '"')::json)`;

  it('is found among others, alone accused, and from then on sent alone', async () => {
    const { received } = await world.listen('inventory.#');
    const before = await world.write([newId()], 50);
    await tooLarge();
    const after = await world.write([newId()], 50);
    await world.start();
    const distinct = () => new Set(ids(received)).size;
    await until('the others', () => distinct() === before.length + after.length);
    const accused = await until('its refusal', () =>
      world.db.database.outboxEvent.findFirst({
        where: { attempts: { gte: 2 } },
        select: { type: true, lastError: true },
      }),
    );
    expect(accused).toMatchObject({
      type: 'odd.v1',
      lastError: expect.stringContaining('it ends the channel'),
    });
    expect(await world.waiting()).toBe(1);
    await world.db.database.outboxEvent.deleteMany();
  });

  it('leaves no suspects behind that another relay has published', async () => {
    const { received } = await world.listen('inventory.#');
    const database = await world.proxyTo(world.db.url);
    await world.write([newId()], 100);
    await tooLarge();
    const first = world.begin({ database: database.url });
    await until('its suspicion', () => first.health.checks.broker?.() !== true || received.length > 0);
    database.takeAway();
    await world.start();
    await until('all but one', async () => (await world.waiting()) === 1);
    await world.db.database.outboxEvent.deleteMany();
    database.bringBack();
    const many = await world.write([newId(), newId()], 3_000);
    const from = performance.now();
    await until('all', () => many.every(({ id }) => received.some((event) => event.id === id)));
    expect(performance.now() - from).toBeLessThan(8_000);
  });
});
