import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { compileFunction, runInNewContext } from 'node:vm';
import { transformSync } from '@swc/core';
import { createClient, isProblem, ok, ProblemError, type ProblemName } from '../client/index';
import { retryAfterMs } from '../client/retrying-fetch';
import type { problemTypes } from '../order-api/http/problem-types';
import { openTestShop } from '../order-api/testing/test-shop';
import { newId } from '../shared/ids';
import { moveOrders } from '../shared/lifecycle/move-orders';
import { startProxy } from '../shared/testing/tcp-proxy';
import { until } from '../shared/testing/until';

// The client knows every problem that the API has, and no other: this compiles, or it does not.
const known: Record<ProblemName, true> = {} as Record<keyof typeof problemTypes, true>;
const had: Record<keyof typeof problemTypes, true> = {} as Record<ProblemName, true>;
void [known, had];

const shop = openTestShop([100_000]);
const order = (more: object = {}) => ({
  restaurant_id: shop.restaurantId,
  items: [{ sku: 'DISH-1', quantity: 1 }],
  ...more,
});
const aClient = (more: object = {}) => createClient({ baseUrl: shop.api.url, ...more });

/** A server that answers as it is told, request after request. */
async function answering(
  ...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]
): Promise<{ url: string; requests: IncomingMessage[]; close(): void }> {
  const requests: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    (answers[requests.length - 1] ?? answers.at(-1))!(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close };
}
const problem =
  (status: number, type: string, headers: Record<string, string> = {}) =>
  (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
    response.end(JSON.stringify({ type: `urn:ordermesh:problem:${type}`, title: 't', status, detail: 'd' }));
  };
const success = (_request: IncomingMessage, response: ServerResponse) => {
  response.writeHead(202, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({ order_id: 'x', status: 'PLACED', total_amount: 1, message: 'm', version: 1 }),
  );
};

it('removes, and is answered nothing', async () => {
  const client = aClient();
  const { webhook_id, secret } = await ok(
    client.POST('/api/v1/webhooks', { body: { url: 'https://shop.example/hook' } }),
  );
  expect(secret).toMatch(/^whsec_/);
  const params = { path: { webhook_id } };
  expect(await ok(client.DELETE('/api/v1/webhooks/{webhook_id}', { params }))).toBeUndefined();
  const again = ok(client.DELETE('/api/v1/webhooks/{webhook_id}', { params }));
  await expect(again).rejects.toMatchObject({ status: 404 });
});

