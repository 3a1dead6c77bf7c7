import { bearer, giveKey } from '../testing/test-access';
import { until } from '../../shared/testing/until';
import { serve, startTestApi, type ApiClient, type TestApi } from '../testing/test-api';

let api: TestApi;
beforeAll(async () => (api = await startTestApi()));
afterAll(() => api.stop());

/** An API of its own, whose counts begin at nothing. */
async function limited(
  more: Parameters<typeof serve>[1],
  work: (to: ApiClient) => Promise<void>,
): Promise<void> {
  const to = await serve(api.database, more);
  await work(to);
  await to.stop();
}
const get = (to: ApiClient, headers: Record<string, string> = {}, path = '/restaurants') =>
  to.call('GET', path, { headers });

describe('requests beyond the limit', () => {
  it('of an address are answered 429, with when to come back, and let in again then', () =>
    limited({ rateLimits: { address: { requests: 2, windowMs: 1_500 } } }, async (to) => {
      const first = await get(to);
      expect(first.headers).toMatchObject({
        ratelimit: expect.stringMatching(/^"address"; r=1; t=[12]$/),
        'ratelimit-policy': expect.stringMatching(/^"address"; q=2; w=2; pk=:[\w+/=]+:$/),
      });
      expect((await get(to)).status).toBe(200);
      const refused = await to.call('POST', '/inventory/add/restaurant', { json: { name: 'Tandoor' } });
      expect(refused).toMatchObject({
        status: 429,
        headers: {
          'retry-after': expect.stringMatching(/^[12]$/),
          ratelimit: expect.stringContaining('r=0'),
        },
        body: {
          type: 'urn:ordermesh:problem:rate-limited',
          detail: expect.stringContaining('More than 2 requests'),
        },
      });
      expect(await api.database.restaurant.count()).toBe(0);
      expect((await get(to, {}, '//healthz')).status).toBe(200);
      await until('it is let in again', async () => (await get(to)).status === 200);
    }));

  it('are counted for each caller, whatever their address', async () => {
    const [one, two] = [await giveKey(api.database, 'admin'), await giveKey(api.database, 'admin')];
    const given = { credentials: { keys: true }, rateLimits: { caller: { requests: 2, windowMs: 60_000 } } };
    await limited(given, async (to) => {
      const statuses = [];
      for (const { text } of [one, one, one, two]) statuses.push((await get(to, bearer(text))).status);
      expect(statuses).toEqual([200, 200, 429, 200]);
      expect((await get(to, bearer(two.text))).headers.ratelimit).toMatch(/^"caller"; r=0; t=\d+$/);
      // Who is not let in counts for nobody.
      expect((await get(to)).status).toBe(401);
    });
  });

  it('by address stop whoever tries keys', () =>
    limited(
      { credentials: { keys: true }, rateLimits: { address: { requests: 3, windowMs: 60_000 } } },
      async (to) => {
        const statuses = [];
        for (let count = 0; count < 5; count += 1) statuses.push((await get(to, bearer('om_live_x'))).status);
        expect(statuses).toEqual([401, 401, 401, 429, 429]);
      },
    ));

  it('are counted by the address that a trusted proxy names, and by no other that a client invents', async () => {
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const address = { requests: 1, windowMs: 60_000 };
    await limited({ rateLimits: { address } }, async (to) => {
      expect((await get(to, from('198.51.100.1'))).status).toBe(200);
      expect((await get(to, from('198.51.100.2'))).status).toBe(429);
    });
    await limited({ rateLimits: { address }, trustProxy: ['loopback'] }, async (to) => {
      expect((await get(to, from('198.51.100.1'))).status).toBe(200);
      expect((await get(to, from('198.51.100.2'))).status).toBe(200);
      expect((await get(to, from('203.0.113.9, 198.51.100.2'))).status).toBe(429);
    });
    await limited({ rateLimits: { address }, trustProxy: 1 }, async (to) => {
      expect((await get(to, from('2001:db8:1:1::1'))).status).toBe(200);
      expect((await get(to, from('2001:db8:1:1::2'))).status).toBe(429); // the same customer of a provider
      expect((await get(to, from('2001:db8:2::1'))).status).toBe(200);
      expect((await get(to, from('not an address'))).status).toBe(200);
      // With the port of each connection it is the same address.
      expect((await get(to, from('192.0.2.1:50001'))).status).toBe(200);
      expect((await get(to, from('192.0.2.1:50002'))).status).toBe(429);
      expect((await get(to, from('[2001:db8:2::9]:50003'))).status).toBe(429);
    });
  });

  it('are none where there is no limit', async () => {
    const { headers } = await get(api);
    expect(headers).not.toHaveProperty('ratelimit');
  });
});
