import { Client } from 'pg';
import { markPublished } from '../../outbox-publisher/outbox-rows';
import { firstIdOf } from '../../shared/history/partitions';
import { newId } from '../../shared/ids';
import type { Event } from '../../shared/events/envelope';
import { startConsumer, type Consumer } from '../../shared/messaging/consumer';
import type { Handler } from '../../shared/messaging/handler';
import {
  declareService,
  EVENTS_EXCHANGE,
  parseRetryDelays,
  serviceNames,
} from '../../shared/messaging/topology';
import { insertIntoOutbox } from '../../shared/outbox/write-outbox';
import { createLogger } from '../../shared/service/logger';
import { anEvent, orderCancelled, orderPlaced } from '../../shared/testing/events';
import { createTestBroker, type TestBroker } from '../../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { runBackfill } from './run-backfill';

const NEWCOMER = 'newcomer-service';
const OLDER = 'older-service';
const TYPES = ['order.cancelled.v1', 'order.placed.v1'] as const;
const retryDelays = parseRetryDelays('20ms');
const names = serviceNames(NEWCOMER);

let db: TestDatabase;
let broker: TestBroker;
let consumer: Consumer | undefined;
let handled: Event[];
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  broker = await createTestBroker();
  await db.database
    .$executeRaw`TRUNCATE event_log, processed_events, delivery_failures, subscriptions, consumer_progress`;
  for (const service of [NEWCOMER, OLDER]) {
    await declareService(broker.channel, service, TYPES, retryDelays);
    await db.database.subscription.createMany({
      data: TYPES.map((eventType) => ({ consumer: service, eventType })),
    });
  }
  handled = [];
});
afterEach(async () => {
  await consumer?.stop();
  consumer = undefined;
  await broker.drop();
});

function startNewcomer(): void {
  const record = ((_tx, events) => {
    handled.push(...events);
    return Promise.resolve([]);
  }) satisfies Handler<(typeof TYPES)[number]>;
  consumer = startConsumer({
    name: NEWCOMER,
    handlers: { 'order.cancelled.v1': record, 'order.placed.v1': record },
    database: db.database,
    rabbitmqUrl: broker.url,
    log: createLogger('test', process.env.TEST_LOG ?? 'silent'),
    batchSize: 1, // so that the order of handling is the order of arrival
    prefetch: 20,
    retryDelays,
  });
}

async function backfill(args = '', stopping = new AbortController().signal): Promise<string> {
  const printed: string[] = [];
  const run = {
    args: ['--service', NEWCOMER, ...args.split(' ').filter(Boolean)],
    urls: () => ({ databaseUrl: db.url, rabbitmqUrl: broker.url }),
    print: (text: string) => printed.push(text),
    stopping,
  };
  await runBackfill(run);
  return printed.join('\n');
}

/** Writes events to the log as the relay marks them: a handful at a time have one time of publication. */
async function past(events: readonly Event[], bodyOf: (event: Event) => string = (e) => JSON.stringify(e)) {
  const at = (n: number) => new Date(Date.UTC(2026, 0, 1) + Math.floor(n / 7) * 1_000);
  await db.database.$executeRaw`
    INSERT INTO event_log (event_id, type, subject, correlation_id, body, created_at, published_at)
    SELECT id::uuid, type, subject, 'c-1', body::json, at, at FROM unnest(
      ${events.map((event) => event.id)}::text[], ${events.map((event) => event.type)}::text[],
      ${events.map((event) => event.subject)}::text[], ${events.map(bodyOf)}::text[],
      ${events.map((_, n) => at(n))}::timestamptz[]
    ) AS e (id, type, subject, body, at)`;
  return events;
}

/** Two events of each order, among some that the newcomer does not take. */
const history = (orders: number): Event[] =>
  Array.from({ length: orders }, () => {
    const placed = orderPlaced([{ menu_item_id: newId(), quantity: 1 }]);
    const order_id = placed.subject;
    const restored = { order_id, restaurant_id: newId(), items: [] };
    return [placed, anEvent('inventory.restored.v1', order_id, restored), orderCancelled(order_id)];
  }).flat();
/** A UUIDv7 of a moment. */
const idAt = (ms: number) => firstIdOf(ms).slice(0, 14) + newId().slice(14);
const ofNewcomer = (events: readonly Event[]) =>
  events.filter(({ type }) => (TYPES as readonly string[]).includes(type)).map(({ id }) => id);

