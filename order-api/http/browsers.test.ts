import { createHash } from 'node:crypto';
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

  it('lets pages run the scripts that they came with, and load from here', async () => {
    const { headers, text } = await api.get('//docs');
    const scripts = [...text.matchAll(/<script>([^]*?)<\/script>/g)].map(([, script = '']) => script);
    expect(scripts).toHaveLength(1);
    const hash = createHash('sha256').update(scripts[0]!).digest('base64');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain(`script-src 'self' 'sha256-${hash}'`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe|https:|http:/);
    const index = await api.call('GET', '//', { headers: { accept: 'text/html' } });
    expect(index.headers['content-security-policy']).toContain("script-src 'self'");
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