describe('a request', () => {
  it('is typed, from the body to the answer', async () => {
    const client = aClient();
    const placed = await ok(client.POST('/api/v1/orders', { body: order({ reference: 'R-1' }) }));
    const total: number = placed.total_amount;
    expect(total).toBe(100);
    const shown = await ok(client.GET('/api/v1/orders/{id}', { params: { path: { id: placed.order_id } } }));
    const reference: string | null = shown.reference;
    expect([reference, shown.items[0]?.price]).toEqual(['R-1', '100.00']);
    // @ts-expect-error -- there is no such member
    void shown.refrence;
  });

  it('shows the token that it is given, fresh each time', async () => {
    const server = await answering(success);
    let asked = 0;
    const client = createClient({ baseUrl: server.url, token: () => `token-${(asked += 1)}` });
    for (let count = 0; count < 2; count += 1) await ok(client.POST('/api/v1/orders', { body: order() }));
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-2',
    ]);
    server.close();
  });

  it('that changes something is sent again with one key, and done once, where the answer is lost', async () => {
    const proxy = await startProxy(shop.api.url);
    const client = createClient({ baseUrl: proxy.url.replace(/\/$/, '') });
    const reference = newId();
    proxy.hold('answers');
    const placing = ok(client.POST('/api/v1/orders', { body: order({ reference }) }));
    const { database } = shop.api;
    await until('it to be placed', () => database.order.count({ where: { reference } }));
    proxy.cut();
    proxy.release();
    const [row, ...more] = await database.order.findMany({ where: { reference } });
    expect((await placing).order_id).toBe(row?.id);
    expect(more).toEqual([]);
    expect(await database.order.count({ where: { reference } })).toBe(1);
    await proxy.close();
  });

  it('keeps the key that it is given', async () => {
    const key = newId();
    const client = aClient();
    const send = () =>
      client.POST('/api/v1/orders', { params: { header: { 'Idempotency-Key': key } }, body: order() });
    const [first, second] = [await send(), await send()];
    expect(second.data).toEqual(first.data);
    expect(second.response.headers.get('idempotent-replayed')).toBe('true');
  });

  it('comes again when it is told to, and not before', async () => {
    const server = await answering(
      problem(503, 'overloaded', { 'retry-after': '1' }),
      problem(429, 'rate-limited', { 'retry-after': '1' }),
      problem(409, 'idempotency-key-in-use', { 'retry-after': '0' }),
      (_request, response) => void response.writeHead(502).end('<html>no backend</html>'),
      (request) => request.socket.destroy(),
      success,
    );
    const begunAt = performance.now();
    const client = createClient({ baseUrl: server.url });
    expect((await ok(client.POST('/api/v1/orders', { body: order() }))).order_id).toBe('x');
    expect(performance.now() - begunAt).toBeGreaterThanOrEqual(1_990);
    const keys = server.requests.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(6);
    expect(new Set(keys).size).toBe(1);
    server.close();
  });

  it('comes again where its answer breaks off, or never ends', async () => {
    const begun = (response: ServerResponse) =>
      response.writeHead(202, { 'content-type': 'application/json', 'content-length': '1000' }).write('{');
    const server = await answering(
      (request, response) => void (begun(response), setImmediate(() => request.socket.destroy())),
      (_request, response) => void begun(response),
      success,
    );
    const client = createClient({ baseUrl: server.url, timeoutMs: 300 });
    expect((await ok(client.POST('/api/v1/orders', { body: order() }))).order_id).toBe('x');
    expect(new Set(server.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(server.requests).toHaveLength(3);
    server.close();
  });

  it('is given up in time, and when told, though garbage is collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const garbage = runInNewContext('gc') as () => void;
    const begun = (_request: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(202, { 'content-type': 'application/json', 'content-length': '9' }).write('{');
    for (const answer of [() => undefined, begun]) {
      const server = await answering(answer);
      const collect = async () => {
        await until('it to be sent', () => server.requests.length);
        for (let times = 0; times < 3; times += 1)
          await new Promise<void>((resolve) => setImmediate(() => resolve(garbage())));
      };
      const late = createClient({ baseUrl: server.url, timeoutMs: 500, retryForMs: 0 });
      const answerOfLate = late.POST('/api/v1/orders', { body: order() });
      await Promise.all([collect(), expect(answerOfLate).rejects.toThrow('no answer within 500 ms')]);
      server.requests.length = 0;
      const told = new AbortController();
      const answerOfTold = createClient({ baseUrl: server.url }).POST('/api/v1/orders', {
        body: order(),
        signal: told.signal,
      });
      void collect().then(() => told.abort());
      await expect(answerOfTold).rejects.toThrow('aborted');
      server.close();
    }
  });

  it.each([
    [503, 'card-payments-not-set-up', {}],
    [503, 'overloaded', { 'retry-after': '3600' }],
    [409, 'price-changed', {}],
    [500, 'x', {}],
    [422, 'invalid-request', {}],
  ])('is not sent again after %d %s', async (status, type, headers) => {
    const server = await answering(problem(status, type, headers));
    const client = createClient({ baseUrl: server.url });
    await expect(ok(client.POST('/api/v1/orders', { body: order() }))).rejects.toMatchObject({
      status,
      type,
    });
    expect(server.requests).toHaveLength(1);
    server.close();
  });

  it('ends when its time is up, or when it is told to', async () => {
    const silent = await answering(() => undefined);
    const late = createClient({ baseUrl: silent.url, timeoutMs: 100, retryForMs: 500 });
    await expect(late.GET('/api/v1/orders')).rejects.toThrow('no answer within 100 ms');
    expect(silent.requests.length).toBeGreaterThan(1);
    const stopping = new AbortController();
    const asked = aClient({ baseUrl: silent.url }).GET('/api/v1/orders', { signal: stopping.signal });
    stopping.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    silent.close();
    const none = createClient({ baseUrl: silent.url, retryForMs: 0 });
    await expect(none.GET('/api/v1/orders')).rejects.toThrow('fetch failed');
  });

  it.each([
    ['0', 0],
    ['7', 7_000],
    ['Thu, 01 Jan 2026 00:00:10 GMT', 10_000],
    ['Thu, 01 Jan 2025 00:00:10 GMT', 0],
    ['soon', undefined],
    [null, undefined],
  ])('reads Retry-After %s', (header, expected) => {
    expect(retryAfterMs(header, Date.UTC(2026, 0, 1))).toBe(expected);
  });
});

