import { bearer } from '../testing/test-access';
import { serve, startTestApi, type TestApi } from '../testing/test-api';

let api: TestApi;
beforeAll(async () => (api = await startTestApi()));
afterAll(() => api.stop());

describe('what browsers are told', () => {
  it('lets them do nothing with data', async () => {
    for (const path of ['/restaurants', '/orders/x', '//healthz', '//nowhere'])
      expect((await api.get(path)).headers).toMatchObject({
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': 'max-age=31536000',
      });
  });

  it('and caches on the way are to ask each time', async () => {
    for (const path of ['/restaurants', '/orders?limit=1', '/nowhere', '//readyz', '//healthz', '//'])
      expect((await api.get(path)).headers['cache-control']).toBe('private, no-cache');
  });

  it('lets pages load from here, and runs no script that stands in one', async () => {
    const { headers, text } = await api.get('//docs');
    expect(text).not.toMatch(/<script>|<script [^>]*src="(?!\/)/);
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'self';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/script-src|unsafe-eval|https:|http:/);
    const index = await api.call('GET', '//', { headers: { accept: 'text/html' } });
    expect(index.headers['content-security-policy']).toBe(policy);
  });

  it('lets pages to read load a style and an icon, and nothing else', async () => {
    for (const path of ['//docs/events', '//problems', '//problems/overloaded'])
      expect((await api.get(path)).headers['content-security-policy']).toMatch(
        /^default-src 'none';style-src 'self';img-src 'self';/,
      );
  });
});

describe('scripts of other sites', () => {
  const origin = 'https://shop.example';

  it('may read nothing unless it is said', async () => {
    const { headers } = await api.call('GET', '/restaurants', { headers: { origin } });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    const asked = await api.call('OPTIONS', '/orders', {
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect(Object.keys(asked.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('of the origins that are named may, errors included, and ask first without a key', async () => {
    const open = await serve(api.database, { corsOrigins: [origin], credentials: { keys: true } });
    const asked = await open.call('OPTIONS', '/orders', {
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    });
    expect(asked).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': expect.stringContaining('POST'),
        'access-control-allow-headers': 'authorization,content-type,idempotency-key',
        'access-control-max-age': '600',
      },
    });
    expect(asked.headers).not.toHaveProperty('access-control-allow-credentials');
    const refused = await open.call('GET', '/orders', { headers: { origin, ...bearer('om_live_x') } });
    expect(refused).toMatchObject({
      status: 401,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': expect.stringContaining('ETag'),
        vary: expect.stringContaining('Origin'),
      },
    });
    for (const other of ['https://shop.example.org', 'http://shop.example', 'null'])
      expect((await open.call('GET', '/orders', { headers: { origin: other } })).headers).not.toHaveProperty(
        'access-control-allow-origin',
      );
    expect((await open.call('OPTIONS', '/orders')).headers.allow).toBe('POST, GET, HEAD, OPTIONS');
    await open.stop();
  });

  it('of every origin may where it says so', async () => {
    const open = await serve(api.database, { corsOrigins: '*' });
    const { headers } = await open.call('GET', '/restaurants', { headers: { origin } });
    expect(headers['access-control-allow-origin']).toBe('*');
    await open.stop();
  });
});
