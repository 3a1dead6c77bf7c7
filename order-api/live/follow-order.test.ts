import { newId } from '../../shared/ids';
import { moveOrders } from '../../shared/lifecycle/move-orders';
import { openDatabase } from '../../shared/service/database';
import { startProxy } from '../../shared/testing/tcp-proxy';
import { until } from '../../shared/testing/until';
import { follow, type EventClient, type ReceivedEvent } from '../testing/event-client';
import { serve } from '../testing/test-api';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([10_000]);

const open: EventClient[] = [];
afterEach(() => open.splice(0).forEach((client) => client.leave()));

async function followOrder(id: string, headers: Record<string, string> = {}, url = shop.api.url) {
  const client = await follow(url, `/orders/${id}/events`, headers);
  open.push(client);
  return client;
}

const placed = async () => {
  const order = { restaurant_id: shop.restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] };
  return (await shop.api.post('/orders', order)).body.order_id as string;
};
const prepare = (orderId: string) =>
  shop.api.database.$transaction((tx) =>
    moveOrders(tx, [{ orderId, actor: 'MESH', to: 'PREPARING', origin: { correlationid: 'c' } }]),
  );
const moveTo = (id: string, status: string) => shop.api.patch(`/orders/${id}/status`, { status });
const kinds = (events: ReceivedEvent[]) =>
  events.map(({ event, id, data }) => [event, id, data.to ?? data.status]);

describe('following an order', () => {
  it('shows it as it is, then every move as its history tells it, and ends when the order does', async () => {
    const id = await placed();
    const client = await followOrder(id);
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    const [first] = await client.atLeast(1);
    expect(first).toEqual({ event: 'order', id: '1', data: await shop.read(id) });
    expect(client.retry()).toBeGreaterThanOrEqual(1_000);
    await prepare(id);
    await moveTo(id, 'OUT_FOR_DELIVERY');
    await client.atLeast(3);
    await shop.api.post(`/orders/${id}/cancel`, { by: 'STAFF', note: 'Spilt\non the\tway' });
    const events = await client.ended();
    expect(kinds(events)).toEqual([
      ['order', '1', 'PLACED'],
      ['move', '2', 'PREPARING'],
      ['move', '3', 'OUT_FOR_DELIVERY'],
      ['move', '4', 'CANCELLED'],
    ]);
    const { history } = await shop.read(id);
    expect(events.slice(1).map(({ data }) => data)).toEqual(
      history.slice(1).map(({ by: _, ...move }: { by: null }) => ({ order_id: id, ...move })),
    );
  });

  it("tells of a draft's changes and its approval", async () => {
    const id = await shop.draft();
    const client = await followOrder(id);
    const items = [{ sku: 'DISH-1', quantity: 2 }];
    await shop.api.put(`/orders/${id}/items`, { items });
    await shop.api.put(`/orders/${id}/items`, { items });
    await shop.api.post(`/orders/${id}/approve`);
    expect(kinds(await client.atLeast(4))).toEqual([
      ['order', '1', 'DRAFT'],
      ['move', '2', 'DRAFT'],
      ['move', '3', 'DRAFT'],
      ['move', '4', 'PLACED'],
    ]);
  });

  it('of one that has ended shows it and ends; who knows that already is told not to come back', async () => {
    const id = await placed();
    await shop.api.post(`/orders/${id}/cancel`);
    expect(kinds(await (await followOrder(id)).ended())).toEqual([['order', '2', 'CANCELLED']]);
    expect(kinds(await (await followOrder(id, { 'last-event-id': '1' })).ended())).toEqual([
      ['move', '2', 'CANCELLED'],
    ]);
    const again = { headers: { 'last-event-id': '2' } };
    expect(await shop.api.call('GET', `/orders/${id}/events`, again)).toMatchObject({
      status: 204,
      text: '',
    });
  });

  it('misses and repeats nothing, however the order changes while streams begin', async () => {
    const id = await shop.draft();
    const items = [{ sku: 'DISH-1', quantity: 1 }];
    let changes = 0;
    const changing = (async () => {
      for (; changes < 60; changes += 1) await shop.api.put(`/orders/${id}/items`, { items });
    })();
    const clients: EventClient[] = [];
    for (let begun = 0; begun < 20; begun += 1) {
      clients.push(await followOrder(id));
      await until('another change', () => changes >= begun * 2);
    }
    await changing;
    for (const { events } of clients) {
      await until('the last change', () => events.at(-1)?.id === '61', 10_000);
      const ids = events.map((event) => Number(event.id));
      expect(ids).toEqual(ids.map((_, index) => ids[0]! + index));
      expect(events.map(({ event }) => event)).toEqual(['order', ...ids.slice(1).map(() => 'move')]);
    }
  });

  it('goes on after Last-Event-ID, on any instance, over more moves than are read at a time', async () => {
    const id = await shop.draft();
    await shop.api.database.$executeRaw`
      INSERT INTO order_status_history (order_id, version, from_status, to_status, actor)
      SELECT ${id}::uuid, version, 'DRAFT', 'DRAFT', 'CUSTOMER' FROM generate_series(2, 231) AS version`;
    await shop.api.database.$executeRaw`UPDATE orders SET version = 231 WHERE id = ${id}::uuid`;
    const other = await serve(shop.api.database);
    try {
      const client = await followOrder(id, { 'last-event-id': '3' }, other.url);
      await client.atLeast(228);
      await shop.api.post(`/orders/${id}/cancel`);
      expect((await client.ended()).map((event) => Number(event.id))).toEqual(
        Array.from({ length: 229 }, (_, index) => index + 4),
      );
    } finally {
      await other.stop();
    }
  });

  it('takes the id from the query too; the header comes first', async () => {
    const id = await placed();
    await prepare(id);
    const queried = await follow(shop.api.url, `/orders/${id}/events?last_event_id=1`);
    open.push(queried);
    expect(kinds(await queried.atLeast(1))).toEqual([['move', '2', 'PREPARING']]);
    const both = await follow(shop.api.url, `/orders/${id}/events?last_event_id=1`, { 'last-event-id': '2' });
    open.push(both);
    await moveTo(id, 'OUT_FOR_DELIVERY');
    expect(kinds(await both.atLeast(1))).toEqual([['move', '3', 'OUT_FOR_DELIVERY']]);
  });

  it('tells of every move after 0', async () => {
    const id = await placed();
    await prepare(id);
    expect(kinds(await (await followOrder(id, { 'last-event-id': '0' })).atLeast(2))).toEqual([
      ['move', '1', 'PLACED'],
      ['move', '2', 'PREPARING'],
    ]);
  });

  it('tells of moves also while an open transaction holds the history back', async () => {
    const [id, held] = [await placed(), await placed()];
    const client = await followOrder(id);
    await client.atLeast(1);
    await shop.api.database.$transaction(async (tx) => {
      await moveOrders(tx, [
        { orderId: held, actor: 'MESH', to: 'PREPARING', origin: { correlationid: 'c' } },
      ]);
      await prepare(id);
      await client.atLeast(2);
      await moveTo(id, 'OUT_FOR_DELIVERY');
      expect(kinds(await client.atLeast(3)).at(-1)).toEqual(['move', '3', 'OUT_FOR_DELIVERY']);
    });
  });
});