describe('a problem', () => {
  it('is an error of its type, with its members', async () => {
    const placing = ok(aClient().POST('/api/v1/orders', { body: order({ expected_total: 1 }) }));
    const error: unknown = await placing.catch((thrown: unknown) => thrown);
    if (!isProblem(error, 'price-changed')) throw error;
    const total: number = error.body.total_amount;
    expect([total, error.body.items[0]?.name, error.status]).toEqual([100, 'Dish 1', 409]);
    expect(isProblem(error, 'out-of-stock')).toBe(false);
    expect(error.message).toContain('now comes to 100.00 INR');
  });

  it.each([
    [413, 'Payload Too Large'],
    [200, 'OK'],
  ])('is one also where a proxy says something else, with %d', async (status, message) => {
    const server = await answering(
      (_request, response) => void response.writeHead(status, { 'content-type': 'text/html' }).end('<html>'),
    );
    const asked = ok(createClient({ baseUrl: server.url }).GET('/api/v1/orders'));
    const error: unknown = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ status, type: 'about:blank', message });
    server.close();
  });
});

describe('lists', () => {
  it('come page after page, for as long as they are read', async () => {
    const customer_id = newId();
    for (let count = 0; count < 12; count += 1) await shop.api.post('/orders', order({ customer_id }));
    const client = aClient();
    const ids: string[] = [];
    for await (const { id } of client.orders({ customer_id, limit: 5 })) ids.push(id);
    expect(new Set(ids).size).toBe(12);
    for await (const item of client.menu(shop.restaurantId)) expect(item.sku).toBe('DISH-1');
    const restaurants: string[] = [];
    for await (const { name } of client.restaurants({ limit: 1 })) restaurants.push(name);
    expect(restaurants).toEqual(['Tandoor']);
    await expect(client.orders({ customer_id: '' }).next()).rejects.toMatchObject({
      type: 'invalid-parameters',
    });
  });
});

