import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:https';
import { execFileSync } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import type { LookupFunction } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answering, startReceiver, type Receiver } from '../testing/receivers';
import { openPost, type PostOptions } from './post';

// Real servers that answer in every way in which one should not.

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const receiver = async (...given: Parameters<typeof startReceiver>): Promise<Receiver> => {
  const started = await startReceiver(...given);
  cleanUps.push(() => started.stop());
  return started;
};
/** A server that sees nothing but bytes. */
async function tcp(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
const post = (url: string, more: Partial<PostOptions> = {}, signal = new AbortController().signal) =>
  openPost({ allowPrivate: true, headMs: 500, connectMs: 300, ...more })(
    url,
    { 'x-a': 'b' },
    '{"a":"é"}',
    signal,
  );
const took = async (work: Promise<unknown>) => {
  const from = performance.now();
  await work.catch(() => undefined);
  return performance.now() - from;
};

it('sends what it is given, and tells what is answered', async () => {
  const { url, got } = await receiver(answering(202, { 'retry-after': '7' }, 'thanks'));
  expect(await post(`${url}?x=1`)).toEqual({ status: 202, retryAfter: '7', beginning: 'thanks' });
  expect(got).toMatchObject([{ path: '/hook?x=1', body: '{"a":"é"}', headers: { 'x-a': 'b' } }]);
  expect(got[0]!.headers['content-length']).toBe('10');
});

it('follows no redirect', async () => {
  const inside = await receiver();
  for (const status of [301, 302, 307, 308]) {
    const { url } = await receiver(answering(status, { location: inside.url }));
    expect((await post(url)).status).toBe(status);
  }
  expect(inside.connections).toBe(0);
});

describe('an answer', () => {
  it('that never begins is not waited for', async () => {
    const { url } = await receiver(() => undefined);
    await expect(post(url)).rejects.toThrow('no answer within 0.5 s');
  });

  it('whose head comes byte by byte is not waited for either', async () => {
    const url = await tcp((socket) => {
      const bytes = 'HTTP/1.1 200 OK\r\n'.padEnd(10_000, 'x').split('');
      const timer = setInterval(() => socket.write(bytes.shift() ?? 'x'), 50);
      socket.once('close', () => clearInterval(timer));
    });
    const time = await took(post(url));
    expect(time).toBeGreaterThan(400);
    expect(time).toBeLessThan(2_000);
  });

  it('of 100 MB is read to its first kilobyte', async () => {
    let sent = 0;
    const { url } = await receiver((response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(1024 * 1024, 'a');
      const more = () => {
        while (sent < 100 && !response.destroyed && response.write(chunk)) sent += 1;
        if (sent < 100) response.once('drain', more);
        else response.end();
      };
      more();
    });
    const { status, beginning } = await post(url);
    expect([status, beginning.length]).toEqual([200, 1024]);
    expect(sent).toBeLessThan(50);
  });

  it('whose body comes byte by byte, or is cut short, counts by its status', async () => {
    const slow = await receiver((response) => {
      response.writeHead(500);
      const timer = setInterval(() => response.write('x'), 100);
      response.once('close', () => clearInterval(timer));
    });
    const time = took(post(slow.url).then(({ status }) => expect(status).toBe(500)));
    expect(await time).toBeLessThan(4_000);
    const cut = await receiver((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    expect(await post(cut.url)).toMatchObject({ status: 200, beginning: 'half' });
  });

  it('is kept as text that can be stored, whatever it is', async () => {
    const { url } = await receiver((response) =>
      response.end(Buffer.from([0, 0xff, 0x41, 0xed, 0xa0, 0x80])),
    );
    const { beginning } = await post(url);
    expect(beginning).toContain('A');
    expect(beginning.includes('\0')).toBe(false);
    expect(beginning.isWellFormed()).toBe(true);
  });

  it('that is no HTTP, or closes at once, says so', async () => {
    const nonsense = await tcp((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await expect(post(nonsense)).rejects.toThrow('what it answers is no HTTP');
    const closing = await tcp((socket) => socket.destroy());
    await expect(post(closing)).rejects.toThrow('it closed the connection without an answer');
    const switching = await tcp((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
    );
    await expect(post(switching)).rejects.toThrow(/./);
    const endless = await tcp((socket) => socket.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}`));
    await expect(post(endless)).rejects.toThrow('the head of its answer is too large');
  });

  it('of an interim kind is not the answer', async () => {
    const url = await tcp((socket) =>
      socket.once('data', () =>
        socket.end('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'),
      ),
    );
    expect((await post(url)).status).toBe(204);
  });
});

it('ends when it is told to', async () => {
  const { url } = await receiver(() => undefined);
  const given = new AbortController();
  setImmediate(() => given.abort(new Error('the service was stopped')));
  await expect(post(url, { headMs: 60_000 }, given.signal)).rejects.toThrow('the service was stopped');
});

it('says why nobody was reached, and not where', async () => {
  await expect(post('http://127.0.0.1:1/')).rejects.toThrow(/^it refuses connections$/);
  await expect(post('http://nobody.invalid/')).rejects.toThrow(
    /^its name (is not known|could not be looked up)$/,
  );
  const full = await tcp((socket) => socket.pause());
  await expect(post(full.replace('http:', 'https:'))).rejects.toThrow('no connection within 0.3 s');
});

describe('an address that is not public', () => {
  /** Names that stand for what is given, one after the other. */
  const names = (...answers: string[][]): LookupFunction => {
    let asked = 0;
    return ((_name, options, done) => {
      const now = (answers[asked++] ?? answers.at(-1))!.map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      }));
      if (options.all) done(null, now as never);
      else done(null, now[0]!.address, now[0]!.family);
    }) as LookupFunction;
  };
  const closed = { allowPrivate: false };
  const REFUSED = 'its name stands for an address that is not public';

  it.each([
    'http://127.0.0.1',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://2130706433',
    'https://10.1.2.3',
  ])('%s is not connected to', async (base) => {
    const { url, connections } = await receiver();
    await expect(post(`${base}:${new URL(url).port}/`, closed)).rejects.toThrow(REFUSED);
    expect(connections).toBe(0);
  });

  it.each([
    [['127.0.0.1']],
    [['::ffff:127.0.0.1']],
    [['169.254.169.254']],
    [['fd00:ec2::254']],
    [['168.63.129.16']],
    [['64:ff9b::a00:1']],
    [['93.184.215.14', '127.0.0.1']], // one of several is enough
  ])('is not connected to by a name for %j', async (addresses) => {
    const one = await receiver();
    const url = one.url.replace('127.0.0.1', 'shop.example');
    await expect(post(url, { ...closed, lookup: names(addresses) })).rejects.toThrow(REFUSED);
    expect(one.connections).toBe(0);
  });

  it('is looked at each time: a name that was public and is not any more is refused', async () => {
    const one = await receiver();
    const url = one.url.replace('127.0.0.1', 'shop.example');
    // 192.0.2.1 is nobody's, and counts as not public: what is public cannot be had in a test.
    const lookup = names(['127.0.0.1'], ['192.0.2.1'], ['10.0.0.1']);
    expect((await post(url, { lookup })).status).toBe(200);
    for (const _ of [1, 2]) await expect(post(url, { ...closed, lookup })).rejects.toThrow(REFUSED);
    expect(one.connections).toBe(1);
  });
});

describe('TLS', () => {
  it('is verified, whatever the environment says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'webhook-tls-'));
    cleanUps.push(() => rmSync(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '1',
        '-subj',
        '/CN=localhost',
      ],
      { stdio: 'ignore' },
    );
    let asked = 0;
    const server = createTlsServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (_request, response) => {
        asked += 1;
        response.end();
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanUps.push(() => new Promise((resolve) => server.close(resolve)));
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    cleanUps.push(() => {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    });
    const { port } = server.address() as AddressInfo;
    await expect(post(`https://localhost:${port}/`)).rejects.toThrow(
      'it cannot be reached (DEPTH_ZERO_SELF_SIGNED_CERT)',
    );
    expect(asked).toBe(0);
  });

  it('and a proxy that the environment names is not asked', async () => {
    const [proxy, { url }] = [await receiver(), await receiver()];
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
      const before = process.env[name];
      process.env[name] = name.startsWith('NODE') ? '1' : proxy.url;
      cleanUps.push(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)));
    }
    expect((await post(url)).status).toBe(200);
    expect(proxy.connections).toBe(0);
  });
});
