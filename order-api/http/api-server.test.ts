import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Agent, request, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../shared/testing/until';
import { closeApiServer, createApiServer, type ApiServerOptions } from './api-server';

let server: Server;
let requests: number;

beforeEach(async () => {
  requests = 0;
  server = createApiServer((request, response) => {
    requests += 1;
    request.resume();
    request.on('error', () => undefined);
    request.on('end', () => response.end('done'));
    if (request.url === '/early') response.write('half an answer');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => closeApiServer(server, 0));

const open = (options: { allowHalfOpen?: boolean } = {}): Socket =>
  connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ...options });

/** What the server says to raw bytes until it hangs up. */
function say(bytes: string): Promise<string> {
  const socket = open();
  socket.write(bytes);
  return text(socket);
}

describe('what is not HTTP', () => {
  it.each([
    ['a header block beyond 16 kB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['an unknown method', 'FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['another protocol', '\x16\x03\x01\x02\x00\x01', 400],
    ['a header with a line break in it', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
    ['an address of another kind', 'GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ["a proxy's request", 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', 405],
    ['a broken chunk', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
  ])('%s is answered with a problem', async (_, bytes, status) => {
    const [head = '', body = ''] = (await say(bytes)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('\r\nContent-Type: application/problem+json; charset=utf-8\r\n');
    expect(JSON.parse(body)).toMatchObject({ status });
  });

  it('is answered also on a connection that was used before', async () => {
    const answer = await say(`GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 (200|431) /);
    expect(answer).toContain('HTTP/1.1 431 ');
  });

  it('adds nothing to half an answer', async () => {
    const answer = await say('POST /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
    expect(answer).not.toContain('problem');
  });
});

it('begins with no request before the one that was sent before it on the connection is answered', async () => {
  const upload = 'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}';
  const answer = await say(`${upload}GET /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  expect(answer.match(/HTTP.*|done|half an answer/g)).toEqual([
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 200 OK',
    'done',
    'HTTP/1.1 200 OK',
    'half an answer',
    'done',
  ]);
  const flood = open();
  flood.on('error', () => undefined);
  const before = requests;
  flood.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_000));
  await until('it is cut off', () => flood.closed);
  expect(requests - before).toBeLessThan(10);
});

it('takes a target that is written as for a proxy for the path in it', async () => {
  const targets = ['http://x/early', 'HTTPS://u:p@x:99/early', 'http://[::1/early'];
  for (const target of targets)
    expect(await say(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toContain(
      'half an answer',
    );
});

it('answers a client that has ended its side after its request', async () => {
  const half = open({ allowHalfOpen: true });
  half.end('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab');
  expect(await text(half)).toMatch(/^HTTP\/1.1 200 OK[^]*done$/);
});

describe('closing', () => {
  it('lets a request in progress finish, and does not wait for its connection to idle', async () => {
    const [busy, idle] = [open(), open()];
    busy.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na');
    idle.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => idle.once('data', resolve));
    const begun = Date.now();
    const closed = closeApiServer(server, 20_000);
    await text(idle);
    busy.write('b');
    expect(await text(busy)).toMatch(/^HTTP\/1.1 200 OK[^]*done$/);
    await closed;
    expect(Date.now() - begun).toBeLessThan(4_000);
    expect(requests).toBe(2);
  });

  it('does not wait for a connection on which nothing was ever sent', async () => {
    const silent = open();
    await new Promise<void>((resolve) => server.once('connection', () => resolve()));
    const begun = Date.now();
    await closeApiServer(server, 20_000);
    expect(await text(silent)).toBe('');
    expect(Date.now() - begun).toBeLessThan(4_000);
  });

  it('does not wait longer than it is told for a request that never ends', async () => {
    const endless = open();
    endless.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na');
    await new Promise<void>((resolve) => server.once('request', () => resolve()));
    await closeApiServer(server, 100);
    expect(await text(endless)).toBe('');
  });
});

describe('the limits of a connection', () => {
  it('keeps an idle one longer than the 60 seconds of common load balancers', async () => {
    expect(server.keepAliveTimeout).toBe(75_000);
    const socket = open();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const head = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    expect(head).toContain('Keep-Alive: timeout=75');
    socket.destroy();
  });

  it('meets no expectation but 100-continue', async () => {
    const answer = await say('POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 2\r\n\r\n{}');
    expect(answer).toMatch(/^HTTP\/1.1 417 /);
    expect(answer).toContain('application/problem+json');
  });
});

describe('while it drains', () => {
  it('answers those that keep a connection, tells them that it ends, and resets nobody', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const port = (server.address() as AddressInfo).port;
    const closes: boolean[] = [];
    const ask = () =>
      new Promise<void>((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port, agent }, (incoming) => {
          closes.push(incoming.headers.connection === 'close');
          incoming.resume();
          incoming.on('end', resolve);
        });
        outgoing.on('error', (error: NodeJS.ErrnoException) =>
          error.code === 'ECONNREFUSED' ? resolve() : reject(error),
        );
        outgoing.end();
      });
    let stopped = false;
    const clients = Array.from({ length: 8 }, async () => {
      while (!stopped) await ask();
    });
    await until('requests to flow', () => closes.length > 50);
    const closing = closeApiServer(server, 5_000).then(() => (stopped = true));
    await Promise.all([closing, ...clients]);
    expect(closes.filter(Boolean).length).toBeGreaterThanOrEqual(8); // each connection was told
    agent.destroy();
  });
});

const CLIENT = `
  const { request } = require('node:http');
  process.stdin.once('data', () => {
    let left = 20, answers = 0;
    const over = () => --left || (console.log(answers), process.exit());
    for (let n = 0; n < 20; n++)
      request({ port: process.argv[1], agent: false }, (got) => (answers++, got.resume(), got.on('end', over)))
        .on('error', over).end();
  });
  console.log('ready');`;

it('answers also those whom only the kernel has let in, when it closes', async () => {
  const client = spawn(process.execPath, ['-e', CLIENT, String((server.address() as AddressInfo).port)]);
  await once(client.stdout, 'data');
  client.stdin.end('go');
  // Nothing is accepted meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
  const closed = closeApiServer(server, 20_000);
  expect((await text(client.stdout)).trim()).toBe('20');
  await closed;
});

describe('clients that take their time', () => {
  let patient: Server;
  const listen = async (options: ApiServerOptions, app?: RequestListener) => {
    patient = createApiServer(
      app ??
        ((request, response) => {
          request.resume();
          request.on('error', () => undefined);
          request.on('end', () => response.end('done'));
        }),
      options,
    );
    await new Promise<void>((resolve) => patient.listen(0, '127.0.0.1', resolve));
    return (patient.address() as AddressInfo).port;
  };
  afterEach(() => closeApiServer(patient, 0));

  it.each([
    ['nothing', ''],
    ['a head a byte at a time', 'GET / HTTP/1.1\r\nHost: x\r\nX-A: '],
    ['a body a byte at a time', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n'],
  ])('and send %s are told 408 and hung up on', async (_, bytes) => {
    const socket = connect({ port: await listen({ requestMs: 400 }), host: '127.0.0.1' });
    socket.write(bytes);
    const dripping = setInterval(() => bytes && socket.write('x'), 50);
    const begun = Date.now();
    const answer = await text(socket);
    clearInterval(dripping);
    expect(answer).toMatch(/^HTTP\/1.1 408 [^]*"status":408/);
    expect(Date.now() - begun).toBeLessThan(3_000);
  });

  it('and do not read their answer are cut off', async () => {
    let cut = false;
    const port = await listen({ stillMs: 300 }, (_request, response) => {
      response.on('close', () => (cut = true));
      response.write(Buffer.alloc(32 * 1024 * 1024));
    });
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('it is cut off', () => cut, 5_000);
    socket.destroy();
  });

  it('beyond the connections that there may be are closed at once', async () => {
    const port = await listen({ maxConnections: 2 });
    const held = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const third = connect(port, '127.0.0.1');
    third.on('error', () => undefined);
    expect(await new Promise((resolve) => third.once('close', () => resolve('closed')))).toBe('closed');
    held[0]!.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await text(held[0]!)).toContain('done');
    held[1]!.destroy();
  });
});
