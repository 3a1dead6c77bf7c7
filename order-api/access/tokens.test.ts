import { exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import type { Logger } from '../../shared/service/logger';
import { seedMenu } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';
import { bearer, startIssuer, type TestIssuer } from '../testing/test-access';
import { serve, startTestApi, type ApiClient, type TestApi } from '../testing/test-api';
import { openIssuerKeys } from './issuer-keys';

let api: TestApi;
let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startIssuer({ cooldownMs: 50 });
  api = await startTestApi({ credentials: { tokens: issuer.settings } });
});
afterAll(async () => {
  await api.stop();
  await issuer.stop();
});

const ADMIN = { sub: 'ada', role: 'admin' };
const get = (token: string, to: ApiClient = api, path = '/restaurants') =>
  to.call('GET', path, { headers: bearer(token) });
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

const goodClaims = () => ({
  ...ADMIN,
  iss: issuer.settings.issuer,
  aud: issuer.settings.audience,
  exp: inSeconds(60),
});

/** Signed by whoever likes to. */
const forge = (alg: string, key: Parameters<SignJWT['sign']>[0], header: object = {}) =>
  new SignJWT(goodClaims()).setProtectedHeader({ alg, kid: issuer.current.kid, ...header }).sign(key);

describe('a token of the issuer', () => {
  it('is good, by each role', async () => {
    for (const role of ['admin', 'customer', 'staff', ['offline_access', 'admin']])
      expect((await get(await issuer.sign({ sub: 's', role }))).status).toBe(200);
  });

  it('is good for one of several audiences, and a little beside the clock', async () => {
    const tokens = [
      { aud: ['other', ...issuer.settings.audience] },
      { exp: inSeconds(-2) },
      { nbf: inSeconds(2) },
    ];
    for (const claims of tokens)
      expect((await get(await issuer.sign({ ...ADMIN, ...claims }))).status).toBe(200);
  });

  it.each<[string, JWTPayload, string]>([
    ['that has expired', { exp: 1_000_000_000 }, 'The token has expired.'],
    ['that has no end', { exp: undefined }, 'The token lacks a claim'],
    ['that is not valid yet', { nbf: 4_000_000_000 }, 'The token is not valid yet.'],
    ['for another audience', { aud: 'https://other.example' }, 'The token is for another audience.'],
    ['for no audience', { aud: undefined }, 'The token is for another audience.'],
    ['of another issuer', { iss: 'https://issuer.example' }, 'The token is of another issuer.'],
    ['of nobody', { sub: undefined }, 'The token lacks a claim'],
    ['with an end that is no number', { exp: '4000000000' as never }, 'The token'],
  ])('%s is not good', async (_, claims, says) => {
    const token = await issuer.sign({ ...ADMIN, ...claims });
    const { status, headers, body, text } = await get(token);
    expect([status, body.type]).toEqual([401, 'urn:ordermesh:problem:unauthenticated']);
    expect(body.detail).toContain(says);
    expect(headers['www-authenticate']).toContain('error="invalid_token"');
    expect(text).not.toContain(token.split('.')[2]);
  });

  it.each<[string, JWTPayload]>([
    ['no role', { role: undefined }],
    ['a role that there is not', { role: 'root' }],
    ['a role in another case', { role: 'Admin' }],
    ['an object for a role', { role: { admin: true } }],
    ['a customer with a blank at the end', { role: 'customer', sub: 'asha ' }],
    ['a customer in decomposed letters', { role: 'customer', sub: 'ne\u0301' }],
    ['a customer with a longer name than is kept', { role: 'customer', sub: 'x'.repeat(65) }],
    ['a subject that cannot be kept', { sub: 'a\u0000b' }],
    ['a subject without an end', { sub: 'x'.repeat(256) }],
  ])('with %s is known, and may nothing', async (_, claims) => {
    const before = await api.snapshot();
    const reply = await get(await issuer.sign({ ...ADMIN, ...claims }));
    expect(reply).toMatchObject({ status: 403, body: { type: 'urn:ordermesh:problem:forbidden' } });
    expect(await api.snapshot()).toEqual(before);
  });
});

