import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { anEvent } from '../../shared/testing/events';
import { newId } from '../../shared/ids';
import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';
import { createTestBroker, type TestBroker } from '../../shared/testing/test-broker';
import { until } from '../../shared/testing/until';
import { orderStory } from '../../notification-service/testing/order-story';
import {
  answering,
  startReceiver,
  verify,
  type Receiver,
} from '../../notification-service/testing/receivers';
import { signedHeaders } from '../../notification-service/webhooks/sign';
import { UsageError } from '../command-line/usage-error';
import { readWebhooksArguments } from './arguments';
import { runWebhooks } from './run-webhooks';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('the arguments of npm run webhooks', () => {
  const read = (text: string) => readWebhooksArguments(text.split(' ').filter(Boolean));

  it('are read', () => {
    expect(read('listen')).toEqual({ action: 'listen', types: [], json: false });
    const id = newId();
    expect(
      read(
        `listen --forward-to http://127.0.0.1:3000/hook --event order.placed.v1 --event order.cancelled.v1 --restaurant ${id} --secret ${SECRET} --json`,
      ),
    ).toEqual({
      action: 'listen',
      forwardTo: 'http://127.0.0.1:3000/hook',
      types: ['order.placed.v1', 'order.cancelled.v1'],
      restaurantId: id,
      secret: SECRET,
      json: true,
    });
    expect(read('listen -h')).toEqual({ action: 'help' });
  });

  it.each([
    ['', 'Say what to do: listen.'],
    ['forward', 'Say what to do: listen.'],
    ['listen http://127.0.0.1/', '"http://127.0.0.1/" is not understood'],
    ['listen --forward-to 127.0.0.1:3000', '--forward-to: must be a whole address'],
    ['listen --forward-to ftp://x', '--forward-to: must be a whole address'],
    ['listen --event order.placed', '--event: "order.placed" is not the type of an event'],
    ['listen --restaurant 7', '--restaurant: "7" is not the id'],
    ['listen --secret abc', '--secret: must be whsec_'],
    ['listen --all', "Unknown option '--all'"],
  ])('"%s" is a usage error', (text, message) => {
    expect(() => read(text)).toThrow(UsageError);
    expect(() => read(text)).toThrow(message);
  });
});

describe('npm run webhooks -- listen', () => {
  let broker: TestBroker;
  let receiver: Receiver;
  beforeAll(async () => {
    [broker, receiver] = await Promise.all([createTestBroker(), startReceiver()]);
    await broker.channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
  });
  afterAll(() => Promise.all([broker.drop(), receiver.stop()]));

  /** Runs the command, has it print so many lines, and stops it. */
  async function listen(args: string[], publish: () => void, lines: number) {
    const [printed, said]: [string[], string[]] = [[], []];
    const stopping = new AbortController();
    const running = runWebhooks({
      args: ['listen', ...args],
      rabbitmqUrl: () => broker.url,
      print: (text) => printed.push(text),
      say: (text) => said.push(text),
      stopping: stopping.signal,
    });
    await Promise.race([running, until('it to wait', () => said.some((line) => line.startsWith('Waiting')))]);
    publish();
    await Promise.race([running, until('the lines', () => printed.length >= lines)]);
    stopping.abort();
    await running;
    return { printed, said };
  }
  const publish = (type: string, body: unknown) =>
    broker.channel.publish(EVENTS_EXCHANGE, type, Buffer.from(JSON.stringify(body)));

  it('shows events and forwards them signed, in order, and leaves no queue behind', async () => {
    const story = orderStory(newId());
    receiver.got.length = 0;
    const { printed, said } = await listen(
      ['--forward-to', receiver.url],
      () => [story.placed, story.preparing].forEach((event) => publish(event.type, event)),
      2,
    );
    const [, secret = ''] = /signed with (whsec_\S+)/.exec(said.join('\n')) ?? [];
    expect(receiver.got.map((got) => verify(secret, got))).toEqual([story.placed, story.preparing]);
    expect(printed[0]).toMatch(
      new RegExp(`^[\\d:.]{12}  order\\.placed\\.v1 +${story.orderId}  200 in \\d+ ms$`),
    );
    await until(
      'its queue to go',
      async () => (await broker.manage<[]>('GET', '/api/queues/{vhost}')).length === 0,
    );
  });

  it('shows what it is asked for only, whole where it is asked to, and goes on after what it cannot forward', async () => {
    const restaurant = newId();
    const [own, other] = [orderStory(restaurant), orderStory(newId())];
    const args = ['--event', 'order.placed.v1', '--restaurant', restaurant, '--json'];
    const all = () =>
      [own.preparing, other.placed, own.placed].forEach((event) => publish(event.type, event));
    expect((await listen(args, all, 1)).printed.map((line) => JSON.parse(line) as unknown)).toEqual([
      own.placed,
    ]);

    receiver.answers = answering(500);
    const { printed } = await listen(
      ['--forward-to', receiver.url],
      () => {
        publish('order.placed.v1', { nonsense: true });
        publish('order.placed.v1', anEvent('order.placed.v1', 'x\u001b[2J', own.placed.data as never));
      },
      2,
    );
    expect(printed[0]).toContain('not an event: ');
    expect(printed[1]).toMatch(/x\\u001b\[2J {2}500 in \d+ ms$/);
    const nobody = await listen(
      ['--forward-to', 'http://127.0.0.1:1/'],
      () => publish('order.placed.v1', own.placed),
      1,
    );
    expect(nobody.printed[0]).toMatch(/not forwarded: it refuses connections$/);
  });
});

it('the receiver of the guide takes what is signed, and nothing else', async () => {
  const guide = readFileSync('docs/guides/webhooks.md', 'utf8');
  const [, code = ''] = /```js\n([^]*?)```/.exec(guide) ?? [];
  const listening = code.replace(
    '.listen(3000)',
    ".listen(0, function () { console.log('on', this.address().port); })",
  );
  expect(listening).not.toBe(code);
  const child = spawn(process.execPath, ['--input-type=module', '-e', listening], {
    env: { WEBHOOK_SECRET: SECRET },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    child.stdout.on('data', (chunk) => (printed += String(chunk)));
    const [, port] = await until('it to listen', () => /on (\d+)/.exec(printed));
    const { placed } = orderStory(newId());
    const body = JSON.stringify(placed);
    const send = async (secret: string, text = body) =>
      (
        await fetch(`http://127.0.0.1:${port}/`, {
          method: 'POST',
          headers: signedHeaders([secret], placed.id, body),
          body: text,
        })
      ).status;
    expect(await send(SECRET)).toBe(204);
    expect(await send(`whsec_${Buffer.alloc(32, 8).toString('base64')}`)).toBe(401);
    expect(await send(SECRET, body.replace('INR', 'USD'))).toBe(401);
    await until('what it prints', () => printed.includes(`${placed.id} order.placed.v1`));
  } finally {
    child.kill();
  }
});