describe('what cannot be followed', () => {
  it('is a problem: an order that does not exist, an id that is none', async () => {
    expect((await shop.api.get(`/orders/${newId()}/events`)).status).toBe(404);
    expect((await shop.api.get('/orders/1/events')).status).toBe(400);
  });

  it.each(['-1', '1.0', '01', 'abc', '1,2', '99999999999999999999', '7', '1e0', "1' OR true"])(
    'Last-Event-ID %s is no version that the order has had',
    async (version) => {
      const id = await placed();
      const headers = { 'last-event-id': version };
      for (const [sent, place, pointer] of [
        [{ headers }, 'header', '#/last-event-id'],
        [{}, 'query', '#/last_event_id'],
      ] as const) {
        const query = place === 'query' ? `?last_event_id=${encodeURIComponent(version)}` : '';
        expect(await shop.api.call('GET', `/orders/${id}/events${query}`, sent)).toMatchObject({
          status: 400,
          body: { type: 'urn:ordermesh:problem:invalid-parameters', errors: [{ pointer, in: place }] },
        });
      }
    },
  );

  it('an empty Last-Event-ID is none, and two are refused', async () => {
    const id = await placed();
    expect(kinds(await (await followOrder(id, { 'last-event-id': '' })).atLeast(1))).toEqual([
      ['order', '1', 'PLACED'],
    ]);
    const twice = await shop.api.call('GET', `/orders/${id}/events`, {
      headers: { 'last-event-id': ['1', '1'] },
    });
    expect(twice.status).toBe(400);
    expect((await shop.api.get(`/orders/${id}/events?last_event_id=1&last_event_id=1`)).status).toBe(400);
    expect((await shop.api.get(`/orders/${id}/events?lastEventId=1`)).status).toBe(400);
  });

  it('answers HEAD as GET, without a stream; other methods are refused', async () => {
    const id = await placed();
    expect(await shop.api.call('HEAD', `/orders/${id}/events`)).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    });
    expect((await shop.api.call('HEAD', `/orders/${newId()}/events`)).status).toBe(404);
    expect(await shop.api.call('POST', `/orders/${id}/events`)).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD, OPTIONS' },
    });
  });
});

it('stays open while the database is away, and goes on after that', async () => {
  const proxy = await startProxy(shop.api.databaseUrl);
  const database = openDatabase({
    url: proxy.url,
    poolSize: 3,
    applicationName: 'follower',
    onIdleError: () => undefined,
  });
  const api = await serve(database, { limits: { heartbeatMs: 50 } });
  try {
    const id = await placed();
    const client = await followOrder(id, {}, api.url);
    await client.atLeast(1);
    proxy.takeAway();
    await prepare(id);
    const heard = client.comments.length;
    await until('heartbeats', () => client.comments.length >= heard + 2);
    expect(client.events).toHaveLength(1);
    proxy.bringBack();
    expect(kinds(await client.atLeast(2)).at(-1)).toEqual(['move', '2', 'PREPARING']);
    expect((await api.get(`/orders/${id}`)).status).toBe(200);
  } finally {
    await api.stop();
    await database.$disconnect();
    await proxy.close();
  }
});
