import { serveHealth } from './health-server';

const read = jest.fn((key: string) => Promise.resolve(key === 'nobody' ? undefined : { key }));
let served: Awaited<ReturnType<typeof serveHealth>>;
beforeAll(async () => {
  const failing = () => Promise.reject(new Error('secret'));
  const reads = new Map<string, (key: string) => Promise<unknown>>([
    ['points', read],
    ['broken', failing],
  ]);
  served = await serveHealth({ checks: {}, reads }, 0, '127.0.0.1');
});
afterAll(() => served.stop());

async function ask(path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${served.port}${path}`, { method });
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    body: (await response.json()) as { detail?: string },
  };
}

it('answers with what is read of a key, whatever characters it has', async () => {
  const key = 'a/b?c#d %ü';
  expect(await ask(`/points/${encodeURIComponent(key)}?x=1`)).toEqual({
    status: 200,
    type: 'application/json',
    body: { key },
  });
});

it.each([
  ['/points/nobody', 'GET', 404, 'There is nothing of "nobody".'],
  ['/points', 'GET', 404, 'This port serves /healthz, /readyz, /metrics, /points/…, /broken/….'],
  ['/points/', 'GET', 404, 'This port serves'],
  ['/other/1', 'GET', 404, 'This port serves'],
  ['/points/%E0%A4', 'GET', 400, 'percent-encoded'],
  ['/points/a%00', 'GET', 400, 'percent-encoded'],
  ['/points/a', 'DELETE', 405, 'use GET'],
  ['/broken/a', 'GET', 503, 'The database does not answer'],
])('%s %s: %i', async (path, method, status, detail) => {
  const answer = await ask(path, method);
  expect(answer).toMatchObject({ status, type: 'application/problem+json', body: { status } });
  expect(answer.body.detail).toContain(detail);
});

it('is beside the health, which stays as it is', async () => {
  expect((await ask('/readyz')).status).toBe(200);
  expect((await ask('/healthz')).status).toBe(200);
});