describe('following', () => {
  const prepare = (orderId: string) =>
    shop.api.database.$transaction((tx) =>
      moveOrders(tx, [{ orderId, actor: 'MESH', to: 'PREPARING', origin: { correlationid: 'c' } }]),
    );

  it('an order tells every change once and ends with it, though connections break', async () => {
    const proxy = await startProxy(shop.api.url);
    const client = createClient({ baseUrl: proxy.url.replace(/\/$/, '') });
    const id = (await shop.api.post('/orders', order())).body.order_id as string;
    const told: string[] = [];
    const following = (async () => {
      for await (const { id: version, event, data } of client.followOrder(id))
        told.push(`${version} ${event === 'order' ? data.status : data.to}`);
    })();
    await until('it to be told how it is', () => told.length === 1);
    proxy.cut();
    await prepare(id);
    await until('its first move to be told', () => told.length === 2);
    proxy.takeAway();
    await shop.api.patch(`/orders/${id}/status`, { status: 'OUT_FOR_DELIVERY' });
    proxy.bringBack();
    await until('its second move to be told', () => told.length === 3);
    await shop.api.patch(`/orders/${id}/status`, { status: 'DELIVERED' });
    await following;
    expect(told).toEqual(['1 PLACED', '2 PREPARING', '3 OUT_FOR_DELIVERY', '4 DELIVERED']);
    await proxy.close();
  });

  it('a restaurant goes on until it is told to stop', async () => {
    const client = aClient();
    const stopping = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      const options = { signal: stopping.signal, lastEventId: '0' };
      for await (const told of client.followRestaurant(shop.restaurantId, options))
        if (told.event === 'move') seen.push(told.data.order_id);
    })();
    const id = (await shop.api.post('/orders', order())).body.order_id as string;
    await until('it to be told', () => seen.includes(id));
    stopping.abort();
    await following;
  });

  it('connects again where nothing comes any more, and ends when it is told to, then too', async () => {
    const begin = (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('retry: 10\nid: 1\nevent: order\ndata: {}\n\n');
    };
    const server = await answering(begin);
    const stopping = new AbortController();
    const client = createClient({ baseUrl: server.url });
    const options = { signal: stopping.signal, silenceMs: 100 };
    const following = (async () => {
      for await (const _ of client.followOrder(newId(), options));
    })();
    await until('it to have connected again', () => server.requests.length === 3);
    expect(server.requests[2]?.headers['last-event-id']).toBe('1');
    stopping.abort();
    await following;
    server.close();
  });

  it('what is no stream, or no problem of ours, is an error', async () => {
    const page = await answering(
      (_request, response) =>
        void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in'),
      (_request, response) =>
        void response.writeHead(400, { 'content-type': 'application/json' }).end('{"type":5}'),
    );
    const client = createClient({ baseUrl: page.url });
    await expect(client.followOrder(newId()).next()).rejects.toMatchObject({
      status: 200,
      type: 'about:blank',
    });
    await expect(ok(client.GET('/api/v1/orders'))).rejects.toMatchObject({
      status: 400,
      type: 'about:blank',
    });
    page.close();
  });

  it('an order is over with its last event, and nobody is asked again', async () => {
    const server = await answering((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const [told, last] = [{ status: 'PLACED' }, { to: 'CANCELLED' }].map((data) => JSON.stringify(data));
      response.write(`id: 1\nevent: order\ndata: ${told}\n\nid: 2\nevent: move\ndata: ${last}\n\n`);
    });
    const told: string[] = [];
    for await (const { id } of createClient({ baseUrl: server.url }).followOrder(newId())) told.push(id);
    expect([told, server.requests.length]).toEqual([['1', '2'], 1]);
    server.close();
  });

  it('and its stream may be read as it comes, too', async () => {
    const client = aClient({ timeoutMs: 500, retryForMs: 0 });
    const id = (await shop.api.post('/orders', order())).body.order_id as string;
    const path = { id };
    const { data } = await client.GET('/api/v1/orders/{id}/events', { params: { path }, parseAs: 'stream' });
    const reader = data!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^retry: /);
    await reader.cancel();
  });

  it('what is not there is a problem, and not asked for again', async () => {
    await expect(aClient().followOrder(newId()).next()).rejects.toMatchObject({ status: 404 });
  });
});

it('is what the README shows', async () => {
  const [, code = ''] =
    /^## From TypeScript.*?^```ts\n(.*?)^```/ms.exec(readFileSync('README.md', 'utf8')) ?? [];
  const there = code
    .replace(/^import (.*) from '\.\/client';$/m, 'const $1 = client;')
    .replace('http://127.0.0.1:8000', shop.api.url)
    .replace("'480.00'", "'200.00'");
  expect(there).toContain('= client;');
  const script = `async function run(client, restaurantId, itemId, console) {${there}}`;
  const { code: plain } = transformSync(script, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  });
  const run = (compileFunction(`${plain}; return run;`) as () => (...given: unknown[]) => Promise<void>)();
  const said: unknown[][] = [];
  const running = run({ createClient, isProblem, ok }, shop.restaurantId, shop.items[0], {
    log: (...line: unknown[]) => said.push(line),
  });
  await until('the order to be followed', () => said.length === 2);
  expect(said[0]).toEqual(['Dish 1', '100.00']);
  expect(said[1]).toMatchObject(['order', { status: 'PLACED', total_amount: 200 }]);
  await shop.api.post(`/orders/${(said[1]![1] as { id: string }).id}/cancel`);
  await running;
  expect(said[2]).toMatchObject(['move', { to: 'CANCELLED' }]);
});
