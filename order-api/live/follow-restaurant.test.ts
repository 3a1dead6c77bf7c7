import { pino } from 'pino';
import { newId } from '../../shared/ids';
import { moveOrders } from '../../shared/lifecycle/move-orders';
import type { Tx } from '../../shared/service/database';
import { seedMenu } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';
import { follow, type EventClient, type ReceivedEvent } from '../testing/event-client';
import { serve, type ApiClient } from '../testing/test-api';
import { openTestShop } from '../testing/test-shop';

const shop = openTestShop([10_000]);

const open: EventClient[] = [];
const others: ApiClient[] = [];
afterEach(async () => {
  open.splice(0).forEach((client) => client.leave());
  for (const other of others.splice(0)) await other.stop();
});

/** Another instance, over the same database. */
async function another(more?: Parameters<typeof serve>[1]): Promise<ApiClient> {
  const api = await serve(shop.api.database, more);
  others.push(api);
  return api;
}

interface Wanted {
  restaurantId?: string;
  after?: string | undefined;
  url?: string;
}

async function followOrders({ restaurantId = shop.restaurantId, after, url = shop.api.url }: Wanted = {}) {
  const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after };
  const client = await follow(url, `/restaurants/${restaurantId}/orders/events`, headers);
  open.push(client);
  return client;
}

const place = async (restaurantId = shop.restaurantId) => {
  const order = { restaurant_id: restaurantId, items: [{ sku: 'DISH-1', quantity: 1 }] };
  return (await shop.api.post('/orders', order)).body.order_id as string;
};
const prepareIn = (tx: Tx, ...ids: string[]) =>
  moveOrders(
    tx,
    ids.map((orderId) => ({ orderId, actor: 'MESH', to: 'PREPARING', origin: { correlationid: 'c' } })),
  );
const prepare = (id: string) => shop.api.database.$transaction((tx) => prepareIn(tx, id));

const moves = (events: ReceivedEvent[]) => events.filter(({ event }) => event === 'move');
const told = (events: ReceivedEvent[]) => moves(events).map(({ data }) => [data.order_id, data.version]);

/** Holds a transaction open that does something, until it is let go. */
async function holding(work: (tx: Tx) => Promise<unknown>): Promise<{ commit: () => Promise<void> }> {
  let letGo = () => {};
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const transaction = shop.api.database.$transaction(async (tx) => {
    await work(tx);
    begun();
    await new Promise<void>((resolve) => (letGo = resolve));
  });
  await Promise.race([hasBegun, transaction]);
  return {
    commit: async () => {
      letGo();
      await transaction;
    },
  };
}

