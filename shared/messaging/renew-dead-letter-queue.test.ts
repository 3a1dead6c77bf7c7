import type { Socket } from 'node:net';
import { connect, type ChannelModel } from 'amqplib';
import { names, openConsumerBench, SERVICE, soldOut, trace, TYPE } from '../testing/consumer-bench';
import { until } from '../testing/until';
import { declareMesh } from './declare-mesh';
import { renewDeadLetterQueue } from './renew-dead-letter-queue';
import { declareService, parseRetryDelays } from './topology';

const bench = openConsumerBench();
const retryDelays = parseRetryDelays('20ms,40ms');
const moving = `${names.deadLetterQueue}.moving`;

let connection: ChannelModel;
beforeEach(async () => {
  connection = await connect(bench.broker.url);
  connection.on('error', () => undefined);
  // As version 0.1 declared it.
  await declareService(bench.broker.channel, SERVICE, [TYPE], retryDelays, {
    form: 'dropping',
    exchange: 'declare',
  });
  bench.cleanUp(() => connection.close());
});

/** Dead letters as a consumer leaves them, the first of them with headers that amqplib cannot write. */
async function park(count: number): Promise<void> {
  await bench.broker.manage('POST', '/api/exchanges/{vhost}/amq.default/publish', {
    routing_key: names.deadLetterQueue,
    payload: 'letter 0',
    payload_encoding: 'string',
    properties: { headers: { meta: { '!': 'urgent' }, 'x-reason': 'invalid_json', 'x-attempts': 1 } },
  });
  for (let n = 1; n < count; n += 1)
    bench.broker.channel.publish(SERVICE, 'dlq', Buffer.from(`letter ${n}`), {
      persistent: true,
      messageId: `m${n}`,
      headers: { 'x-reason': 'handler_failed', 'x-attempts': 6 },
    });
  await until('them to be there', async () => (await check(names.deadLetterQueue))?.messageCount === count);
}

async function check(queue: string) {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    return await channel.checkQueue(queue);
  } catch {
    return undefined;
  }
}

const argumentsOf = async (queue: string) =>
  (
    await bench.broker.manage<{ arguments: Record<string, unknown> }>(
      'GET',
      `/api/queues/{vhost}/${encodeURIComponent(queue)}`,
    )
  ).arguments;

async function takeAll(): Promise<{ body: string; reason: unknown }[]> {
  const all = [];
  for (;;) {
    const message = await bench.broker.channel.get(names.deadLetterQueue, { noAck: true });
    if (!message) return all;
    all.push({ body: message.content.toString(), reason: message.properties.headers?.['x-reason'] });
  }
}

const streamOf = ({ connection: inner }: ChannelModel) => (inner as unknown as { stream: Socket }).stream;
const letters = (count: number) => Array.from({ length: count }, (_, n) => `letter ${n}`);

it('the set-up step keeps the dead letters, in their order and with their reasons, and says so', async () => {
  await park(450);
  const said: string[] = [];
  const migrate = () =>
    declareMesh({
      databaseUrl: bench.db.url,
      rabbitmqUrl: bench.broker.url,
      subscriptions: [{ service: SERVICE, types: [TYPE] }],
      say: (line) => said.push(line),
    });
  await Promise.all([migrate(), migrate()]); // two at once do no harm
  expect(said).toEqual([
    `${names.deadLetterQueue} now refuses what it has no room for; its 450 dead letters were kept`,
  ]);
  expect(await argumentsOf(names.deadLetterQueue)).toMatchObject({ 'x-overflow': 'reject-publish' });
  expect(await check(moving)).toBeUndefined();
  const kept = await takeAll();
  const unencodable = kept.filter(({ body }) => body === 'letter 0');
  expect(unencodable).toEqual([{ body: 'letter 0', reason: 'invalid_json' }]);
  const others = kept.filter(({ body }) => body !== 'letter 0');
  expect(others.map(({ body }) => body)).toEqual(letters(450).slice(1));
  expect(new Set(others.map(({ reason }) => reason))).toEqual(new Set(['handler_failed']));

  bench.broker.channel.publish(SERVICE, 'dlq', Buffer.from('the next one'));
  expect((await bench.broker.take(names.deadLetterQueue)).content.toString()).toBe('the next one');
  expect(await renewDeadLetterQueue(connection, SERVICE)).toBeUndefined();
});

it('cut off at any moment, it loses nothing, and goes on when it is called again', async () => {
  await park(60);
  for (let n = 0; n < 12; n += 1) {
    const own = await connect(bench.broker.url);
    own.on('error', () => undefined);
    const renewing = renewDeadLetterQueue(own, SERVICE).catch(() => undefined);
    setTimeout(() => streamOf(own).destroy(new Error('cut off')), 4 * n);
    await Promise.race([renewing, new Promise((resolve) => own.once('close', resolve))]);
  }
  await until('it to be renewed', async () => {
    await renewDeadLetterQueue(connection, SERVICE);
    return true;
  });
  const bodies = (await takeAll()).map(({ body }) => body);
  expect([...new Set(bodies)].sort()).toEqual(letters(60).sort()); // one in hand when it was cut off may be there twice
  expect(await check(moving)).toBeUndefined();
  expect(await argumentsOf(names.deadLetterQueue)).toMatchObject({ 'x-overflow': 'reject-publish' });
});

it('a consumer works beside a queue of the older form, and while it is renewed', async () => {
  const consumer = await bench.start(trace, { retryDelays });
  const [first, second] = [soldOut(), soldOut()];
  bench.publish(first);
  await until('the first', () => bench.processed(first));
  await park(30);
  expect(await renewDeadLetterQueue(connection, SERVICE)).toBe(30);
  bench.publish(Buffer.from('not JSON'), second);
  await until('the second', () => bench.processed(second));
  await until('31 dead letters', async () => (await check(names.deadLetterQueue))?.messageCount === 31);
  await bench.broker.cutConnections();
  const third = soldOut();
  await until('it to be attached again', () => consumer.isReady(), 15_000);
  bench.publish(third);
  await until('the third', () => bench.processed(third), 15_000);
});

it('leaves the queue alone while somebody reads it', async () => {
  await park(3);
  await bench.broker.channel.consume(names.deadLetterQueue, () => undefined);
  await expect(renewDeadLetterQueue(connection, SERVICE)).rejects.toThrow(/is being read by another command/);
  expect(await argumentsOf(names.deadLetterQueue)).not.toHaveProperty('x-overflow');
});
