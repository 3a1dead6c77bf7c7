import type { Socket } from 'node:net';
import { connect, type ChannelModel } from 'amqplib';
import type { Event } from '../events/envelope';
import { names, openConsumerBench, SERVICE, soldOut, trace, TYPE } from '../testing/consumer-bench';
import { until } from '../testing/until';
import { declareMesh } from './declare-mesh';
import { renewQueue } from './renew-queue';
import { declareService, parseRetryDelays, EVENTS_EXCHANGE, queuesOf, WORK_KEY } from './topology';

const bench = openConsumerBench();
const retryDelays = parseRetryDelays('20ms,40ms');
const moving = `${names.deadLetterQueue}.moving`;
const [deadLetters, work] = queuesOf(SERVICE, [TYPE], retryDelays);
const renewDeadLetterQueue = (own: ChannelModel) => renewQueue(own, deadLetters!);

let connection: ChannelModel;
beforeEach(async () => {
  connection = await connect(bench.broker.url);
  connection.on('error', () => undefined);
  // As version 0.1 declared it: it drops its oldest dead letter where there is no room.
  const { 'x-overflow': _, ...dropping } = deadLetters!.arguments;
  await bench.broker.channel.assertQueue(names.deadLetterQueue, { durable: true, arguments: dropping });
  await declareService(bench.broker.channel, SERVICE, [TYPE], retryDelays, {
    asIs: new Set([names.deadLetterQueue]),
    exchange: 'declare',
  });
  bench.cleanUp(() => (async () => connection.close())().catch(() => undefined)); // it may have been cut
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

it('the set-up step waits for a command that reads dead letters', async () => {
  await park(3);
  const command = await connection.createChannel();
  await command.consume(names.deadLetterQueue, () => undefined);
  const migrated = declareMesh({
    databaseUrl: bench.db.url,
    rabbitmqUrl: bench.broker.url,
    subscriptions: [{ service: SERVICE, types: [TYPE] }],
  });
  const isMoving = async () => (await check(moving)) !== undefined;
  await expect(Promise.race([migrated, until('it to begin', isMoving, 1_000)])).rejects.toThrow(
    'it to begin',
  );
  await command.close();
  await migrated;
  expect(await takeAll()).toHaveLength(3);
});

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
  expect(said).toEqual([`${names.deadLetterQueue} has its arguments of today; its 450 messages were kept`]);
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
  expect(await renewDeadLetterQueue(connection)).toBeUndefined();
});

it('cut off at any moment, it loses nothing, and goes on when it is called again', async () => {
  await park(60);
  for (let n = 0; n < 12; n += 1) {
    const own = await connect(bench.broker.url);
    own.on('error', () => undefined);
    const renewing = renewDeadLetterQueue(own).catch(() => undefined);
    setTimeout(() => streamOf(own).destroy(new Error('cut off')), 4 * n);
    await Promise.race([renewing, new Promise((resolve) => own.once('close', resolve))]);
  }
  await until('it to be renewed', async () => {
    await renewDeadLetterQueue(connection);
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
  expect(await renewDeadLetterQueue(connection)).toBe(30);
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
  await expect(renewDeadLetterQueue(connection)).rejects.toThrow(/is being read by another command/);
  expect(await argumentsOf(names.deadLetterQueue)).not.toHaveProperty('x-overflow');
});

describe('a work queue that was declared with other arguments', () => {
  const migrate = async () => {
    const said: string[] = [];
    await declareMesh({
      databaseUrl: bench.db.url,
      rabbitmqUrl: bench.broker.url,
      subscriptions: [{ service: SERVICE, types: [TYPE] }],
      say: (line) => said.push(line),
    });
    return said;
  };
  beforeEach(async () => {
    await bench.broker.channel.deleteQueue(names.queue);
    await bench.broker.channel.assertQueue(names.queue, {
      durable: true,
      arguments: { ...work!.arguments, 'x-delivery-limit': 20 },
    });
    await bench.broker.channel.bindQueue(names.queue, EVENTS_EXCHANGE, TYPE);
    await bench.broker.channel.bindQueue(names.queue, SERVICE, WORK_KEY);
  });

  it('gets those of today by the set-up step, with what waits in it', async () => {
    const events = Array.from({ length: 300 }, soldOut);
    bench.publish(...events);
    await until(
      'them to wait',
      async () => (await check(names.queue))?.messageCount === events.length,
      10_000,
    );
    expect(await migrate()).toContain(
      `${names.queue} has its arguments of today; its ${events.length} messages were kept`,
    );
    expect(await argumentsOf(names.queue)).toMatchObject({ 'x-delivery-limit': 100 });
    expect((await check(names.queue))?.messageCount).toBe(events.length);
    await bench.start(trace, { retryDelays });
    for (const event of events.slice(-3)) await until('it to be handled', () => bench.processed(event));
  });

  it('is used as it is, and let go of for the set-up step, while events come in', async () => {
    const quickly = { tendEveryMs: 200 };
    const consumers = [
      await bench.start(trace, { retryDelays, upkeep: quickly }),
      await bench.start(trace, { retryDelays, upkeep: quickly }),
    ];
    const events: Event[] = [];
    const flow = setInterval(() => {
      const event = soldOut();
      events.push(event);
      bench.publish(event);
    }, 5);
    try {
      await until('some to be handled', async () => events[5] && bench.processed(events[5]));
      expect(await migrate()).toContainEqual(
        expect.stringMatching(`^${names.queue} has its arguments of today; its [0-9]+ messages were kept`),
      );
    } finally {
      clearInterval(flow);
    }
    expect(await argumentsOf(names.queue)).toMatchObject({ 'x-delivery-limit': 100 });
    await until('both to be attached again', () => consumers.every((one) => one.isReady()), 15_000);
    const handled = await until(
      'all to be handled',
      async () => (await count(events)) === events.length && events.length,
      15_000,
    );
    expect(handled).toBeGreaterThan(20);
    for (const event of events.slice(0, 20)) expect(await bench.traces(event)).toBe(1);
  });

  it('stays while somebody reads it who does not let go, and that is said', async () => {
    await bench.broker.channel.consume(names.queue, () => undefined);
    jest.spyOn(Date, 'now').mockImplementation(() => jest.mocked(Date.now).mock.calls.length * 10_000);
    try {
      expect(await migrate()).toContainEqual(
        expect.stringMatching(/does not let go of it.*run npm run migrate again/),
      );
    } finally {
      jest.restoreAllMocks();
    }
    expect(await argumentsOf(names.queue)).toMatchObject({ 'x-delivery-limit': 20 });
  });

  const count = async (events: readonly Event[]) =>
    bench.db.database.processedEvent.count({
      where: { consumer: SERVICE, eventId: { in: events.map(({ id }) => id) } },
    });
});
