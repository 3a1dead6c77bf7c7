import { Client } from 'pg';
import { openDatabase, type Database } from '../service/database';
import type { Event } from '../events/envelope';
import { newId } from '../ids';
import { names, openConsumerBench, SERVICE, soldOut, trace, TYPE } from '../testing/consumer-bench';
import { startProxy } from '../testing/tcp-proxy';
import { until } from '../testing/until';
import { connectBroker } from './connect-broker';
import { MAX_EVENT_BYTES } from '../events/envelope';
import { EVENTS_EXCHANGE, parseRetryDelays } from './topology';

// Half broken: a header that cannot be encoded, a refusing queue, a held lock, a binding that is gone.

const bench = openConsumerBench();
const { publish, processed } = bench;
/** With intervals that are a tenth of what they are by default. */
const upkeep = { tendEveryMs: 500, settlingMs: 500, recordEveryMs: 200 };
const start: typeof bench.start = (handler, more) => bench.start(handler, { upkeep, ...more });

/** Straight into the service's queue, as a stranger with too many rights would. */
const put = (body: string, headers: Record<string, unknown>) =>
  bench.broker.channel.sendToQueue(SERVICE, Buffer.from(body), { headers, persistent: true });
const handledAll = (events: readonly Event[], withinMs = 5_000) =>
  until(
    'all to be handled',
    async () =>
      (await bench.db.database.processedEvent.count({
        where: { consumer: SERVICE, eventId: { in: events.map(({ id }) => id) } },
      })) === events.length,
    withinMs,
  );
const some = (count: number) => Array.from({ length: count }, soldOut);
/** What the relay would have left in its log of events that it has published. */
const log = (...events: Event<typeof TYPE>[]) =>
  bench.db.database.eventLog.createMany({
    data: events.map((event) => ({
      eventId: event.id,
      type: event.type,
      subject: event.subject,
      correlationId: event.correlationid,
      body: { ...event },
      createdAt: new Date(),
    })),
  });
const subscribe = (...types: string[]) =>
  bench.db.database.subscription.createMany({
    data: types.map((eventType) => ({ consumer: SERVICE, eventType, since: new Date(Date.now() - 60_000) })),
    skipDuplicates: true,
  });
beforeEach(async () => {
  await bench.db.database.subscription.deleteMany();
  await bench.db.database.consumerWatermark.deleteMany();
  await bench.db.database.consumerProgress.deleteMany();
});

it('a bad message is set aside soon, also where the database hangs', async () => {
  const proxy = await startProxy(bench.db.url);
  const database = openDatabase({
    url: proxy.url,
    poolSize: 4,
    applicationName: 'hanging',
    onIdleError: () => undefined,
  });
  bench.cleanUp(() => Promise.resolve(proxy.release()));
  bench.cleanUp(() => database.$disconnect());
  bench.cleanUp(() => proxy.close());
  await start(trace, { database });
  const good = soldOut();
  publish(good);
  await until('it to be at work', () => processed(good));
  proxy.hold();
  put('not JSON', {});
  await bench.broker.take(names.deadLetterQueue, 10_000);
  proxy.release();
  await until(
    'it to be on record',
    () => bench.db.database.deliveryFailure.count({ where: { consumer: SERVICE, reason: 'invalid_json' } }),
    30_000,
  );
});

