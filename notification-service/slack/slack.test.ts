import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newId } from '../../shared/ids';
import { anEvent, orderCancelled, orderPlaced } from '../../shared/testing/events';
import { handle } from '../../shared/testing/handle';
import { until } from '../../shared/testing/until';
import { handlersOver } from '../handlers';
import { openDeliveryBench } from '../testing/deliveries';
import { slackAbout } from './record-for-slack';
import { slackChannel } from './slack-channel';

const bench = openDeliveryBench();
let server: Server;
let url: URL;
let answers: [status: number, headers?: Record<string, string>][] = [];
let posted: { text: string }[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [status, headers = {}] = answers.shift() ?? [200];
      if (status === 200) posted.push(JSON.parse(Buffer.concat(chunks).toString()) as { text: string });
      response.writeHead(status, headers).end(status === 200 ? 'ok' : 'no');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/B0/secret`);
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(async () => {
  [answers, posted] = [[], []];
  await bench.db.database.$executeRaw`TRUNCATE processed_events`;
});

const handlers = handlersOver([slackAbout]);
const tell = (...events: Parameters<typeof handle>[3][]) =>
  handle(bench.db.database, 'notification-service', handlers, ...events);
const send = (retryDelays = [20, 20]) => bench.deliver({ SLACK: slackChannel(url, retryDelays) });

it('posts what comes together as one message, in which nobody calls everybody', async () => {
  const data = {
    menu_item_id: newId(),
    restaurant_id: newId(),
    name: '<!channel> & <https://evil.example|Dal>\n*',
    available_qty: 3,
    low_stock_threshold: 5,
  };
  const placed = orderPlaced([{ menu_item_id: newId(), quantity: 2 }]);
  await tell(anEvent('inventory.low_stock.v1', data.menu_item_id, data));
  await tell(placed, orderCancelled(placed.subject));
  await bench.makeDue();
  send();
  await bench.settled();
  expect(posted).toHaveLength(1);
  const [first, ...others] = posted[0]!.text.split('\n');
  expect(first).toBe('*&lt;!channel&gt; &amp; &lt;https://evil.example|Dal&gt; * is running low* 3 left.');
  expect(others).toEqual([
    expect.stringContaining(`*A new order* 2 × Dal: 2.00 INR (order ${placed.subject})`),
    expect.stringContaining('*An order is cancelled*'),
  ]);
  const sent = await bench.db.database.notification.findMany({ where: { channel: 'SLACK' } });
  expect(sent.map(({ status }) => status)).toEqual(['SENT', 'SENT', 'SENT']);
});

it('posts nothing of a week ago, as events that are sent again are, and says so', async () => {
  const old = orderPlaced([{ menu_item_id: newId(), quantity: 2 }]);
  await tell({ ...old, time: new Date(Date.now() - 8 * 86_400_000).toISOString() });
  await bench.makeDue();
  send();
  await bench.settled();
  expect(posted).toEqual([]);
  expect(await bench.db.database.notification.findMany({ where: { channel: 'SLACK' } })).toMatchObject([
    { status: 'DROPPED', lastError: 'it is about something that was more than a week ago' },
  ]);
});

it('says how many there are beyond what one message shows', async () => {
  await tell(...Array.from({ length: 25 }, () => orderCancelled(newId())));
  await bench.makeDue();
  send();
  await bench.settled();
  const lines = posted[0]!.text.split('\n');
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('… and 5 more');
});

it.each([
  [400, 'FAILED', 1],
  [404, 'SENT', 2],
  [302, 'SENT', 2],
  [500, 'SENT', 2],
])('answered %i, it is %s after %i attempts', async (status, outcome, attempts) => {
  answers = [[status, { location: 'https://elsewhere.example/' }]];
  await tell(orderCancelled(newId()));
  await bench.makeDue();
  send();
  await bench.settled();
  expect(await bench.db.database.notification.findFirst({ where: { channel: 'SLACK' } })).toMatchObject({
    status: outcome,
    attempts,
    lastError: `the webhook answered ${status}`,
  });
});

it('waits as long as it is told to', async () => {
  answers = [[429, { 'retry-after': '30' }]];
  await tell(orderCancelled(newId()));
  await bench.makeDue();
  send();
  const row = () => bench.db.database.notification.findFirst({ where: { channel: 'SLACK' } });
  const waiting = await until('the answer', async () => {
    const one = await row();
    return one?.lastError ? one : undefined;
  });
  expect(waiting.nextAttemptAt!.getTime()).toBeGreaterThan(Date.now() + 20_000);
  expect(JSON.stringify(waiting)).not.toContain('secret');
});
