import type { GetMessage } from 'amqplib';
import { createLogger } from '../service/logger';
import { RAMP_MS, shareAfter } from '../service/pauses';
import { keepPresence, queryOf, type Presence } from '../service/presence';
import { gate, names, openConsumerBench, SERVICE, soldOut, trace } from '../testing/consumer-bench';
import { until } from '../testing/until';
import { endWhenStuck } from './end-when-stuck';
import { EVENTS_EXCHANGE } from './topology';
import type { Attachment } from './delivery';
import { createFlow } from './flow';
import { neverPaused } from '../service/pauses';

const bench = openConsumerBench();
const log = createLogger('test', process.env.TEST_LOG ?? 'silent');
const upkeep = { tendEveryMs: 100, settlingMs: 0, recordEveryMs: 100, stalledMs: 1_000, letGoMs: 200 };
const some = (count: number) => Array.from({ length: count }, soldOut);

const handled = (events: ReturnType<typeof some>) =>
  until('all to be handled', async () => {
    const ids = events.map(({ id }) => id);
    const count = await bench.db.database.processedEvent.count({ where: { eventId: { in: ids } } });
    return count === events.length;
  });
/** How many wait in the queue and are held by nobody, up to `most`; the counts that the broker gives are seconds old. */
async function ready(most: number): Promise<number> {
  const taken: GetMessage[] = [];
  while (taken.length < most) {
    const message = await bench.broker.channel.get(names.queue);
    if (!message) break;
    taken.push(message);
  }
  for (const message of taken) bench.broker.channel.nack(message);
  return taken.length;
}

describe('a consumer that is paused', () => {
  let presence: Presence;
  const pausing = () => {
    presence = keepPresence({ query: queryOf(bench.db.database), parts: [SERVICE], log, everyMs: 50 });
    bench.cleanUp(async () => {
      await presence.stop();
      await bench.db.database.pause.deleteMany();
    });
    return presence;
  };
  const pauseIt = () =>
    bench.db.database.pause.create({ data: { part: SERVICE, why: 'stock take', pausedBy: 'asha' } });
  const resumeIt = (agoMs = 0) =>
    bench.db.database.$executeRaw`
      UPDATE pauses SET resumed_at = now(), resumed_by = 'asha',
        paused_at = least(paused_at, now() - ${agoMs}::float8 * interval '1 millisecond')`;

  it('takes nothing, holds nothing, is ready and says so; and goes on when it is resumed', async () => {
    const consumer = await bench.start(trace, { pauses: pausing(), upkeep });
    const first = some(3);
    bench.publish(...first);
    await handled(first);
    await pauseIt();
    await readings(presence, 3); // the broker has been told by then
    const events = some(5);
    bench.publish(...events);
    await until('them to wait', async () => (await ready(5)) === 5);
    expect(consumer.inHand()).toBe(0);
    expect(consumer.notReadyBecause()).toBeUndefined();
    expect(presence.all()).toMatchObject([{ part: SERVICE, by: 'asha', why: 'stock take' }]);
    expect(await bench.db.database.processedEvent.count({ where: { eventId: events[0]!.id } })).toBe(0);
    await resumeIt();
    await handled(events);
    for (const event of events) expect(await bench.traces(event)).toBe(1);
    expect(consumer.isReady()).toBe(true);
  });

  it('consumes nothing where it is started paused, not even for a moment', async () => {
    await pauseIt();
    const events = some(3);
    const consumer = await bench.start(trace, { pauses: pausing(), upkeep });
    bench.publish(...events);
    await until('them to wait', async () => (await ready(3)) === 3);
    expect(consumer.settled()).toBe(0);
    expect(consumer.isReady()).toBe(true);
    await resumeIt();
    await handled(events);
  });

  it('gives back what it has not begun with, and finishes the rest', async () => {
    const { open, passed } = gate();
    const events = some(8);
    const consumer = await bench.start(
      async (tx, batch) => {
        await passed;
        return trace(tx, batch);
      },
      { pauses: pausing(), upkeep, batchSize: 2 },
    );
    bench.publish(...events);
    await until('them to be held', () => consumer.inHand() === 8);
    await pauseIt();
    await until('the rest to be let go', () => consumer.inHand() <= 2);
    const left = consumer.inHand();
    await until('the rest to be back in the queue', async () => (await ready(8)) === 8 - left);
    open();
    await until('the batch to be settled', () => consumer.inHand() === 0);
    await resumeIt();
    await handled(events);
    for (const event of events) expect(await bench.traces(event)).toBe(1);
  });

  it('keeps its bindings, and restores them', async () => {
    await bench.start(trace, { pauses: pausing(), upkeep });
    await pauseIt();
    await until('the pause to be heard', () => presence.of(SERVICE));
    const event = soldOut();
    await bench.broker.channel.unbindQueue(names.queue, EVENTS_EXCHANGE, event.type);
    await until('it to be bound again', async () => {
      const bindings = await bench.broker.manage<{ routing_key: string }[]>(
        'GET',
        `/api/bindings/{vhost}/e/${EVENTS_EXCHANGE}/q/${names.queue}`,
      );
      return bindings.some(({ routing_key }) => routing_key === event.type);
    });
    await resumeIt();
    bench.publish(event);
    await handled([event]);
  });

  it('does not pass for one that is behind no more', async () => {
    await bench.start(trace, { pauses: pausing(), upkeep });
    await pauseIt();
    await until('the pause to be heard', () => presence.of(SERVICE));
    await readings(presence, 3);
    const caughtUp = async () =>
      (await bench.db.database.consumerProgress.findFirstOrThrow({ where: { consumer: SERVICE } })).updatedAt;
    // What was under way when it was paused is on record by then.
    const [before, reads] = [await caughtUp(), await readings(presence, 6)];
    expect(reads).toBe(6);
    expect(await caughtUp()).toEqual(before);
  });
});

