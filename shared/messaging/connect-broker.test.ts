import { createServer, type AddressInfo, type Server } from 'node:net';
import { createTestBroker, type TestBroker } from '../testing/test-broker';
import { startProxy, type TcpProxy } from '../testing/tcp-proxy';
import { addressOfBroker, avoidBroker, connectBroker } from './connect-broker';

let broker: TestBroker;
let one: TcpProxy;
let two: TcpProxy;
let silent: Server;

beforeAll(async () => {
  broker = await createTestBroker();
  [one, two] = [await startProxy(broker.url), await startProxy(broker.url)];
  silent = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  silent.close();
  await Promise.all([one.close(), two.close()]);
  await broker.drop();
});

const host = (url: string) => new URL(url).host;

/** The broker's login and virtual host, at several addresses. */
function at(...hosts: string[]): string {
  const { username, password, pathname } = new URL(broker.url);
  return `amqp://${username}:${password}@${hosts.join(',')}${pathname}`;
}

async function reach(url: string): Promise<string | undefined> {
  const connection = await connectBroker(url);
  const address = addressOfBroker(connection);
  await connection.close();
  return address;
}

test('of several nodes one that is well is found, and one that failed of late is not tried first', async () => {
  one.takeAway();
  const silence = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const all = at(host(one.url), silence, host(two.url));
  expect(await reach(all)).toBe(host(two.url));
  one.bringBack();
  // All that failed before come last now.
  for (let turn = 0; turn < 5; turn++) expect(await reach(at(silence, host(two.url)))).toBe(host(two.url));
}, 15_000);

test('a node that lost us comes after the others', async () => {
  const both = at(host(one.url), host(two.url));
  const connection = await connectBroker(both);
  const first = addressOfBroker(connection)!;
  avoidBroker(connection);
  await connection.close();
  for (let turn = 0; turn < 5; turn++) expect(await reach(both)).not.toBe(first);
});

test('where none lets us in, it is said of each, without the password', async () => {
  const closed = ['127.0.0.1:1', '127.0.0.1:2'];
  const { password } = new URL(broker.url);
  const refused = await connectBroker(at(...closed)).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  );
  expect(refused?.message).toMatch(
    /127\.0\.0\.1:1: .*ECONNREFUSED.*127\.0\.0\.1:2: .*ECONNREFUSED|:2: .*:1: /,
  );
  expect(refused?.message).not.toContain(password);
  expect(refused?.code).toBe('ECONNREFUSED');
});

test('one that nobody listens to ends by itself when the node falls silent, and the process does not', async () => {
  const proxy = await startProxy(broker.url);
  const connection = await connectBroker(`${proxy.url}?heartbeat=1`);
  const ended = new Promise((resolve) => connection.once('close', resolve));
  proxy.hold();
  await ended;
  await proxy.close();
}, 15_000);
