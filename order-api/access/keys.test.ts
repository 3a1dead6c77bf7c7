import { newId } from '../../shared/ids';
import { startProxy } from '../../shared/testing/tcp-proxy';
import { openDatabase } from '../../shared/service/database';
import { until } from '../../shared/testing/until';
import { seedMenu } from '../../shared/testing/seed';
import { follow } from '../testing/event-client';
import { bearer, giveKey, type TestKey } from '../testing/test-access';
import { serve, startTestApi, type TestApi } from '../testing/test-api';
import { makeApiKey, readApiKey } from './api-key';
import { ShortMemory } from './short-memory';

describe('an API key', () => {
  const id = newId();

  it('is found by its prefix, and says which row it belongs to', () => {
    const { text, hash, lastFour } = makeApiKey(id);
    expect(text).toMatch(/^om_live_[0-9a-f]{32}_[0-9A-Za-z]{49}$/);
    expect(readApiKey(text)).toEqual({ id, hash });
    expect(text.endsWith(lastFour)).toBe(true);
    expect(makeApiKey(id).text).not.toBe(text);
  });

  it('that is cut short, mistyped or made up is known as such without asking anybody', () => {
    const { text } = makeApiKey(id);
    const swapped = text.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    for (const bad of [
      '',
      'om_live_',
      text.slice(0, -1),
      `${text}A`,
      swapped,
      text.toUpperCase(),
      `${text}\n`,
    ])
      expect(readApiKey(bad)).toBeUndefined();
  });
});

describe('a short memory', () => {
  it('forgets the oldest where there are too many, and counts from when a thing was so', () => {
    const memory = new ShortMemory<number>(1_000, 2);
    const now = performance.now();
    memory.set('a', 1, now);
    memory.set('b', 2, now);
    memory.set('a', 3, now);
    memory.set('c', 4, now);
    expect(['a', 'b', 'c'].map((key) => memory.get(key))).toEqual([3, undefined, 4]);
    memory.set('late', 5, now - 1_001);
    expect(memory.get('late')).toBeUndefined();
  });
});

