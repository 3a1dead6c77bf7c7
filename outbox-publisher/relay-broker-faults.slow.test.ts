import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { until } from '../shared/testing/until';
import { createRelayWorld, firstArrivals, lowStock, troubles, type RelayWorld } from './testing/relay-world';

let world: RelayWorld;
const servers: Server[] = [];
beforeEach(async () => {
  world = await createRelayWorld();
});
afterEach(async () => {
  await world.close();
  for (const server of servers.splice(0)) server.close();
});

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

  it('a queue was full for a while: it says that everything is refused, and does not stay refused for ever', async () => {
    await world.subscribe('inventory.restored.v1');
    const { queue } = await world.broker.channel.assertQueue('full-for-a-while', {
      durable: true,
      arguments: { 'x-queue-type': 'quorum' },
    });
    await world.broker.channel.bindQueue(queue, EVENTS_EXCHANGE, '#');
    const relay = await world.start();
    await world.broker.manage('PUT', '/api/policies/{vhost}/full', {
      pattern: queue,
      'apply-to': 'queues',
      definition: { 'max-length': 1, overflow: 'reject-publish' },
    });
    await world.write([newId()], 20);
    await until('it to say so', () => /refuses every event/.test(troubles(relay)));
    await world.broker.manage('DELETE', '/api/policies/{vhost}/full');
    await emptied();
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

describe('an event that the broker cannot take', () => {
  it('is never read where it is too large, and holds nothing up', async () => {
    const { received } = await world.listen('inventory.#');
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', ('"' || repeat('x', 17 * 1024 * 1024) || '"')::json)`;
    // No message can carry such a time.
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body, created_at)
      VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', '{}', 'infinity')`;
    const events = await world.write([newId()], 50);
    await world.start();
    await until('the others', () => received.length === events.length);
    await until('its refusal', async () => (await world.accused()) === 2);
    const errors = await world.db.database.outboxEvent.findMany({ select: { lastError: true } });
    expect(errors.map(({ lastError }) => lastError)).toContain('its body is larger than 16 MiB');
  });

  it('is found among others where it ends the connection, alone accused, and from then on sent alone', async () => {
    const { received } = await world.listen();
    const { url, closed } = await brokerThatChokes('POISON');
    const before = await world.write([newId()], 100);
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', '"POISON"'::json)`;
    const after = await world.write([newId()], 100);
    await world.start({ rabbitmq: url });
    await until('the others', () => new Set(ids(received)).size === before.length + after.length);
    const refused = await until('its refusals', () =>
      world.db.database.outboxEvent.findFirst({ where: { attempts: { gte: 2 } } }),
    );
    expect(refused).toMatchObject({
      type: 'odd.v1',
      lastError: expect.stringContaining('it ends the channel'),
    });
    expect(await world.waiting()).toBe(1);
    expect(closed()).toBe(3); // once with the others, once alone, and once when it was tried again
  });

  it('leaves no suspects behind that another relay has published', async () => {
    const { received } = await world.listen();
    const database = await world.proxyTo(world.db.url);
    const { url, closed } = await brokerThatChokes('POISON');
    const first = await world.start(
      { database: database.url, rabbitmq: url },
      { batchSize: 500, window: 1_000 },
    );
    await world.write([newId()], 500);
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', '"POISON"'::json)`;
    await world.write([newId()], 500);
    await until('its suspicion', () => closed() > 0);
    database.takeAway();
    await world.db.database.outboxEvent.deleteMany({ where: { type: 'odd.v1' } });
    const second = await world.start();
    await until('the outbox to be empty', async () => (await world.waiting()) === 0);
    await second.stop();
    database.bringBack();
    await until('the first to own', () => troubles(first) === '');
    const many = await world.write([newId(), newId()], 2_000);
    const from = performance.now();
    await until('all', () => many.every(({ id }) => received.some((event) => event.id === id)));
    expect(performance.now() - from).toBeLessThan(4_000); // one at a time it would be ten
  });
});

/** The broker, by way of one that ends the connection over what it cannot read: 501, FRAME_ERROR. */
async function brokerThatChokes(on: string): Promise<{ url: string; closed: () => number }> {
  const target = new URL(world.broker.url);
  const [port, host] = [Number(target.port), target.hostname];
  let closed = 0;
  const server = createServer((client) => {
    const upstream = connect(port, host);
    upstream.pipe(client);
    client.on('data', (data: Buffer) => {
      if (!data.includes(on)) return upstream.write(data);
      closed++;
      upstream.unpipe(client);
      client.write(connectionClose(501, 'FRAME_ERROR'));
      return upstream.destroy();
    });
    client.on('close', () => upstream.destroy());
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  target.port = String((server.address() as AddressInfo).port);
  return { url: target.toString(), closed: () => closed };
}

/** AMQP 0-9-1, section 1.4.2.7, in its frame. */
function connectionClose(code: number, text: string): Buffer {
  const payload = Buffer.concat([
    Buffer.from([0, 10, 0, 50, code >> 8, code & 255, text.length]),
    Buffer.from(text),
    Buffer.from([0, 60, 0, 40]),
  ]);
  return Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, payload.length]), payload, Buffer.from([0xce])]);
}