describe('a message that cannot be set aside', () => {
  // amqplib reads a table of 70 kB and cannot write it; it takes a table with the key "!" for one of its own.
  const unencodable: [string, Record<string, unknown>][] = [
    [
      'headers of 70 kB',
      Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`h${n}`, 'x'.repeat(1_000)])),
    ],
    ['a header that names no type', { meta: { '!': 'urgent' } }],
  ];

  it.each(unencodable)(
    'with %s is a dead letter without them, and the others are handled',
    async (_what, headers) => {
      const consumer = await start(trace);
      await putUnencodable(headers);
      const events = some(100);
      publish(...events);
      await handledAll(events);
      const letter = await bench.broker.take(names.deadLetterQueue);
      expect(letter.content.toString()).toBe('not JSON');
      expect(letter.properties.headers).toMatchObject({ 'x-reason': 'invalid_json', 'x-consumer': SERVICE });
      expect(consumer.isReady()).toBe(true);
    },
  );

  async function putUnencodable(headers: Record<string, unknown>): Promise<void> {
    // By the management API, as amqplib could not send it either.
    await bench.broker.manage('POST', '/api/exchanges/{vhost}/amq.default/publish', {
      routing_key: SERVICE,
      payload: 'not JSON',
      payload_encoding: 'string',
      properties: { headers },
    });
  }

  it('because the dead-letter queue refuses it waits at the broker, and the others are handled', async () => {
    const consumer = await start(trace);
    await bench.broker.manage('PUT', '/api/policies/{vhost}/refuse', {
      pattern: `^${names.deadLetterQueue.replaceAll('.', '\\.')}$`,
      definition: { 'max-length': 1, overflow: 'reject-publish' },
      'apply-to': 'queues',
    });
    const refused = async () => {
      bench.broker.channel.sendToQueue(names.deadLetterQueue, Buffer.from('fills it'));
      const queue = await bench.broker.manage<{ effective_policy_definition?: object; policy?: string }>(
        'GET',
        `/api/queues/{vhost}/${names.deadLetterQueue}`,
      );
      return queue.policy === 'refuse';
    };
    await until('the policy', refused);
    for (let n = 0; n < 30; n += 1) put(`poison ${n}`, {});
    const events = some(100);
    publish(...events);
    await handledAll(events, 15_000);
    expect(consumer.isReady()).toBe(true);
    await bench.broker.manage('DELETE', '/api/policies/{vhost}/refuse');
    const found = new Set<string>();
    await until(
      'every poison to be a dead letter',
      async () => {
        const letter = await bench.broker.channel.get(names.deadLetterQueue, { noAck: true });
        if (letter && letter.content.toString().startsWith('poison')) found.add(letter.content.toString());
        return found.size === 30;
      },
      40_000,
    );
  });

  it('is on record also where what it says of itself cannot be stored', async () => {
    await start(trace);
    const id = newId();
    const attributes = {
      specversion: '1.0',
      id,
      source: '/stranger',
      type: 'no\0such.v1',
      subject: '\0'.repeat(9_000),
    };
    const headers = Object.entries(attributes).map(([name, value]) => [`cloudEvents:${name}`, value]);
    put('{}', Object.fromEntries(headers));
    put('\0\0', { 'x-attempts': 3_000_000_000 });
    const event = soldOut();
    publish(event);
    await until('the next one', () => processed(event));
    const onRecord = (where: object) => () =>
      bench.db.database.deliveryFailure.count({ where: { consumer: SERVICE, ...where } });
    await until('the one with attributes', onRecord({ eventId: id, type: 'no\ufffdsuch.v1' }));
    await until('the one that is no JSON', onRecord({ error: { contains: '\ufffd' } }));
  });

  it('because it is larger than any event is refused unread', async () => {
    await start(trace);
    put('x'.repeat(MAX_EVENT_BYTES + 1), {});
    const event = soldOut();
    publish(event);
    await until('the next one', () => processed(event));
    const letter = await bench.broker.take(names.deadLetterQueue);
    expect(letter.content.length).toBe(MAX_EVENT_BYTES + 1);
    expect(letter.properties.headers).toMatchObject({ 'x-reason': 'too_large' });
  });

  it('by the dozen takes no more memory than is set aside for them, and none is lost', async () => {
    await start(trace);
    for (let n = 0; n < 30; n += 1) put('x'.repeat(1024 * 1024), {});
    const event = soldOut();
    publish(event);
    await until('the next one', () => processed(event), 20_000);
    for (let n = 0; n < 30; n += 1) await bench.broker.take(names.deadLetterQueue, 20_000);
  });
});