describe('callers with API keys', () => {
  let api: TestApi;
  let admin: TestKey;
  beforeAll(async () => {
    api = await startTestApi({ credentials: { keys: true } });
    admin = await giveKey(api.database, 'admin');
  });
  afterAll(() => api.stop());

  const get = (credential: string) => api.call('GET', '/restaurants', { headers: bearer(credential) });
  const change = (key: TestKey, data: object) => api.database.apiKey.update({ where: { id: key.id }, data });

  /** Why it is turned away; as if it had nothing, but for that. */
  async function whyRefused(credential: string): Promise<string> {
    const before = await api.snapshot();
    const { status, body, headers } = await get(credential);
    expect([status, body.type]).toEqual([401, 'urn:ordermesh:problem:unauthenticated']);
    expect(headers['www-authenticate']).toBe(
      `Bearer realm="ordermesh", error="invalid_token", error_description="${body.detail}"`,
    );
    expect(JSON.stringify([body, headers])).not.toContain(credential);
    expect(await api.snapshot()).toEqual(before);
    return body.detail;
  }

  it('are let in', async () => {
    expect((await get(admin.text)).status).toBe(200);
    const { status } = await api.call('GET', '/restaurants', {
      headers: { authorization: `bearer  ${admin.text} ` },
    });
    expect(status).toBe(200);
  });

  it.each([
    ['nothing', undefined],
    ['another scheme', 'Basic b206b20='],
    ['no scheme', 'om_live_x'],
  ])('with %s are asked who they are', async (_, authorization) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    expect(await api.call('GET', '/restaurants', { headers })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="ordermesh"' },
    });
  });

  it.each([
    ['nothing after Bearer', 'Bearer'],
    ['two words', 'Bearer a b'],
    ['a quote', 'Bearer "x"'],
    ['what is no key', 'Bearer om_live_x'],
    ['a token, where there are none', 'Bearer eyJhbGciOiJub25lIn0.e30.'],
    ['a very long one', `Bearer om_live_${'a'.repeat(15_000)}`],
  ])('with %s are told that it is not good', async (_, authorization) => {
    const reply = await api.call('GET', '/restaurants', { headers: { authorization } });
    expect(reply).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringContaining('error="invalid_token"') },
    });
  });

  it('with two of them are not let in by the first', async () => {
    const headers = { authorization: [`Bearer ${admin.text}`, 'Bearer om_live_x'] };
    expect((await api.call('GET', '/restaurants', { headers })).status).toBe(401);
  });

  it('whose key is forged, of no row, revoked or expired are turned away', async () => {
    expect(await whyRefused(makeApiKey(newId()).text)).toBe('The API key is not known.');
    expect(await whyRefused(makeApiKey(admin.id).text)).toBe('The API key is not known.');
    const revoked = await giveKey(api.database, 'admin', { revokedAt: new Date() });
    expect(await whyRefused(revoked.text)).toBe('The API key was revoked.');
    const expired = await giveKey(api.database, 'admin', { expiresAt: new Date(Date.now() - 1) });
    expect(await whyRefused(expired.text)).toBe('The API key has expired.');
    const tampered = admin.text.replace(/.(?=.{48}$)/, (one) => (one === 'a' ? 'b' : 'a'));
    expect(await whyRefused(tampered)).toContain('mistyped');
  });

  it('whose key is revoked while it is in use are turned away within five seconds', async () => {
    const key = await giveKey(api.database, 'admin');
    expect((await get(key.text)).status).toBe(200);
    const begun = Date.now();
    await change(key, { revokedAt: new Date() });
    await until('it is refused', async () => (await get(key.text)).status === 401);
    expect(Date.now() - begun).toBeLessThan(6_000);
  });

  it('may use the secret before the last for as long as was said', async () => {
    const key = await giveKey(api.database, 'admin');
    const before = makeApiKey(key.id);
    const previousHash = new Uint8Array(before.hash);
    await change(key, { previousHash, previousUntil: new Date(Date.now() + 60_000) });
    expect(await Promise.all([key.text, before.text].map(async (one) => (await get(one)).status))).toEqual([
      200, 200,
    ]);
    const other = await giveKey(api.database, 'admin');
    const past = makeApiKey(other.id);
    await change(other, { previousHash: new Uint8Array(past.hash), previousUntil: new Date(Date.now() - 1) });
    expect(await whyRefused(past.text)).toBe('The API key was replaced by another one.');
    expect((await get(other.text)).status).toBe(200);
  });

  it('are streamed to no longer than their key is good', async () => {
    const { restaurantId } = await seedMenu(api.database, []);
    const streaming = await serve(api.database, { credentials: { keys: true }, askAgainMs: 100 });
    const [ended, good] = [await giveKey(api.database, 'admin'), await giveKey(api.database, 'admin')];
    const clients = await Promise.all(
      [ended, good].map(({ text }) =>
        follow(streaming.url, `/restaurants/${restaurantId}/orders/events`, bearer(text)),
      ),
    );
    await change(ended, { revokedAt: new Date() });
    await clients[0]!.ended();
    expect(clients[1]!.hasEnded()).toBe(false);
    clients[1]!.leave();
    await streaming.stop();
  });

  it('whose key has a role that this version does not know are turned away', async () => {
    const key = await giveKey(api.database, 'admin');
    await change(key, { role: 'courier' });
    expect(await whyRefused(key.text)).toContain('not known here');
  });

  it('are asked before their body is read, and before it is told what there is', async () => {
    const raw = await api.call('POST', '/orders', {
      raw: '{"broken',
      headers: { 'content-type': 'text/plain' },
    });
    expect(raw.status).toBe(401);
    expect((await api.get('/no/such/route')).status).toBe(401);
    expect((await api.call('DELETE', '/orders')).status).toBe(401);
    expect((await api.call('OPTIONS', '/orders')).status).toBe(204);
    expect((await api.call('HEAD', '/orders')).status).toBe(401);
    expect((await api.get('/orders?access_token=' + admin.text)).status).toBe(401);
  });

  it('need not say anything for what is about the service itself', async () => {
    for (const path of ['//healthz', '//readyz', '//docs', '//openapi.json', '//'])
      expect([path, (await api.get(path)).status]).toEqual([path, 200]);
  });

  it('find nothing of the shop in the document that anybody may read', async () => {
    const place = await api.call('POST', '/inventory/add/restaurant', {
      json: { name: 'Tandoor' },
      headers: bearer(admin.text),
    });
    const id = place.body.restaurant_id as string;
    await api.call('POST', `/inventory/add/${id}/item`, {
      json: { name: 'Naan', price: 70, available_qty: 99 },
      headers: bearer(admin.text),
    });
    expect((await api.get('//openapi.json')).text).not.toContain(id);
    const open = await serve(api.database);
    expect((await open.get('//openapi.json')).text).toContain(id);
    await open.stop();
  });

  it('by the hundred, invented, cost a query at a time and push out no real one', async () => {
    const invented = Array.from({ length: 300 }, () => makeApiKey(newId()).text);
    const [first] = await Promise.all([get(admin.text), ...invented.map(get)]);
    expect(first?.status).toBe(200);
  });
});

describe('a database that is away', () => {
  it('is no reason to call a key bad', async () => {
    const api = await startTestApi();
    const key = await giveKey(api.database, 'admin');
    const proxy = await startProxy(api.databaseUrl);
    const database = openDatabase({
      url: proxy.url,
      poolSize: 2,
      applicationName: 'test',
      onIdleError: () => undefined,
    });
    const behind = await serve(database, { credentials: { keys: true } });
    const get = () => behind.call('GET', '/restaurants', { headers: bearer(key.text) });
    expect((await get()).status).toBe(200);
    proxy.takeAway();
    await until('what is remembered has ended', async () => {
      const { status, body } = await get();
      expect(status).toBe(503);
      return String(body.detail).startsWith('API keys cannot be checked');
    });
    await behind.stop();
    await database.$disconnect();
    await proxy.close();
    await api.stop();
  });
});