/** Waits until so many readings have been made. */
async function readings(presence: Presence, count: number): Promise<number> {
  let read = 0;
  presence.onRead(() => (read += 1));
  await until('the readings', () => read >= count);
  return count;
}

it('after a pause the prefetch grows by and by', async () => {
  expect([0, RAMP_MS / 4, RAMP_MS, 10 * RAMP_MS].map(shareAfter)).toEqual([0.1, 0.25, 1, 1]);
  const asked: (number | string)[] = [];
  let share = 0;
  const attachment = {
    session: { open: true, fail: (error: unknown) => asked.push(String(error)) },
    channel: {
      prefetch: (count: number) => void asked.push(count),
      cancel: (tag: string) => void asked.push(`cancel ${tag}`),
    },
  } as unknown as Attachment;
  let tags = 0;
  const flow = createFlow(attachment, SERVICE, 150, { ...neverPaused, share: () => share }, () =>
    Promise.resolve(`tag-${++tags}`),
  );
  for (share of [0, 0.1, 0.2, 0.3, 0.6, 1, 1, 0]) await flow.adjust();
  expect(asked).toEqual([15, 'cancel tag-1', 38, 'cancel tag-2', 75, 'cancel tag-3', 150, 'cancel tag-4']);
  expect(flow.consumerTag).toBeUndefined();
});

describe('a consumer that is attached and gets nothing', () => {
  it('is not ready, says why, and begins anew', async () => {
    const consumer = await bench.start(trace, { upkeep });
    // A broker that has forgotten it: what it has begun to send, it sends no more.
    const channel = Object.getPrototypeOf(bench.broker.channel) as {
      consume: () => Promise<{ consumerTag: string }>;
    };
    const forgotten = jest
      .spyOn(channel, 'consume')
      .mockImplementationOnce(() => Promise.resolve({ consumerTag: 'none' }));
    bench.cleanUp(async () => forgotten.mockRestore());
    await until('the connection to be cut', () => bench.broker.cutConnections());
    await until('it to be attached again', () => forgotten.mock.calls.length > 0 && consumer.isReady());
    const events = some(40);
    bench.publish(...events);
    await until('it to say so', () =>
      /^\d+ messages wait in its queue, and it has (been sent|settled) none for \d+ s$/.test(
        consumer.notReadyBecause() ?? '',
      ),
    );
    await handled(events);
    await until('it to be ready', () => consumer.isReady());
  });

  it('is ready while a long queue moves, however long', async () => {
    const consumer = await bench.start(
      async (tx, events) => {
        await tx.$executeRaw`SELECT pg_sleep(0.02)`;
        return trace(tx, events);
      },
      { upkeep, batchSize: 2, prefetch: 4 },
    );
    const reasons = new Set<string>();
    const watching = setInterval(() => reasons.add(consumer.notReadyBecause() ?? 'ready'), 20);
    bench.cleanUp(async () => clearInterval(watching));
    const events = some(60);
    bench.publish(...events);
    await handled(events);
    expect([...reasons]).toEqual(['ready']);
  });

  it('is not ready where what was published never came, for its binding was gone', async () => {
    await bench.db.database.subscription.create({
      data: { consumer: SERVICE, eventType: soldOut().type, since: new Date(0) },
    });
    bench.cleanUp(async () => void (await bench.db.database.subscription.deleteMany()));
    const consumer = await bench.start(trace, { upkeep: { ...upkeep, tendEveryMs: 1_000 } });
    const event = soldOut();
    await bench.db.database.eventLog.create({
      data: {
        eventId: event.id,
        type: event.type,
        subject: event.subject,
        correlationId: event.correlationid,
        body: { ...event },
        createdAt: new Date(),
      },
    });
    await until('it to say so', () =>
      consumer.notReadyBecause()?.startsWith('1 events were published and never delivered'),
    );
    await handled([event]);
    await until('it to be ready', () => consumer.isReady());
  });
});

describe('a handler that never ends', () => {
  it('fails liveness, and ends the process; but not while the database is away', async () => {
    const { open, passed } = gate();
    const consumer = await bench.start(async () => {
      await passed;
      return [];
    });
    const event = soldOut();
    const ended: number[] = [];
    let isAway = true;
    const query = () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve([]));
    const stuck = endWhenStuck({
      consumer,
      database: { $queryRaw: query } as never,
      log,
      limitMs: 200,
      toldMs: 300,
      end: (code) => ended.push(code),
    });
    bench.cleanUp(async () => stuck.stop());
    expect(stuck.check()).toBe(true);
    bench.publish(event);
    await until('it to be at it for long', () => consumer.attemptMs() > 1_000);
    expect(stuck.check()).toBe(true);
    isAway = false;
    await until('liveness to fail', () =>
      new RegExp(`^a handler has not ended for \\d+ s, with event ${event.id} in hand$`).test(
        String(stuck.check()),
      ),
    );
    expect(ended).toEqual([]);
    await until('the process to end', () => ended[0] === 70);
    open();
  });
});