describe('a token of somebody else', () => {
  it.each<[string, () => Promise<string>]>([
    ['without a signature', async () => new UnsecuredJWT(ADMIN).encode()],
    [
      'with alg none, and the rest as it should be',
      async () => {
        const [, payload] = (await issuer.sign(ADMIN)).split('.');
        const header = { alg: 'none', kid: issuer.current.kid };
        return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.`;
      },
    ],
    [
      'signed with the public key as a secret',
      async () => {
        const key = await importJWK(issuer.current.publicJwk, 'ES256', { extractable: true });
        return forge('HS256', Buffer.from(await exportSPKI(key as never)));
      },
    ],
    [
      'signed by another key under the same name',
      async () => forge('ES256', (await generateKeyPair('ES256')).privateKey),
    ],
    [
      'that brings its own key',
      async () => {
        const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
        const { exportJWK } = await import('jose');
        return forge('ES256', privateKey, { jwk: await exportJWK(publicKey) });
      },
    ],
    [
      'with an extension that has to be understood',
      async () => {
        return new SignJWT(goodClaims())
          .setProtectedHeader({ alg: 'ES256', kid: issuer.current.kid, crit: ['x-must'], 'x-must': 1 })
          .sign(issuer.current.privateKey, { crit: { 'x-must': true } });
      },
    ],
    [
      'changed after it was signed',
      async () => {
        const [header, , signature] = (await issuer.sign({ ...ADMIN, role: 'customer' })).split('.');
        const payload = goodClaims();
        return `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.${signature}`;
      },
    ],
    ['that is no token', async () => 'a.b.c'],
    ['of two parts', async () => 'e30.e30'],
    ['encrypted', async () => 'e30.e30.e30.e30.e30'],
    ['that is an API key, where there are none', async () => `om_live_${'0'.repeat(32)}_${'0'.repeat(49)}`],
  ])('%s is not good', async (_, make) => {
    const before = await api.snapshot();
    expect(await get(await make())).toMatchObject({
      status: 401,
      body: { type: 'urn:ordermesh:problem:unauthenticated' },
      headers: { 'www-authenticate': expect.stringContaining('error="invalid_token"') },
    });
    expect(await api.snapshot()).toEqual(before);
  });
});

describe('what a token says of its bearer', () => {
  it('makes a customer see their own, staff theirs, and is kept with what they do', async () => {
    const menu = await seedMenu(api.database, [5]);
    const asha = bearer(await issuer.sign({ sub: 'auth0|asha', role: 'customer' }));
    const ben = bearer(await issuer.sign({ sub: 'auth0|ben', role: 'customer' }));
    const json = { restaurant_id: menu.restaurantId, items: [{ menu_item_id: menu.items[0], quantity: 1 }] };
    const { body } = await api.call('POST', '/orders', { json, headers: asha });
    const path = `/orders/${body.order_id}`;
    expect((await api.call('GET', path, { headers: ben })).status).toBe(404);
    const seen = await api.call('GET', path, { headers: asha });
    expect(seen.body).toMatchObject({ customer_id: 'auth0|asha', history: [{ by: 'jwt:auth0|asha' }] });
    for (const [restaurants, status] of [
      [[menu.restaurantId.toUpperCase(), 'x'], 200],
      [menu.restaurantId, 200],
      [[], 404],
      [undefined, 404],
    ] as const) {
      const staff = bearer(await issuer.sign({ sub: 'sam', role: 'staff', restaurants }));
      expect([restaurants, (await api.call('GET', path, { headers: staff })).status]).toEqual([
        restaurants,
        status,
      ]);
    }
  });

  it('may be in claims of other names, also within others', async () => {
    const claims = {
      role: 'realm_access.roles',
      restaurants: 'https://shop.example/restaurants',
      customer: 'customer_number',
    };
    const other = await serve(api.database, { credentials: { tokens: { ...issuer.settings, claims } } });
    const given = { sub: 'a', realm_access: { roles: ['customer'] }, customer_number: 'c-1' };
    expect((await get(await issuer.sign(given), other, '/orders?customer_id=c-1')).status).toBe(200);
    expect((await get(await issuer.sign(given), other, '/orders?customer_id=a')).status).toBe(403);
    expect((await get(await issuer.sign(ADMIN), other)).status).toBe(403);
    await other.stop();
  });
});

describe("the issuer's keys", () => {
  it('may be changed at any time: a new one is fetched, and one that is withdrawn ends', async () => {
    const own = await startIssuer({ cooldownMs: 50, freshMs: 1_000 });
    const shop = await serve(api.database, { credentials: { tokens: own.settings } });
    const old = await own.sign(ADMIN);
    expect((await get(old, shop)).status).toBe(200);
    await own.rotate();
    await until('the new key is known', async () => (await get(await own.sign(ADMIN), shop)).status === 200);
    expect((await get(old, shop)).status).toBe(200);
    await own.rotate(false);
    await until('the old key is forgotten', async () => (await get(old, shop)).status === 401);
    await shop.stop();
    await own.stop();
  });

  it('need not be named by a token, though there are several for a while', async () => {
    const own = await startIssuer();
    await own.rotate();
    const stranger = await generateKeyPair('ES256');
    const other = await serve(api.database, { credentials: { tokens: own.settings } });
    const unnamed = { kid: undefined };
    expect((await get(await own.sign(ADMIN, unnamed), other)).status).toBe(200);
    const expired = await own.sign({ ...ADMIN, exp: inSeconds(-60) }, unnamed);
    expect((await get(expired, other)).body.detail).toBe('The token has expired.');
    own.current = { ...own.current, privateKey: stranger.privateKey };
    expect((await get(await own.sign(ADMIN, unnamed), other)).status).toBe(401);
    await other.stop();
    await own.stop();
  });

  it('are not fetched for every token with an invented key', async () => {
    const own = await startIssuer({ cooldownMs: 60_000 });
    const shop = await serve(api.database, { credentials: { tokens: own.settings } });
    for (let count = 0; count < 20; count += 1)
      expect((await get(await own.sign(ADMIN, { kid: `k${count}` }), shop)).status).toBe(401);
    expect(own.asked).toBe(1);
    await shop.stop();
    await own.stop();
  });

  it('still serve while the issuer does not answer, but a new one cannot be told from a bad one', async () => {
    const own = await startIssuer({ cooldownMs: 0, freshMs: 0, staleMs: 60_000 });
    const shop = await serve(api.database, { credentials: { tokens: own.settings } });
    const good = await own.sign(ADMIN);
    expect((await get(good, shop)).status).toBe(200);
    own.broken = 500;
    expect((await get(good, shop)).status).toBe(200);
    const asked = own.asked;
    const invented = await own.sign(ADMIN, { kid: 'new' });
    expect(await get(invented, shop)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    expect((await get(good, shop)).status).toBe(200);
    expect(own.asked).toBe(asked); // nobody waits for the next failure
    own.broken = undefined;
    await until('it is asked again', async () => (await get(invented, shop)).status === 401);
    await shop.stop();
    await own.stop();
  });

  it('that were never to be had make no token bad', async () => {
    const own = await startIssuer();
    own.broken = 'silent';
    const begun = Date.now();
    const shop = await serve(api.database, { credentials: { tokens: own.settings } });
    expect(Date.now() - begun).toBeLessThan(6_000);
    expect(await get(await own.sign(ADMIN), shop)).toMatchObject({
      status: 503,
      body: { detail: expect.stringContaining('their issuer does not answer') },
    });
    expect((await shop.get('//healthz')).status).toBe(200);
    own.broken = undefined;
    await until('the keys are there', async () => (await get(await own.sign(ADMIN), shop)).status === 200);
    await shop.stop();
    await own.stop();
  });

  it('that cannot be read are told of with the reason and the host', async () => {
    const own = await startIssuer();
    const { url } = own.settings.keys;
    await own.stop();
    const warn = jest.fn();
    await openIssuerKeys({ url, log: { warn } as unknown as Logger });
    expect(warn).toHaveBeenCalledWith(
      { error: `fetch failed: connect ECONNREFUSED ${url.host}`, host: url.host },
      "the token issuer's keys cannot be read",
    );
  });
});