describe('following a restaurant', () => {
  it('says where it begins, and tells every move of its own orders from then on', async () => {
    const { restaurantId: elsewhere } = await seedMenu(shop.api.database, [100]);
    const before = await place();
    const client = await followOrders();
    const [ready] = await client.atLeast(1);
    expect(ready).toMatchObject({ event: 'ready', data: { position: Number(ready?.id) } });
    await place(elsewhere);
    const id = await place();
    await prepare(before);
    await prepare(id);
    await client.atLeast(4);
    expect(told(client.events)).toEqual([
      [id, 1],
      [before, 2],
      [id, 2],
    ]);
    const { history } = await shop.read(id);
    const { by: _, ...move } = history[1];
    expect(moves(client.events)[2]?.data).toEqual({ order_id: id, ...move });
    const ids = client.events.map((event) => Number(event.id));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  it('goes on after Last-Event-ID on any instance, 0 being before the first', async () => {
    const { restaurantId } = await seedMenu(shop.api.database, [1_000]);
    const first = await followOrders({ restaurantId });
    const ids = [await place(restaurantId), await place(restaurantId), await place(restaurantId)];
    const [, one] = await first.atLeast(4);
    first.leave();
    for (const id of ids) await prepare(id);
    const { url } = await another();
    const resumed = await followOrders({ restaurantId, after: one?.id, url });
    await resumed.atLeast(5);
    expect(told(resumed.events)).toEqual([...ids.slice(1).map((id) => [id, 1]), ...ids.map((id) => [id, 2])]);
    const all = await followOrders({ restaurantId, after: '0', url });
    expect(told(await all.atLeast(6))).toHaveLength(6);
  });

  it('passes no move that an older, still open transaction may yet commit', async () => {
    const [early, late, after] = [await place(), await place(), await place()];
    const client = await followOrders();
    const [ready] = await client.atLeast(1);
    const transaction = await holding((tx) => prepareIn(tx, early));
    await prepare(late);
    // By now the later move can be read: a stream of its own order tells it.
    const other = await follow(shop.api.url, `/orders/${late}/events`, { 'last-event-id': '1' });
    open.push(other);
    await other.atLeast(1);
    expect(moves(client.events)).toEqual([]);
    const { url } = await another();
    const resumed = await followOrders({ after: ready?.id, url });
    await transaction.commit();
    await prepare(after);
    for (const each of [client, resumed]) {
      await until('all moves', () => moves(each.events).length >= 3, 10_000);
      expect(told(each.events)).toEqual([
        [early, 2],
        [late, 2],
        [after, 2],
      ]);
    }
  });

  it('is not held back by what is rolled back, nor by transactions that write elsewhere', async () => {
    const [id, lost] = [await place(), await place()];
    const client = await followOrders();
    await client.atLeast(1);
    const writer = await holding((tx) => tx.$executeRaw`UPDATE restaurants SET name = name`);
    await expect(
      shop.api.database.$transaction(async (tx) => {
        await prepareIn(tx, lost);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    await prepare(id);
    expect(told(await client.atLeast(2))).toEqual([[id, 2]]);
    await writer.commit();
  });

  it('begun while a transaction is open tells what that commits later, and nothing from before', async () => {
    const [early, late, after] = [await place(), await place(), await place()];
    const transaction = await holding((tx) => prepareIn(tx, early));
    await prepare(late);
    // One that was there before the transaction, and one that was not, and cannot know how long it has been open.
    const clients = [await followOrders(), await followOrders({ url: (await another()).url })];
    for (const client of clients) await client.atLeast(1);
    await prepare(after);
    await transaction.commit();
    for (const client of clients) {
      await until('both moves', () => moves(client.events).length >= 2, 10_000);
      expect(told(client.events)).toEqual([
        [early, 2],
        [after, 2],
      ]);
      // Its first position has not passed the open transaction either.
      const again = await followOrders({ after: client.events[0]?.id });
      await until('them again', () => moves(again.events).length >= 3, 10_000);
      expect(told(again.events).slice(-3)).toEqual([
        [early, 2],
        [late, 2],
        [after, 2],
      ]);
    }
  });

  it('says so, to clients and in the log, while a transaction holds it back', async () => {
    const said: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => said.push(line) });
    const api = await another({ log, limits: { heartbeatMs: 100 } });
    const client = await followOrders({ url: api.url });
    await client.atLeast(1);
    const [early, late] = [await place(), await place()];
    const transaction = await holding((tx) => prepareIn(tx, early));
    await prepare(late);
    await until('a comment', () => client.comments.some((text) => text.startsWith('held back')), 15_000);
    expect(
      said.filter((line) => /"pids":\[\d+\].*hold restaurants' live moves back/.test(line)),
    ).toHaveLength(1);
    await transaction.commit();
    await until('all', () => moves(client.events).length === 4, 10_000);
    await until('the log', () => said.some((line) => line.includes('go on')));
  });

  it('ends when the history has lost its end, as after a restore: positions mean something else then', async () => {
    const { api, restaurantId } = shop;
    const id = await place();
    await prepare(id);
    const client = await followOrders({ after: '0' });
    const position = (
      await until('the move', () =>
        client.events.find(({ data }) => data.order_id === id && data.version === 2),
      )
    ).id;
    await api.database.$executeRaw`DELETE FROM order_status_history WHERE id >= ${position}::bigint`;
    await client.ended();
    expect(client.comments.at(-1)).toBe('begin anew');
    const sent = { headers: { 'last-event-id': position } };
    expect((await api.call('GET', `/restaurants/${restaurantId}/orders/events`, sent)).status).toBe(400);
  });

  it("keeps an order's versions in order where a transaction that began first changes it last", async () => {
    const [id, other] = [await place(), await place()];
    const client = await followOrders();
    await client.atLeast(1);
    // It has its transaction id before the other one does, and its move of the order after that one's.
    await shop.api.database.$transaction(async (tx) => {
      await prepareIn(tx, other);
      await prepare(id);
      const cancel = { orderId: id, actor: 'STAFF', to: 'CANCELLED', reason: 'STAFF' } as const;
      await moveOrders(tx, [{ ...cancel, origin: { correlationid: 'c' } }]);
    });
    await until('all three', () => moves(client.events).length >= 3, 10_000);
    expect(told(client.events)).toEqual([
      [other, 2],
      [id, 2],
      [id, 3],
    ]);
  });

  it('misses and repeats nothing while many write at once, and streams begin, break off and resume', async () => {
    const { restaurantId } = await seedMenu(shop.api.database, [10_000]);
    const instances = [shop.api, await another()];
    const start = (await (await followOrders({ restaurantId })).atLeast(1))[0]?.id ?? '';
    let written = 0;
    const writers = Array.from({ length: 6 }, async (_, index) => {
      for (let count = 0; count < 25; count += 1) {
        const id = await place(restaurantId);
        const isSlow = count % 5 === 0;
        await shop.api.database
          .$transaction(async (tx) => {
            await prepareIn(tx, id);
            if (isSlow) await tx.$executeRaw`SELECT pg_sleep(0.05)`;
            if (index === 0 && isSlow) throw new Error('rolled back');
          })
          .catch(() => undefined);
        written += 1;
      }
    });
    const received: ReceivedEvent[] = [];
    let after = start;
    for (let turn = 0; written < 150; turn += 1) {
      const client = await followOrders({ restaurantId, after, url: instances[turn % 2]!.url });
      await until('some of them', () => client.events.length > 3 || written === 150);
      client.leave();
      received.push(...client.events);
      after = received.at(-1)?.id ?? start;
    }
    await Promise.all(writers);
    const last = await followOrders({ restaurantId, after });
    const inAll = await shop.api.database.$queryRaw<{ id: bigint }[]>`
      SELECT id FROM order_status_history WHERE restaurant_id = ${restaurantId}::uuid ORDER BY id`;
    await until('the last', () => received.length + last.events.length >= inAll.length, 20_000);
    expect([...received, ...last.events].map(({ id }) => id)).toEqual(inAll.map(({ id }) => String(id)));
  });

  it('tells the moves of services of the version before, which do not name the restaurant', async () => {
    const id = await place();
    const client = await followOrders();
    await client.atLeast(1);
    await shop.api.database.$executeRaw`
      INSERT INTO order_status_history (order_id, from_status, to_status, actor) VALUES (${id}::uuid, 'PLACED', 'PREPARING', 'MESH')`;
    expect(told(await client.atLeast(2))).toEqual([[id, 2]]);
  });
});

describe('what cannot be followed', () => {
  const path = (restaurantId: string) => `/restaurants/${restaurantId}/orders/events`;

  it('is a restaurant that does not exist', async () => {
    expect((await shop.api.get(path(newId()))).status).toBe(404);
    expect((await shop.api.call('GET', path(newId()), { headers: { 'last-event-id': '1' } })).status).toBe(
      404,
    );
    expect((await shop.api.get(path('x'))).status).toBe(400);
  });

  it.each(['-1', '1.5', '007', 'x', '999999999999999', '9'.repeat(30), '1 2'])(
    'is a position that the history has not reached: %s',
    async (position) => {
      const sent = { headers: { 'last-event-id': position } };
      expect(await shop.api.call('GET', path(shop.restaurantId), sent)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '#/last-event-id', in: 'header' }] },
      });
    },
  );

  it('answers HEAD as GET, without a stream; other methods are refused', async () => {
    expect(await shop.api.call('HEAD', path(shop.restaurantId))).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    });
    expect((await shop.api.call('DELETE', path(shop.restaurantId))).status).toBe(405);
  });
});
