import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
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
  ['/points/a', 'DELETE', 405, 'DELETE is not allowed here; GET, HEAD, OPTIONS are.'],
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

describe.each(['/healthz', '/readyz', '/metrics', '/points/a'])('%s', (path) => {
  /** Not by `fetch`, which cannot ask everything. */
  async function answerTo(method: string, target: string) {
    const asked = request({ port: served.port, method, path: target }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const body = Buffer.concat(await response.toArray()).toString();
    return { status: response.statusCode, allow: response.headers.allow, body };
  }

  it('is read by GET and HEAD, also as it is asked of a proxy', async () => {
    const { status, body } = await answerTo('GET', path);
    expect({ status, isEmpty: body === '' }).toEqual({ status: 200, isEmpty: false });
    for (const target of [path, `http://mesh.example:9000${path}?x=1`, `${path}?x=1`]) {
      expect(await answerTo('GET', target)).toMatchObject({ status: 200 });
      expect(await answerTo('HEAD', target)).toMatchObject({ status: 200, body: '' });
    }
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'OPTIONS'])('is not for %s', async (method) => {
    const { status, allow, body } = await answerTo(method, path);
    expect({ status, allow }).toEqual({
      status: method === 'OPTIONS' ? 204 : 405,
      allow: 'GET, HEAD, OPTIONS',
    });
    expect(body).toMatch(method === 'OPTIONS' ? /^$/ : /"detail":"\w+ is not allowed here/);
  });
});

it('a trailing slash changes nothing about the health, and a query still names whom it is for', async () => {
  for (const path of ['/healthz/', '/readyz/', 'http://mesh.example/readyz/', '/readyz/?x=1']) {
    const asked = request({ port: served.port, path }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(response.resume().statusCode).toBe(200);
  }
  expect((await ask('/readyz/?service=another')).status).toBe(503);
  expect((await ask('/readyz//')).status).toBe(404);
  expect((await ask('/readyzz', 'POST')).status).toBe(404);
});