describe('a lock that somebody holds', () => {
  let holder: Client;
  let impatient: Database;
  beforeEach(async () => {
    const url = new URL(bench.db.url);
    url.searchParams.set('options', '-c lock_timeout=1s');
    impatient = openDatabase({
      url: url.href,
      poolSize: 4,
      applicationName: 'impatient',
      onIdleError: () => undefined,
    });
    bench.cleanUp(() => impatient.$disconnect());
    holder = new Client({ connectionString: bench.db.url });
    holder.on('error', () => undefined);
    await holder.connect();
  });
  const lock = (event: Event) =>
    holder.query(
      `INSERT INTO processed_events (consumer, event_id, source, type, subject) VALUES ($1, $2, $3, $4, $5)`,
      [SERVICE, event.id, event.source, event.type, event.subject],
    );
  afterEach(() => holder.end());

  it('on one row holds up the events about that row alone, and they are handled when it is gone', async () => {
    const locked = some(5);
    await holder.query('BEGIN');
    for (const event of locked) await lock(event);
    const consumer = await start(trace, {
      database: impatient,
      retryDelays: parseRetryDelays('500ms,500ms,500ms,1s,1s,1s,1s,1s,1s'),
    });
    const others = some(100);
    publish(...others.slice(0, 50), ...locked, ...others.slice(50));
    await handledAll(others, 8_000);
    expect(consumer.isReady()).toBe(true);
    await holder.query('ROLLBACK');
    await handledAll(locked, 15_000);
    for (const event of [...others, ...locked]) expect(await bench.traces(event)).toBe(1);
  });

  it('on a table pauses the consumer, which says so and spends no attempt', async () => {
    await holder.query('BEGIN; LOCK TABLE processed_events IN ACCESS EXCLUSIVE MODE');
    const consumer = await start(trace, { database: impatient });
    const events = some(20);
    publish(...events);
    await until('the pause', () => !consumer.isReady(), 15_000);
    expect(consumer.notReadyBecause()).toMatch(/lock timeout/);
    await holder.query('ROLLBACK');
    await handledAll(events, 15_000);
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
    expect(
      await bench.db.database.deliveryFailure.count({
        where: { eventId: { in: events.map(({ id }) => id) } },
      }),
    ).toBe(0);
  });

  it('does not keep a stop waiting, nor is the event blamed for it', async () => {
    const event = soldOut();
    await holder.query('BEGIN');
    await lock(event);
    publish();
    for (let stops = 0; stops < 4; stops += 1) {
      const consumer = await start(trace, { database: impatient, retryDelays: parseRetryDelays('1s,1s,1s') });
      if (stops === 0) publish(event);
      await until('it to be in hand', () => consumer.inHand() > 0, 10_000);
      const from = Date.now();
      await consumer.stop();
      expect(Date.now() - from).toBeLessThan(5_000);
      // It speaks for what it gave back, until somebody else does.
      expect(await bench.db.database.consumerProgress.count()).toBeGreaterThan(0);
    }
    await holder.query('ROLLBACK');
    await start(trace);
    await until('it to be handled', () => processed(event), 10_000);
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
    expect(await bench.db.database.crashSuspect.count()).toBe(0);
  });
});

