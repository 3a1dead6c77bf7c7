import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { Event } from '../events/envelope';
import { openDatabase, type Database } from '../service/database';
import { createLogger } from '../service/logger';
import { gate, names, openConsumerBench, SERVICE, soldOut, trace } from '../testing/consumer-bench';
import { outbox } from '../testing/handle';
import { startProxy } from '../testing/tcp-proxy';
import { until } from '../testing/until';
import { startConsumer, type Consumer } from './consumer';
import { takePlaceOnRecord } from './dead-letter';
import { growing, known } from '../events/growing';
import { PermanentError } from './failure';

const bench = openConsumerBench();
const { start, publish, cleanUp, traces, processed } = bench;
const log = createLogger('test', 'silent');

/** Everything is handled or set aside, and acknowledged: nothing comes back when the consumers are gone. */
const settled = async (...consumers: Consumer[]) => {
  await until('nothing to be in hand', () => consumers.every((consumer) => consumer.inHand() === 0));
  await Promise.all(consumers.map((consumer) => consumer.stop()));
  expect(await bench.broker.isEmpty(SERVICE)).toBe(true);
};
describe('the consumer runtime', () => {
  it('handles an event once however often it comes, and announces in the same transaction', async () => {
    const consumer = await start(trace);
    const event = soldOut();
    const last = soldOut();
    publish(event, event, event, event, event, last);
    await until('the last one', () => processed(last));
    await settled(consumer);
    expect(await traces(event)).toBe(1);
    expect((await outbox(bench.db.database)).filter((out) => out.causationid === event.id)).toHaveLength(1);
  });

  it('takes what is waiting in batches of one transaction', async () => {
    const sizes: number[] = [];
    const { open, passed } = gate();
    const consumer = await start(async (tx, events) => {
      sizes.push(events.length);
      await passed;
      return trace(tx, events);
    });
    const events = Array.from({ length: 60 }, soldOut);
    publish(...events);
    await until('the first batch', () => sizes.length);
    await until('the rest to be delivered', () => consumer.inHand() === 60);
    open();
    await until('all', () => processed(events.at(-1)!));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(60);
    // However many the first had, what waited then came in batches as full as can be.
    const waited = 60 - (sizes[0] ?? 0);
    expect(sizes.slice(1)).toEqual([Math.min(50, waited), waited - 50].filter((size) => size > 0));
  });

  it('gathers events that may wait, while others come, and no longer', async () => {
    const batches: number[] = [];
    const handle: typeof trace = (tx, events) => {
      batches.push(events.length);
      return trace(tx, events);
    };
    await bench.start(handle, { patienceMs: () => 60_000 });
    const first = soldOut();
    publish(first);
    await until('the first, at once', () => processed(first));
    const others = Array.from({ length: 20 }, soldOut);
    publish(...others);
    await until('the others, before their patience ends', () => processed(others.at(-1)!), 20_000);
    expect(batches[0]).toBe(1);
    expect(Math.max(...batches)).toBeGreaterThan(1);
  });

  it('finds the guilty one of a batch; its neighbours are handled', async () => {
    const guilty = soldOut();
    const { open, passed } = gate();
    let first = true;
    const consumer = await start(async (tx, events) => {
      if (first) {
        first = false;
        await passed;
      }
      await trace(tx, events);
      if (events.some((event) => event.id === guilty.id))
        throw new PermanentError('too_spicy', 'nobody can eat this');
      return [];
    });
    const neighbours = Array.from({ length: 9 }, soldOut);
    publish(...neighbours.slice(0, 5), guilty, ...neighbours.slice(5));
    await until('all to be delivered', () => consumer.inHand() === 10);
    open();
    const letter = await bench.broker.take(names.deadLetterQueue);
    expect(JSON.parse(letter.content.toString())).toMatchObject({ id: guilty.id });
    expect(letter.properties.headers).toMatchObject({
      'x-reason': 'too_spicy',
      'x-error': 'nobody can eat this',
      'x-attempts': 1,
    });
    for (const neighbour of neighbours)
      await until('a neighbour', async () => (await traces(neighbour)) === 1);
    expect(await traces(guilty)).toBe(0);
    expect(await processed(guilty)).toBe(0);
    await until('the failure to be recorded', () =>
      bench.db.database.deliveryFailure.count({
        where: { eventId: guilty.id, outcome: 'DEAD_LETTERED', reason: 'too_spicy' },
      }),
    );
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  it('has a failure on record before whatever happens to its dead letter, however soon', async () => {
    await start(trace);
    const { database } = bench.db;
    let place: bigint | undefined;
    await database.$transaction(async (tx) => {
      await tx.$executeRaw`LOCK TABLE delivery_failures IN SHARE MODE`; // nothing more can be written
      publish(Buffer.from(JSON.stringify({ ...soldOut(), type: 'toString' })));
      await bench.broker.take(names.deadLetterQueue);
      place = await takePlaceOnRecord(database);
    });
    const failure = () => database.deliveryFailure.findFirst({ orderBy: { failedAt: 'desc' } });
    await until('the failure to be on record', async () => (await failure())?.type === 'toString');
    expect(await failure()).toMatchObject({ outcome: 'DEAD_LETTERED', type: 'toString' });
    expect((await failure())!.id).toBeLessThan(place!);
  });

  const invalid = (): [string, Buffer | object][] => [
    ['invalid_json', Buffer.from('{"specversion": "1.0"')],
    ['invalid_json', Buffer.from([0xff, 0xfe, 0x00])],
    ['invalid_json', Buffer.alloc(0)],
    [
      'invalid_json',
      Buffer.from(JSON.stringify({ ...soldOut(), data: { ...soldOut().data, name: 'a\0b' } })),
    ],
    [
      'invalid_json',
      Buffer.from(JSON.stringify({ ...soldOut(), data: { ...soldOut().data, name: '\ud800' } })),
    ],
    ['invalid_envelope', Buffer.from('[]')],
    ['invalid_envelope', Buffer.from('null')],
    ['invalid_envelope', { ...soldOut(), id: undefined }],
    ['invalid_envelope', { ...soldOut(), id: '' }],
    ['invalid_envelope', { ...soldOut(), specversion: '0.3' }],
    ['unknown_type', { ...soldOut(), type: 'inventory.out_of_stock.v99' }],
    ['unknown_type', { ...soldOut(), type: 'order.placed.v1' }],
    ['unknown_type', { ...soldOut(), type: 'toString' }],
    ['invalid_data', { ...soldOut(), data: undefined }],
    ['invalid_data', { ...soldOut(), data: { menu_item_id: 'x' } }],
    ['invalid_data', { ...soldOut(), data: { ...soldOut().data, available_qty: -1 } }],
  ];

  it('puts what is no event of its into its dead-letter queue with the reason, and goes on', async () => {
    const consumer = await start(trace);
    for (const [reason, message] of invalid()) {
      const body = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message));
      const next = soldOut();
      publish(body, next);
      const letter = await bench.broker.take(names.deadLetterQueue);
      expect(letter.properties.headers).toMatchObject({
        'x-reason': reason,
        'x-error': expect.any(String),
        'x-consumer': SERVICE,
      });
      expect(letter.content).toEqual(body);
      await until('the next one', () => processed(next));
    }
    await settled(consumer);
  });

  it('sends a dead letter nowhere else, wherever its sender would have it', async () => {
    await start(trace);
    const headers = { CC: ['work', 'dlq'], kept: 'yes' };
    bench.broker.channel.publish('', SERVICE, Buffer.from('{'), { headers });
    const { properties } = await bench.broker.take(names.deadLetterQueue);
    expect(properties.headers).toMatchObject({ 'x-reason': 'invalid_json', kept: 'yes' });
    expect(properties.headers).not.toHaveProperty('CC');
    const next = soldOut();
    publish(next);
    await until('the next one', () => processed(next)); // a second round had come before it
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  it('retries a transient failure with a delay and its own count of attempts, and then gives it up', async () => {
    const flaky = soldOut();
    const hopeless = soldOut();
    const tries = new Map<string, number>();
    await start(
      async (tx, events) => {
        for (const event of events) {
          const count = (tries.get(event.id) ?? 0) + 1;
          tries.set(event.id, count);
          if (event.id === hopeless.id || (event.id === flaky.id && count < 3))
            throw new Error(`no luck (${count})`);
        }
        return trace(tx, events);
      },
      { batchSize: 1 },
    );
    publish(flaky, hopeless);
    const letter = await bench.broker.take(names.deadLetterQueue);
    expect(JSON.parse(letter.content.toString())).toMatchObject({ id: hopeless.id });
    expect(letter.properties.headers).toMatchObject({ 'x-reason': 'handler_failed', 'x-attempts': 3 });
    expect(letter.properties.headers).not.toHaveProperty('x-death');
    await until('the flaky one', async () => (await traces(flaky)) === 1);
    expect(await bench.db.database.processedEvent.findFirst({ where: { eventId: flaky.id } })).toMatchObject({
      attempts: 3,
    });
  });

  it('keeps an event of a type that only a newer version of it takes, past the end of the ladder', async () => {
    const { database } = bench.db;
    await database.subscription.create({ data: { consumer: SERVICE, eventType: 'order.placed.v1' } });
    try {
      await start(trace);
      const event = { ...soldOut(), type: 'order.placed.v1' };
      const body = JSON.stringify(event);
      bench.broker.channel.publish(SERVICE, 'work', Buffer.from(body), { persistent: true });
      const attempts = await until('it to be tried more often than there are delays', async () => {
        const failures = await database.deliveryFailure.findMany({
          where: { consumer: SERVICE, eventId: event.id },
        });
        return failures.length > 4 && failures;
      });
      expect(new Set(attempts.map(({ outcome }) => outcome))).toEqual(new Set(['RETRIED']));
    } finally {
      await database.subscription.deleteMany({ where: { consumer: SERVICE } });
    }
    // Nobody is to take it any more.
    expect((await bench.broker.take(names.deadLetterQueue)).properties.headers?.['x-reason']).toBe(
      'unknown_type',
    );
  });

  it('tries again what it cannot decide for want of a value, for a newer instance may know it; at last it names it', async () => {
    const [later, never] = [soldOut(), soldOut()];
    const colour = growing(['RED']);
    let upgraded = false;
    await start(async (tx, events) => {
      for (const { id } of events)
        if (id === never.id || !upgraded) known({ colour: colour.parse('BLUE') }, 'colour');
      return trace(tx, events);
    });
    publish(later);
    const failures = (outcome: string) =>
      bench.db.database.deliveryFailure.findMany({ where: { reason: 'unknown_value', outcome } });
    await until('it to wait', async () => (await failures('RETRIED')).length);
    upgraded = true;
    await until('the newer version', () => processed(later));
    publish(never);
    const letter = await bench.broker.take(names.deadLetterQueue);
    expect(JSON.parse(letter.content.toString())).toMatchObject({ id: never.id });
    expect(letter.properties.headers).toMatchObject({
      'x-reason': 'unknown_value',
      'x-error': 'colour is "BLUE", which this version does not know',
      'x-attempts': 3,
    });
    await until('it to be on record', async () => (await failures('DEAD_LETTERED')).length === 1);
  });

  it('takes a batch up again, whole, when the database cut it off, and blames nobody', async () => {
    const sizes: number[] = [];
    let outages = 2;
    const { open, passed } = gate();
    const consumer = await start(async (tx, events) => {
      sizes.push(events.length);
      if (sizes.length === 1) await passed;
      if (sizes.length > 1 && outages-- > 0)
        await tx.$queryRaw`SELECT pg_terminate_backend(pg_backend_pid())`;
      return trace(tx, events);
    });
    publish(soldOut());
    await until('the first', () => sizes.length);
    const events = Array.from({ length: 10 }, soldOut);
    publish(...events);
    await until('the rest to be delivered', () => consumer.inHand() === 11);
    open();
    for (const event of events) await until('it', async () => (await traces(event)) === 1);
    expect(sizes).toEqual([1, 10, 10, 10]);
    expect(
      await bench.db.database.deliveryFailure.count({
        where: { eventId: { in: events.map((event) => event.id) } },
      }),
    ).toBe(0);
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  it('pauses while the database is away, says that it is not ready, and resumes', async () => {
    const proxy = await startProxy(bench.db.url);
    const database: Database = openDatabase({
      url: proxy.url,
      poolSize: 3,
      applicationName: 'through-proxy',
      onIdleError: () => undefined,
    });
    cleanUp(() => database.$disconnect());
    cleanUp(() => proxy.close());
    const consumer = await start(trace, { database });
    const before = soldOut();
    publish(before);
    await until('one before', () => processed(before));
    proxy.takeAway();
    const during = Array.from({ length: 5 }, soldOut);
    publish(...during);
    await until('the pause', () => !consumer.isReady());
    proxy.bringBack();
    for (const event of during) await until('one of the outage', async () => (await traces(event)) === 1);
    await until('ready again', () => consumer.isReady());
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  it('acts once when the connection breaks between commit and acknowledgement', async () => {
    const proxy = await startProxy(bench.broker.url);
    cleanUp(() => proxy.close());
    let cut = false;
    const consumer = await start(
      async (tx, events) => {
        if (!cut) {
          cut = true;
          proxy.cut(); // what commits now can no longer be acknowledged on its channel
        }
        return trace(tx, events);
      },
      { rabbitmqUrl: proxy.url },
    );
    const events = Array.from({ length: 20 }, soldOut);
    publish(...events);
    for (const event of events) await until('it', () => processed(event));
    await until('ready again', () => consumer.isReady());
    await settled(consumer);
    for (const event of events) expect(await traces(event)).toBe(1);
  });

  it('never acknowledges on another channel than the one that delivered', async () => {
    const proxy = await startProxy(bench.broker.url);
    cleanUp(() => proxy.close());
    const early = Array.from({ length: 5 }, soldOut);
    const held = soldOut();
    const late = Array.from({ length: 5 }, soldOut);
    const isLate = new Set(late.map((event) => event.id));
    const { open, passed } = gate();
    let holding = false;
    const consumer = await start(
      async (tx, events) => {
        if (events.some((event) => isLate.has(event.id))) {
          throw Object.assign(new Error('an outage, for these'), { code: 'ECONNRESET' });
        }
        if (events[0]?.id === held.id && !holding) {
          holding = true;
          await passed;
        }
        return trace(tx, events);
      },
      { rabbitmqUrl: proxy.url },
    );
    for (const event of early) {
      publish(event);
      await until('an early one', () => processed(event));
    }
    await until('the broker to have heard of them', () => consumer.unacknowledged() === 0);
    publish(held); // its tag is 6
    await until('it to be at work', () => holding);
    proxy.cut();
    await until('the next session', () => consumer.isReady() && consumer.inHand() === 2);
    publish(...late); // after its redelivery, the last of these has the tag 6 on the new channel
    await until('the late ones to be in hand', () => consumer.inHand() === 7);
    open();
    await until('the late ones to be stuck', () => !consumer.isReady());
    await consumer.stop();
    const left: string[] = [];
    for (let n = 0; n < late.length; n++) {
      left.push((JSON.parse((await bench.broker.take(SERVICE)).content.toString()) as Event).id);
    }
    expect(left.toSorted()).toEqual(late.map((event) => event.id).toSorted());
  });

  it('comes back after the broker closed its connection, and after its queue was deleted', async () => {
    const consumer = await start(trace);
    await until('the management API to know the connection', () => bench.broker.cutConnections());
    await until('ready again', () => consumer.isReady());
    const first = soldOut();
    publish(first);
    await until('one after the cut', () => processed(first));
    await bench.broker.channel.deleteQueue(SERVICE);
    await until('not ready', () => !consumer.isReady());
    await until('ready again', () => consumer.isReady());
    const second = soldOut();
    publish(second);
    await until('one after the deletion', () => processed(second));
  });

  it('finishes and acknowledges what is in hand when it is stopped', async () => {
    const { open, passed } = gate();
    let started = false;
    const consumer = await start(async (tx, events) => {
      started = true;
      await passed;
      return trace(tx, events);
    });
    const events = Array.from({ length: 30 }, soldOut);
    publish(...events);
    await until('the first batch', () => started);
    await until('the rest to be delivered', () => consumer.inHand() === 30);
    const stopped = consumer.stop();
    open();
    await stopped;
    for (const event of events) expect(await traces(event)).toBe(1);
    expect(await bench.broker.isEmpty(SERVICE)).toBe(true);
  });

  it('stops at once though the broker accepts connections and says nothing', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    cleanUp(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => mute.close(resolve));
    });
    const consumer = startConsumer({
      name: SERVICE,
      handlers: { 'inventory.out_of_stock.v1': trace },
      database: bench.db.database,
      rabbitmqUrl: `amqp://127.0.0.1:${(mute.address() as AddressInfo).port}`,
      log,
      batchSize: 1,
      prefetch: 1,
      retryDelays: [],
    });
    await until('the attempt to connect', () => sockets.length);
    const from = Date.now();
    await consumer.stop();
    expect(Date.now() - from).toBeLessThan(5_000); // the connection alone would be waited for twice as long
  });

  it('gives up, alone, an event that kills its process again and again', async () => {
    const deadly = soldOut();
    const neighbours = Array.from({ length: 5 }, soldOut);
    // A dead process leaves this behind: the event was begun, and nothing else is known of it.
    await bench.db.database.crashSuspect.create({
      data: { consumer: SERVICE, eventId: deadly.id, starts: 3 },
    });
    const { open, passed } = gate();
    let begun = false;
    const first = await start(async () => {
      begun = true;
      await passed;
      throw Object.assign(new Error('the process is gone'), { code: 'ECONNRESET' });
    });
    publish(deadly, ...neighbours);
    await until('all to be in hand', () => begun && first.inHand() === 6);
    const stopped = first.stop(); // all six go back, and are redelivered
    open();
    await stopped;
    const handled: string[] = [];
    const second = await start(async (tx, events) => {
      handled.push(...events.map((event) => event.id));
      return trace(tx, events);
    });
    const letter = await bench.broker.take(names.deadLetterQueue);
    expect(JSON.parse(letter.content.toString())).toMatchObject({ id: deadly.id });
    expect(letter.properties.headers).toMatchObject({ 'x-reason': 'crashed_consumer' });
    for (const neighbour of neighbours) await until('a neighbour', () => processed(neighbour));
    await settled(second);
    expect(handled.toSorted()).toEqual(neighbours.map((event) => event.id).toSorted());
    expect(await bench.db.database.crashSuspect.count()).toBe(0);
  });

  it('suspects no redelivered event while the infrastructure fails it', async () => {
    const innocent = soldOut();
    let fails = true;
    let attempts = 0;
    await bench.db.database.crashSuspect.create({
      data: { consumer: SERVICE, eventId: innocent.id, starts: 2 },
    });
    const { open, passed } = gate();
    const first = await start(async () => {
      await passed;
      throw Object.assign(new Error('the process is gone'), { code: 'ECONNRESET' });
    });
    publish(innocent);
    await until('it to be in hand', () => first.inHand() === 1);
    const stopped = first.stop(); // it goes back, and is redelivered
    open();
    await stopped;
    const second = await start(async (tx, events) => {
      attempts += 1;
      if (fails) throw Object.assign(new Error('the database is away'), { code: 'ECONNRESET' });
      return trace(tx, events);
    });
    // Killed between two attempts, it was not the event that did it.
    await until('several attempts, and none on record', async () => {
      return attempts > 3 && (await bench.db.database.crashSuspect.count()) === 0;
    });
    fails = false;
    await until('it to be handled', () => processed(innocent));
    await settled(second);
    expect(await bench.db.database.crashSuspect.count()).toBe(0);
  });

  it('says why the broker has closed its connection', async () => {
    const warn = jest.spyOn(log, 'warn');
    cleanUp(() => Promise.resolve(warn.mockRestore()));
    await start(trace, { log });
    await until('it to be listed', () => bench.broker.cutConnections());
    await until('the reason', () => JSON.stringify(warn.mock.calls).includes('CONNECTION_FORCED'));
  });

  it('keeps on record how far it has come', async () => {
    const from = new Date();
    await start(trace);
    await until('it to have caught up', async () => {
      const row = await bench.db.database.consumerProgress.findFirst({
        where: { consumer: SERVICE, caughtUpAt: { gt: from } },
      });
      return row !== null;
    });
  });

  it('shares the work between two instances without doing any of it twice', async () => {
    const consumers = await Promise.all([start(trace), start(trace)]);
    const events = Array.from({ length: 200 }, soldOut);
    publish(...events, ...events);
    for (const event of events) await until('it', () => processed(event));
    await settled(...consumers);
    const counts = await bench.db.database.notification.groupBy({
      by: ['text'],
      where: { text: { in: events.map((event) => event.id) } },
      _count: true,
    });
    expect(counts.every((row) => row._count === 1)).toBe(true);
    expect(counts).toHaveLength(200);
  });
});