describe('a backfill', () => {
  it('gives a new service its history once, in order, while live events are handled', async () => {
    const events = await past(history(150));
    startNewcomer();
    const [known] = events;
    await db.database.processedEvent.create({
      data: { consumer: NEWCOMER, eventId: known!.id, type: known!.type, subject: known!.subject },
    });
    const live: Event[] = [];
    const publishing = setInterval(() => {
      const event = orderCancelled(newId());
      live.push(event);
      broker.channel.publish(EVENTS_EXCHANGE, event.type, Buffer.from(JSON.stringify(event)), {
        persistent: true,
      });
    }, 20);
    const text = await backfill('--rate 5000 --waiting 60').finally(() => clearInterval(publishing));
    expect(text).toBe(`299 sent to ${NEWCOMER}, 1 left out as it has handled them`);
    await until('all', () => handled.length === 299 + live.length);
    const liveIds = new Set(live.map(({ id }) => id));
    const ids = handled.map(({ id }) => id);
    expect(ids.filter((id) => !liveIds.has(id))).toEqual(ofNewcomer(events).slice(1));
    // The live ones came in between, and not behind it all.
    expect(ids.findIndex((id) => liveIds.has(id))).toBeLessThan(200);

    expect(await backfill()).toContain('0 sent');
    expect(await backfill('--again --type order.placed.v1 --rate 5000')).toBe(
      `150 sent to ${NEWCOMER}; it ignores those that it remembers`,
    );
    const last = orderCancelled(newId());
    await past([last]);
    await backfill('--rate 5000');
    await until('the last', () => handled.some(({ id }) => id === last.id));
    expect(handled).toHaveLength(299 + live.length + 1);
  });

  it('sends the bytes and properties that the relay sent, to this one service, at its rate', async () => {
    const spaced = (event: Event) => JSON.stringify(event, undefined, 3);
    const events = await past(history(12), spaced);
    const from = performance.now();
    await backfill('--type order.placed.v1 --from 2026-01-01T00:00:01Z --to 2026-01-01T00:00:04Z --rate 20');
    // The seventh and on, up to the twenty-eighth, every third of which is one.
    const expected = events.slice(7, 28).filter(({ type }) => type === 'order.placed.v1');
    expect(performance.now() - from).toBeGreaterThan(((expected.length - 1) * 1_000) / 20 - 10);
    for (const event of expected) {
      const { content, properties } = await broker.take(names.queue);
      expect(content.toString()).toBe(spaced(event));
      expect(properties).toMatchObject({
        messageId: event.id,
        type: event.type,
        correlationId: 'c-1',
        appId: 'test',
        contentType: 'application/cloudevents+json',
        deliveryMode: 2,
        timestamp: expect.any(Number),
      });
    }
    expect(await broker.isEmpty(names.queue)).toBe(true);
    expect(await broker.isEmpty(OLDER)).toBe(true);
  });

  it('waits while the service does not keep up, and goes on from where it was stopped', async () => {
    const events = await past(history(40));
    const stopping = new AbortController();
    const stopped = backfill('--rate 5000 --waiting 30', stopping.signal);
    const waiting = async () => (await broker.channel.checkQueue(names.queue)).messageCount;
    await until('a full waiting room', async () => (await waiting()) === 30);
    stopping.abort();
    const text = await stopped;
    expect(text).toContain(`30 sent to ${NEWCOMER}`);
    const [, position] = /To go on from here: (--from \S+Z)$/.exec(text) ?? [];
    startNewcomer();
    await until('the first', () => handled.length === 30);
    expect(await backfill(`${position} --rate 5000 --waiting 30`)).toContain('50 sent');
    await until('all', () => handled.length === 80);
    expect(handled.map(({ id }) => id)).toEqual(ofNewcomer(events));
  });

  it('goes on past what the service fails on', async () => {
    const events = await past(history(20), (event) =>
      JSON.stringify(event.type === 'order.placed.v1' ? { ...event, data: {} } : event),
    );
    startNewcomer();
    // Twice as many fail as may wait.
    expect(await backfill('--rate 5000 --waiting 10')).toContain('40 sent');
    await until('the good ones', () => handled.length === 20);
    expect(handled.map(({ id }) => id)).toEqual(
      events.filter(({ type }) => type === 'order.cancelled.v1').map(({ id }) => id),
    );
  });

  it('sends nothing in a dry run, and says what is wrong', async () => {
    await past(history(5));
    expect(await backfill('--dry-run')).toMatch(
      /TYPE +PUBLISHED +HANDLED +WOULD BE SENT\norder\.cancelled\.v1 +5 +0 +5\norder\.placed\.v1 +5 +0 +5$/,
    );
    expect(await broker.isEmpty(names.queue)).toBe(true);
    await expect(backfill('--type order.placed.v9')).rejects.toThrow('order.placed.v9 is not an event type');
    await expect(backfill('--type inventory.restored.v1')).rejects.toThrow(
      `${NEWCOMER} does not subscribe to inventory.restored.v1. It takes order.cancelled.v1, order.placed.v1.`,
    );
    await db.database.subscription.updateMany({ where: { consumer: NEWCOMER }, data: { until: new Date() } });
    await expect(backfill()).rejects.toThrow(`${NEWCOMER} subscribes to nothing; ${OLDER} does`);
  });

  it('keeps the order of publication, whatever the clocks of the machines that made the ids', async () => {
    const orders = Array.from({ length: 60 }, () => {
      const placed = orderPlaced([{ menu_item_id: newId(), quantity: 1 }]);
      // Made a moment later by a machine whose clock is 40 ms behind.
      return [placed, orderCancelled(placed.subject)].map((event, n) => ({
        ...event,
        id: idAt(Date.now() - 40 * n),
      }));
    });
    const events = orders.flat();
    await db.database.$executeRaw(insertIntoOutbox(events));
    const outbox = new Client({ connectionString: db.url });
    await outbox.connect();
    const { rows } = await outbox.query<{ seq: string }>('SELECT seq FROM outbox_events ORDER BY seq');
    for (let n = 0; n < rows.length; n += 50)
      await markPublished(
        outbox,
        rows
          .slice(n, n + 50)
          .map(({ seq }) => seq)
          .reverse(),
      );
    await outbox.end();
    startNewcomer();
    await backfill('--rate 5000 --waiting 30'); // several pages to each moment
    await until('all', () => handled.length === events.length);
    expect(handled.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  it('has a service without a queue declared first', async () => {
    await past(history(1));
    await broker.channel.deleteQueue(names.queue);
    await expect(backfill()).rejects.toThrow('has no queue: run npm run migrate');
  });
});