describe('what is gone on the broker', () => {
  it('is restored, and what was published meanwhile is fetched from the log: a binding', async () => {
    await subscribe(TYPE);
    await start(trace);
    await bench.broker.channel.unbindQueue(SERVICE, EVENTS_EXCHANGE, TYPE);
    const lost = some(10);
    publish(...lost);
    await log(...lost);
    await handledAll(lost, 40_000);
    const next = soldOut();
    publish(next);
    await until('the next one, by its binding', () => processed(next));
  });

  it('is restored, and what was missed is fetched soon, though an instance was killed just before', async () => {
    await subscribe(TYPE);
    const killed = newId();
    await bench.db.database
      .$executeRaw`INSERT INTO consumer_progress (consumer, instance, caught_up_at) VALUES (${SERVICE}, ${killed}::uuid, 'epoch')`;
    await start(trace);
    await bench.broker.channel.unbindQueue(SERVICE, EVENTS_EXCHANGE, TYPE);
    const lost = some(10);
    publish(...lost);
    await log(...lost);
    await handledAll(lost, 15_000);
    const live = await bench.db.database.consumerProgress.findMany({ where: { consumer: SERVICE } });
    expect(live).toHaveLength(1);
    expect(live[0]?.instance).not.toBe(killed);
  });

  it('is restored, and what was published meanwhile is fetched from the log: queue and exchange', async () => {
    await subscribe(TYPE);
    const consumer = await start(trace);
    await until('it to have a watermark', () => bench.db.database.consumerWatermark.count(), 15_000);
    await bench.broker.channel.deleteExchange(EVENTS_EXCHANGE);
    await bench.broker.channel.deleteQueue(SERVICE);
    await until('it to notice', () => !consumer.isReady(), 15_000);
    const lost = some(10);
    await log(...lost);
    await handledAll(lost, 40_000);
    const next = soldOut();
    publish(next);
    await until('the next one, by its binding', () => processed(next));
  });

  it('needs no right on what is not its own: it reads the events exchange, and leaves its restoring to the relay', async () => {
    const { broker } = bench;
    const user = `limited-${newId()}`;
    await broker.manage('PUT', `/api/users/${user}`, { password: 'secret', tags: '' });
    bench.cleanUp(() => broker.manage('DELETE', `/api/users/${user}`));
    await broker.manage('PUT', `/api/permissions/{vhost}/${user}`, {
      configure: `^${SERVICE}(\\..*)?$`,
      write: `^${SERVICE}(\\..*)?$`,
      read: `^(${SERVICE}(\\..*)?|ordermesh\\.events)$`,
    });
    await broker.channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
    const url = new URL(broker.url);
    [url.username, url.password] = [user, 'secret'];
    await subscribe(TYPE);
    const consumer = await start(trace, { rabbitmqUrl: url.toString() });
    const [event, next] = [soldOut(), soldOut()];
    publish(Buffer.from('not JSON'), event);
    await until('it to be handled', () => processed(event));
    expect((await broker.take(names.deadLetterQueue)).content.toString()).toBe('not JSON');
    await broker.channel.deleteExchange(EVENTS_EXCHANGE);
    await until('it to notice', () => !consumer.isReady(), 15_000);
    await broker.channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true });
    await until('it to be well again', () => consumer.isReady(), 30_000);
    publish(next);
    await until('the next one', () => processed(next));
  });

  it('was purged: what is in the log is fetched, and what is a dead letter is not', async () => {
    await subscribe(TYPE);
    const [dead, purged] = [soldOut(), soldOut()];
    await start(trace);
    await until('it to have a watermark', () => bench.db.database.consumerWatermark.count(), 15_000);
    await bench.db.database.deliveryFailure.create({
      data: {
        consumer: SERVICE,
        eventId: dead.id,
        attempt: 3,
        reason: 'r',
        error: 'e',
        outcome: 'DEAD_LETTERED',
      },
    });
    await log(dead, purged);
    await handledAll([purged], 40_000);
    expect(await processed(dead)).toBe(0);
  });

  it('was never given back what waited in a retry queue: that is fetched, and its attempts go on', async () => {
    await subscribe(TYPE);
    const event = soldOut();
    // A stranger's message with this id has failed: it is an event of ours, and for others.
    const notItsOwn = { ...soldOut(), type: 'order.placed.v1' };
    await start(trace);
    await until('it to have a watermark', () => bench.db.database.consumerWatermark.count(), 15_000);
    const failure = {
      consumer: SERVICE,
      attempt: 2,
      reason: 'r',
      error: 'e',
      outcome: 'RETRIED',
    };
    const retryAt = new Date(Date.now() - 180_000);
    await bench.db.database.deliveryFailure.createMany({
      data: [notItsOwn, event].map(({ id }) => ({ ...failure, eventId: id, retryAt })),
    });
    await log(notItsOwn as never, event);
    await handledAll([event], 40_000);
    expect(await bench.db.database.processedEvent.findMany({ where: { eventId: event.id } })).toMatchObject([
      { attempts: 3 },
    ]);
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });
});

describe('two versions at once', () => {
  it('a type that is on record for the service, and unknown to this version, waits and is not a dead letter', async () => {
    await subscribe(TYPE, 'order.placed.v2');
    await start(trace, { retryDelays: parseRetryDelays('30s') });
    const event = { ...soldOut(), type: 'order.placed.v2' };
    bench.broker.channel.publish(EVENTS_EXCHANGE, 'order.placed.v2', Buffer.from(JSON.stringify(event)));
    await until('it to be put off', () =>
      bench.db.database.deliveryFailure.count({ where: { eventId: event.id, outcome: 'RETRIED' } }),
    );
    expect(await bench.broker.isEmpty(names.deadLetterQueue)).toBe(true);
  });

  it('a type that the record has ended is unbound, whoever bound it', async () => {
    await subscribe(TYPE);
    await bench.db.database.subscription.create({
      data: { consumer: SERVICE, eventType: 'order.placed.v1', until: new Date() },
    });
    await start(trace);
    const isBound = async () => {
      const all = await bench.broker.manage<{ routing_key: string }[]>(
        'GET',
        `/api/bindings/{vhost}/e/${EVENTS_EXCHANGE}/q/${SERVICE}`,
      );
      return all.some(({ routing_key }) => routing_key === 'order.placed.v1');
    };
    expect(await isBound()).toBe(false);
    await bench.broker.channel.bindQueue(SERVICE, EVENTS_EXCHANGE, 'order.placed.v1'); // an old instance does
    expect(await isBound()).toBe(true);
    await until('it to be unbound', async () => !(await isBound()), 15_000);
  });
});

