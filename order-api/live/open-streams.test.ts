import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { seedMenu } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';
import { follow, type EventClient } from '../testing/event-client';
import { serve, type ApiClient } from '../testing/test-api';
import { openTestShop } from '../testing/test-shop';
import { openStreams } from './open-streams';

const shop = openTestShop([10_000]);

let api: ApiClient;
const open: EventClient[] = [];
afterEach(async () => {
  open.splice(0).forEach((client) => client.leave());
  await api?.stop();
});

async function followIt(path: string, headers: Record<string, string> = {}): Promise<EventClient> {
  const client = await follow(api.url, path, headers);
  open.push(client);
  return client;
}

const placed = async (restaurantId = shop.restaurantId) => {
  const order = { restaurant_id: restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] };
  return (await shop.api.post('/orders', order)).body.order_id as string;
};

/** A restaurant with so many moves to tell, each of about 600 bytes. */
async function longHistory(count: number): Promise<string> {
  const { restaurantId } = await seedMenu(shop.api.database, [100]);
  const id = await placed(restaurantId);
  await shop.api.database.$executeRaw`
    INSERT INTO order_status_history (order_id, restaurant_id, version, from_status, to_status, actor, note)
    SELECT ${id}::uuid, ${restaurantId}::uuid, version, 'DRAFT', 'DRAFT', 'CUSTOMER', repeat('x', 400)
    FROM generate_series(2, ${count}::int) AS version`;
  return restaurantId;
}

describe('the number of streams', () => {
  it('is bounded, and one that was left makes room for another; requests are not refused for it', async () => {
    api = await serve(shop.api.database, { limits: { most: 2 }, mostInProgress: 1 });
    const path = `/orders/${await placed()}/events`;
    const first = await followIt(path);
    await followIt(`/restaurants/${shop.restaurantId}/orders/events`);
    for (const method of ['GET', 'HEAD'])
      expect(await api.call(method, path)).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(await api.get(path)).toMatchObject({ body: { type: 'urn:ordermesh:problem:overloaded' } });
    expect((await api.get('/orders')).status).toBe(200);
    first.leave();
    await until('room', async () => (await api.get(path)).status === 200, 10_000);
  });
});

describe('a client', () => {
  it('hears a comment when nothing else was said for a while', async () => {
    api = await serve(shop.api.database, { limits: { heartbeatMs: 100 } });
    const client = await followIt(`/orders/${await placed()}/events`);
    await until('heartbeats', () => client.comments.length >= 2, 5_000);
    expect(client.events).toHaveLength(1);
  });

  it('that reads nothing is dropped, however much there is to tell it', async () => {
    api = await serve(shop.api.database, { limits: { most: 1, patienceMs: 1_500 } });
    const restaurantId = await longHistory(25_000);
    const path = `/restaurants/${restaurantId}/orders/events`;
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(`GET /api/v1${path} HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n`);
    await until('it to be followed', async () => (await api.get(path)).status === 503, 5_000);
    const before = process.memoryUsage().arrayBuffers;
    await until('it to be dropped', async () => (await api.get(path)).status === 200, 20_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1024 * 1024);
    socket.destroy();
  });

  it('that reads slowly is told everything at its own speed', async () => {
    api = await serve(shop.api.database, { limits: { patienceMs: 1_500 } });
    const restaurantId = await longHistory(12_000);
    const client = await followIt(`/restaurants/${restaurantId}/orders/events`, { 'last-event-id': '0' });
    const slow = (async () => {
      while (client.events.length < 12_000) {
        client.response.pause();
        await wait(20); // this is what makes it slow
        client.response.resume();
        await new Promise((resolve) => client.response.once('data', resolve));
      }
    })();
    await until('all of it', () => client.events.length === 12_000 || client.hasEnded(), 60_000);
    await slow;
    const versions = client.events.map(({ data }) => data.version as number);
    expect(versions).toEqual(versions.map((_, index) => index + 1));
  });

  it('that is gone is found out at once, and one that has only ended its side is told on', async () => {
    api = await serve(shop.api.database, { limits: { most: 1 } });
    const id = await placed();
    const request = `GET /api/v1/orders/${id}/events HTTP/1.1\r\nHost: x\r\n\r\n`;
    const port = Number(new URL(api.url).port);
    const half = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    half.on('data', (chunk: Buffer) => (text += chunk.toString()));
    half.end(request);
    await until('the first event', () => text.includes('event: order'));
    await shop.api.post(`/orders/${id}/cancel`);
    await until('the last event', () => text.includes('"to":"CANCELLED"'));
    half.destroy();

    const other = await placed();
    const path = `/orders/${other}/events`;
    const gone = connect({ port, host: '127.0.0.1' });
    gone.write(`GET /api/v1${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => gone.once('data', resolve));
    expect((await api.get(path)).status).toBe(503);
    gone.destroy();
    await until('its place', async () => (await api.get(path)).status === 200, 10_000);
  });

  it('that leaves while its order is looked up takes no place', async () => {
    api = await serve(shop.api.database, { limits: { most: 20 } });
    const id = await placed();
    const path = `/orders/${id}/events`;
    for (let count = 0; count < 60; count += 1) {
      const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
      socket.write(`GET /api/v1${path} HTTP/1.1\r\nHost: x\r\n\r\n`, () =>
        count % 2 === 0 ? socket.resetAndDestroy() : socket.destroy(),
      );
      await new Promise((resolve) => socket.once('close', resolve));
    }
    await until('all places', async () => {
      const asked = await Promise.allSettled(Array.from({ length: 20 }, () => followIt(path)));
      const isFull = asked.every(({ status }) => status === 'fulfilled');
      if (!isFull) open.splice(0).forEach((client) => client.leave());
      return isFull;
    });
  });

  it('may follow many orders that have ended, one after the other, on one connection', async () => {
    api = await serve(shop.api.database);
    const warnings: unknown[] = [];
    const warn = (warning: unknown) => warnings.push(warning);
    process.on('warning', warn);
    const id = await placed();
    await shop.api.post(`/orders/${id}/cancel`);
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    for (let count = 1; count <= 15; count += 1) {
      socket.write(`GET /api/v1/orders/${id}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until('its end', () => text.split('\r\n0\r\n\r\n').length > count);
    }
    process.off('warning', warn);
    expect(warnings).toEqual([]);
    socket.destroy();
  });
});

describe('a process that stops', () => {
  it('ends its streams at once, tells clients when to come back, and opens no other', async () => {
    api = await serve(shop.api.database);
    const streams = openStreams(pino({ level: 'silent' }), { most: 10 });
    streams.refuseWhenFull();
    streams.stop();
    expect(() => streams.refuseWhenFull()).toThrow('stopping');

    const id = await placed();
    const client = await followIt(`/orders/${id}/events`);
    await client.atLeast(1);
    const begunAt = Date.now();
    await api.stop();
    await client.ended();
    expect(Date.now() - begunAt).toBeLessThan(2_000);
    expect(client.retry()).toBeGreaterThanOrEqual(2_000);
    expect(client.comments.at(-1)).toContain('connect again');
    await shop.api.post(`/orders/${id}/cancel`);
    const elsewhere = await follow(shop.api.url, `/orders/${id}/events`, { 'last-event-id': '1' });
    expect((await elsewhere.ended()).map(({ data }) => data.to)).toEqual(['CANCELLED']);
  });
});
