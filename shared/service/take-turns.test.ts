import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { until } from '../testing/until';
import { serveHealth } from './health-server';
import { MOST_WAITING, takeTurns } from './take-turns';

let server: Server;
let begun: { url?: string; response: ServerResponse }[];

beforeEach(async () => {
  begun = [];
  const inTurn = takeTurns();
  server = createServer((request, response) =>
    inTurn(request, response, () => void begun.push({ url: request.url, response })),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

/** What is answered to raw bytes until the other side hangs up. */
function say(bytes: string, port = (server.address() as AddressInfo).port) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.write(bytes);
  return { socket, answer: text(socket).catch(() => '') };
}

it('serves what was sent together one after the other', async () => {
  const { answer } = say(get('/1') + get('/2') + get('/3', 'Connection: close\r\n'));
  for (const number of [1, 2, 3]) {
    await until(`request ${number} is begun`, () => begun.length >= number);
    expect(begun.map(({ url }) => url)).toHaveLength(number);
    begun[number - 1]!.response.end(`answer ${number}`);
  }
  expect((await answer).match(/answer \d/g)).toEqual(['answer 1', 'answer 2', 'answer 3']);
});

it('serves nobody who has gone before their turn', async () => {
  const { socket } = say(get('/1') + get('/2'));
  await until('the first is begun', () => begun.length > 0);
  const gone = new Promise((resolve) => begun[0]!.response.once('close', resolve));
  socket.resetAndDestroy();
  await gone;
  await new Promise(setImmediate);
  expect(begun).toHaveLength(1);
});

it('serves another connection meanwhile', async () => {
  say(get('/1'));
  await until('the first is begun', () => begun.length === 1);
  say(get('/2'));
  await until('the second is begun', () => begun.length === 2);
});

it('cuts off who sends more than may wait', async () => {
  const most = say(get('/').repeat(1 + MOST_WAITING));
  await until('the first is begun', () => begun.length === 1);
  expect(most.socket.closed).toBe(false);
  expect(await say(get('/').repeat(2 + MOST_WAITING)).answer).toBe('');
  expect(begun).toHaveLength(2);
});

it('cuts them off at a health port, too', async () => {
  let release!: (holds: true) => void;
  let asked = 0;
  const check = () => ((asked += 1), new Promise<true>((resolve) => (release = resolve)));
  const health = await serveHealth({ checks: { check } }, 0, '127.0.0.1');
  const { answer } = say(get('/readyz').repeat(1_000), health.port);
  expect(await answer).toBe('');
  expect(asked).toBe(1);
  release(true);
  await health.stop();
});