describe('how far a consumer has come', () => {
  async function logAMinuteAgo(event: Parameters<typeof log>[0]): Promise<Date> {
    await log(event);
    const publishedAt = new Date(Date.now() - 60_000);
    await bench.db.database.eventLog.updateMany({ where: { eventId: event.id }, data: { publishedAt } });
    return publishedAt;
  }

  const reached = async () => {
    const rows = await bench.db.database.consumerProgress.findMany({ where: { consumer: SERVICE } });
    return rows.map(({ caughtUpAt }) => caughtUpAt.getTime());
  };

  it('is no further than the oldest event that an instance holds, whatever time the event gives itself', async () => {
    const held = { ...soldOut(), id: newId(), time: '2999-01-01T00:00:00Z' };
    const published = await logAMinuteAgo(held);
    let open: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => (open = resolve));
    const stuck = await start(async (tx, events) => {
      await passed;
      return trace(tx, events);
    });
    publish(held as Event);
    await until('it to be in hand', () => stuck.inHand() === 1);
    await start(trace); // idle beside it
    await until(
      'the one to be behind, the other not',
      async () => {
        const times = await reached();
        return (
          times.length === 2 &&
          times.some((at) => at === published.getTime()) &&
          Math.max(...times) > Date.now() - 10_000
        );
      },
      15_000,
    );
    open();
    await until(
      'both to be up to date',
      async () => (await reached()).every((at) => at > Date.now() - 10_000),
      15_000,
    );
  });

  it('counts also what one holds that is silent, as long as the broker counts it', async () => {
    await subscribe(TYPE);
    await start(trace);
    const { consumerTag } = await bench.broker.channel.consume(SERVICE, () => undefined);
    bench.cleanUp(async () => void (await bench.broker.channel.cancel(consumerTag)));
    await bench.db.database
      .$executeRaw`INSERT INTO consumer_progress (consumer, instance, caught_up_at, updated_at)
        VALUES (${SERVICE}, ${newId()}::uuid, 'epoch', now() - interval '20 seconds')`;
    const looked = async () =>
      (await bench.db.database.consumerWatermark.findFirst())?.checkedAt.getTime() ?? 0;
    const first = await until('a look', looked, 15_000);
    await until('another look', async () => (await looked()) > first, 15_000);
    expect(await reached()).toHaveLength(2);
  });

  it('counts what a silent one holds, though another that is on record has died since', async () => {
    await subscribe(TYPE);
    await start(trace);
    const { consumerTag } = await bench.broker.channel.consume(SERVICE, () => undefined);
    bench.cleanUp(async () => void (await bench.broker.channel.cancel(consumerTag)));
    const [frozen, killed] = [newId(), newId()];
    await bench.db.database
      .$executeRaw`INSERT INTO consumer_progress (consumer, instance, caught_up_at, updated_at)
        VALUES (${SERVICE}, ${frozen}::uuid, 'epoch', now() - interval '20 seconds'),
               (${SERVICE}, ${killed}::uuid, 'epoch', now() - interval '10 seconds')`;
    const looked = async () =>
      (await bench.db.database.consumerWatermark.findFirst())?.checkedAt.getTime() ?? 0;
    for (let looks = 0, last = 0; looks < 3; looks += 1)
      last = await until('a look', async () => ((await looked()) > last ? looked() : 0), 15_000);
    expect(await reached()).toHaveLength(3);
  });

  it('is said at once by who is given again what another had: it may be older than what was said', async () => {
    const event = soldOut();
    const published = await logAMinuteAgo(event);
    await (await start(trace)).stop(); // the queue is there
    publish(event);
    const other = await connectBroker(bench.broker.url);
    const session = await other.createChannel();
    await new Promise<unknown>((resolve, reject) => void session.consume(SERVICE, resolve).catch(reject));
    let open: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => (open = resolve));
    const handler: typeof trace = async (tx, events) => {
      await passed;
      return trace(tx, events);
    };
    await start(handler, { upkeep: { ...upkeep, recordEveryMs: 3_600_000 } });
    expect(await reached()).toEqual([0]);
    await other.close();
    await until('it to say so', async () => (await reached())[0] === published.getTime(), 5_000);
    open();
  });

  it('is not said anew at once by who has lost what it had: whoever has that now may not have said so', async () => {
    const EVERY_MS = 3_000;
    const proxy = await startProxy(bench.broker.url);
    bench.cleanUp(() => proxy.close());
    let open: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => (open = resolve));
    const consumer = await start(
      async (tx, events) => {
        await passed;
        return trace(tx, events);
      },
      { rabbitmqUrl: proxy.url, upkeep: { ...upkeep, recordEveryMs: EVERY_MS } },
    );
    const event = soldOut();
    await log(event);
    publish(event);
    await until('it to be in hand', () => consumer.inHand() === 1);
    const other = await connectBroker(bench.broker.url);
    bench.cleanUp(() => other.close());
    const channel = await other.createChannel();
    const given = new Promise<unknown>((resolve) => void channel.consume(SERVICE, resolve));
    const lost = Date.now();
    proxy.cut();
    await given; // and holds it
    await until(
      'it to say that it has nothing',
      async () => (await reached()).some((at) => at > lost),
      30_000,
    );
    expect(Date.now() - lost).toBeGreaterThan(EVERY_MS);
    open();
  });

  it('is on record, and unknown, before an instance is given anything: it may hang with that', async () => {
    await start(trace, { upkeep: { ...upkeep, recordEveryMs: 3_600_000 } });
    expect(await reached()).toEqual([0]);
  });

  it('stays what it was while nothing is in hand and nobody knows what waits: the broker may be slow to send it', async () => {
    const proxy = await startProxy(bench.broker.url);
    bench.cleanUp(() => proxy.close());
    const event = soldOut();
    const published = await logAMinuteAgo(event);
    let open: () => void = () => undefined;
    const seen = new Promise<void>((resolve) => (open = resolve));
    const consumer = await start(
      async (tx, events) => {
        await seen;
        return trace(tx, events);
      },
      { rabbitmqUrl: proxy.url },
    );
    publish(event);
    await until('it to be in hand, and on record', async () => (await reached())[0] === published.getTime());
    proxy.hold();
    open();
    await until('nothing to be in hand', () => consumer.inHand() === 0);
    const from = Date.now();
    await until('some records', () => Date.now() > from + 10 * upkeep.recordEveryMs);
    expect(await reached()).toEqual([published.getTime()]);
    proxy.release();
    await until('it to be up to date', async () => (await reached()).some((at) => at > from), 30_000);
  });

  it('is not taken for now when the queue was empty a moment before what it was given', async () => {
    const proxy = await startProxy(bench.broker.url);
    bench.cleanUp(() => proxy.close());
    const passes: (() => void)[] = [];
    const handle: typeof trace = async (tx, events) => {
      await new Promise<void>((resolve) => passes.push(resolve));
      return trace(tx, events);
    };
    const consumer = await start(handle, { rabbitmqUrl: proxy.url });
    const [first, second] = [soldOut(), soldOut()];
    await log(first);
    const published = await logAMinuteAgo(second);
    publish(first);
    await until('the first to be in hand', () => passes.length === 1);
    // It asks for more, and the broker's two answers come together: that there is nothing, and the second one.
    proxy.hold('answers');
    passes.shift()?.();
    await until('the first to be done', () => consumer.inHand() === 0);
    const asked = Date.now();
    await until('it to have asked', () => Date.now() > asked + 5 * upkeep.recordEveryMs);
    publish(second);
    await until('the second to be on its way', () => bench.broker.isEmpty(SERVICE));
    proxy.release();
    await until('the second to be on record', async () => (await reached())[0] === published.getTime());
    proxy.hold();
    passes.shift()?.();
    await until('the second to be done', () => consumer.inHand() === 0);
    const from = Date.now();
    await until('some records', () => Date.now() > from + 10 * upkeep.recordEveryMs);
    expect(await reached()).toEqual([published.getTime()]);
    proxy.release();
  });

  it('stays what it was with both hands full of what is none of the mesh', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const before = Date.now();
    const consumer = await start(
      async (tx, events) => {
        await gate;
        return trace(tx, events);
      },
      { prefetch: 5, batchSize: 2 },
    );
    publish(...some(20)); // none is in the log
    await until('its hands to be full', () => consumer.inHand() === 5);
    await until('it to be on record', async () => (await reached()).length === 1);
    const [at] = await reached();
    await until(
      'the record to be renewed',
      async () => {
        const [row] = await bench.db.database.consumerProgress.findMany({ where: { consumer: SERVICE } });
        return row && row.updatedAt.getTime() > before + 10 * upkeep.recordEveryMs;
      },
      15_000,
    );
    expect(await reached()).toEqual([at]);
    open();
  });
});
