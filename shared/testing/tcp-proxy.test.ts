import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { until } from './until';
import { startProxy, type TcpProxy } from './tcp-proxy';

let echo: Server;
let proxy: TcpProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  proxy = await startProxy(`amqp://me:secret@127.0.0.1:${(echo.address() as AddressInfo).port}/vhost`);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

async function client(): Promise<{ socket: Socket; received: () => string }> {
  let text = '';
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  sockets.push(socket);
  socket.on('data', (chunk) => (text += String(chunk)));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, received: () => text };
}

describe('a flaky proxy', () => {
  it('keeps the rest of the url, and passes on what is said', async () => {
    expect(proxy.url).toMatch(/^amqp:\/\/me:secret@127\.0\.0\.1:\d+\/vhost$/);
    const { socket, received } = await client();
    socket.write('hello');
    await until('the echo', () => received() === 'hello');
  });

  it('cuts connections, and lets new ones through', async () => {
    const first = await client();
    first.socket.write('a');
    await until('the echo', () => first.received() === 'a');
    const closed = new Promise((resolve) => first.socket.on('close', resolve));
    proxy.cut();
    await closed;
    const second = await client();
    second.socket.write('b');
    await until('the echo', () => second.received() === 'b');
  });

  it('holds everything back, then delivers it in order, on old and new connections', async () => {
    const old = await client();
    old.socket.write('1');
    await until('the echo', () => old.received() === '1');
    proxy.hold();
    const fresh = await client();
    for (const text of ['2', '3']) {
      old.socket.write(text);
      fresh.socket.write(text);
    }
    const direct = connect((echo.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(direct);
    direct.write('x');
    await once(direct, 'data'); // so much time has passed that the others could have come too
    expect([old.received(), fresh.received()]).toEqual(['1', '']);
    proxy.release();
    await until('all of it', () => old.received() === '123' && fresh.received() === '23');
  });
});
