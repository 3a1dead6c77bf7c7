import { Client } from 'pg';
import { countByHand, countOfRows } from '../../analytics-service/testing/count-by-hand';
import { readAll } from '../../analytics-service/testing/read-all';
import { at, anOrder, eventsOf, type ToldOrder } from '../../analytics-service/testing/told-orders';
import { handlers } from '../../analytics-service/handlers';
import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { sessionConfig } from '../../shared/service/session-settings';
import { anEvent } from '../../shared/testing/events';
import { handle } from '../../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { rebuild, type RebuildOptions } from './rebuild';
import { runAnalytics } from './run-analytics';

let db: TestDatabase;
beforeEach(async () => void (db = await createTestDatabase()));
afterEach(() => db.drop());

const analytics = (...events: Event[]) => handle(db.database, 'analytics-service', handlers, ...events);
const restaurants = [newId(), newId()];
const someOrder = (n: number): ToldOrder =>
  anOrder({
    restaurant: restaurants[n % 2],
    placed: n % 50,
    preparing: (n % 50) + 1,
    ...(n % 3 === 0 ? { cancelled: (n % 50) + 2 } : {}),
    ...(n % 5 === 0 ? { out: (n % 50) + 3, delivered: (n % 50) + 9 } : {}),
  });

const waiting = (event: Event) => ({
  eventId: event.id,
  type: event.type,
  subject: event.subject,
  correlationId: event.correlationid,
  body: event as unknown as object,
});
const row = (event: Event, publishedAt: Date, seq: number) => ({
  ...waiting(event),
  createdAt: publishedAt,
  publishedAt,
  seq,
});
let seq = 0;
/** In the log, as the relay leaves them there. */
const publish = (events: readonly Event[], when = new Date(Date.now() - 3_600_000)) =>
  db.database.eventLog.createMany({ data: events.map((event) => row(event, when, (seq += 1))) });

async function rebuilt(more: Partial<RebuildOptions> = {}) {
  const client = new Client(sessionConfig(db.url, { kind: 'command', applicationName: 'test' }));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await rebuild({
      client,
      database: db.database,
      stopping: new AbortController().signal,
      pageSize: 7,
      ...more,
    });
  } finally {
    await client.end();
  }
}
const counted = async () => countOfRows(await readAll(db.database));
const generations = async () =>
  (await db.database.analyticsGeneration.findMany({ orderBy: { id: 'asc' } })).map(
    ({ id, state }) => `${id} ${state}`,
  );

it('ends with the same numbers, of all that is in the log', async () => {
  const orders = Array.from({ length: 60 }, (_, n) => someOrder(n));
  const facts = {
    menu_item_id: newId(),
    restaurant_id: restaurants[0]!,
    name: 'Dal',
    low_stock_threshold: 5,
  };
  const alert = anEvent('inventory.low_stock.v1', facts.menu_item_id, { ...facts, available_qty: 2 });
  const events: Event[] = [...orders.flatMap(eventsOf), alert];
  for (const event of events) await analytics(event);
  await publish(events);
  const before = await readAll(db.database);
  expect(before.alerts).toHaveLength(1);
  expect(countOfRows(before)).toEqual(countByHand(orders));
  expect(await rebuilt()).toMatchObject({ done: true, counted: events.length, unreadable: 0 });
  expect(await readAll(db.database)).toEqual(before);
  expect(await generations()).toEqual(['2 LIVE']);
  expect(await db.database.analyticsOrder.count()).toBe(60);
});

it('ends with the right numbers while events arrive: handled late, twice, before they are in the log, or not yet', async () => {
  const orders = Array.from({ length: 120 }, (_, n) => someOrder(n));
  const events = orders.flatMap(eventsOf);
  const [past, during] = [events.slice(0, 150), events.slice(150)];
  for (let n = 0; n < past.length; n += 50)
    for (const event of past.slice(n, n + 50))
      if (event.type !== 'order.cancelled.v1') await analytics(event);
  await publish(past);
  let done = false;
  let failed: unknown;
  /** Two instances, and a relay that is later with the log than they are with the work. */
  const live = Promise.all(
    [0, 1].map(async (instance) => {
      const mine = [...past.filter((event) => event.type === 'order.cancelled.v1'), ...during].filter(
        (_, n) => n % 2 === instance,
      );
      for (const [n, event] of mine.entries()) {
        const isPast = past.includes(event);
        if (!isPast) await db.database.outboxEvent.create({ data: waiting(event) });
        await analytics(event, ...(n % 4 === 0 ? [{ ...event, id: newId() }] : []));
        if (isPast) continue;
        await db.database.$transaction([
          db.database.outboxEvent.deleteMany({ where: { eventId: event.id } }),
          db.database.eventLog.create({ data: row(event, new Date(), (seq += 1)) }),
        ]);
      }
    }),
  ).then(
    () => void (done = true),
    (error: unknown) => void (failed = error),
  );
  let rebuilds = 0;
  while (!done && failed === undefined) {
    await rebuilt({ pageSize: 40 });
    rebuilds += 1;
  }
  await live;
  expect(failed).toBeUndefined();
  expect(rebuilds).toBeGreaterThan(1);
  expect(await counted()).toEqual(countByHand(orders));
  await rebuilt({ pageSize: 1_000 });
  expect(await counted()).toEqual(countByHand(orders));
});

it('counts what was handled before it was in the log', async () => {
  const order = someOrder(4);
  const [placed, preparing] = eventsOf(order);
  await analytics(placed!);
  await analytics(preparing!);
  await publish([preparing!], new Date());
  await db.database.outboxEvent.create({ data: waiting(placed!) });
  await rebuilt();
  expect(await counted()).toEqual(countByHand([order]));
});

it('shows what it showed until it has finished, and after being interrupted', async () => {
  const orders = Array.from({ length: 20 }, (_, n) => someOrder(n));
  const events = orders.flatMap(eventsOf);
  for (const event of events) await analytics(event);
  await publish(events);
  const before = await readAll(db.database);
  const stop = new AbortController();
  const seen: unknown[] = [];
  const result = await rebuilt({
    stopping: stop.signal,
    progress: () => {
      stop.abort();
    },
  });
  expect(result.done).toBe(false);
  seen.push(await readAll(db.database));
  expect(seen).toEqual([before]);
  expect(await generations()).toEqual(['1 LIVE']);
  await expect(
    rebuilt({
      progress: () => {
        throw new Error('the process is killed');
      },
    }),
  ).rejects.toThrow('killed');
  expect(await readAll(db.database)).toEqual(before);
});

it('takes up after one that was killed: what it left is deleted', async () => {
  const orders = [someOrder(1), someOrder(2)];
  const events = orders.flatMap(eventsOf);
  await publish(events);
  await db.database.analyticsGeneration.create({ data: { id: 2, state: 'BUILDING' } });
  await analytics(events[0]!); // counted in both
  expect(await db.database.analyticsOrder.count()).toBe(2);
  await rebuilt();
  expect(await generations()).toEqual(['2 LIVE']);
  expect(await counted()).toEqual(countByHand(orders));
});

it('forgets that it handled what is in no history, and nothing else', async () => {
  const [kept, gone] = [eventsOf(someOrder(1))[0]!, eventsOf(someOrder(2))[0]!];
  await analytics(kept, gone);
  await db.database.processedEvent.create({
    data: { consumer: 'status-service', eventId: gone.id, type: gone.type, subject: gone.subject },
  });
  await publish([kept]);
  await rebuilt();
  const left = await db.database.processedEvent.findMany({ orderBy: { consumer: 'asc' } });
  expect(left.map(({ consumer, eventId }) => [consumer, eventId])).toEqual([
    ['analytics-service', kept.id],
    ['status-service', gone.id],
  ]);
  await analytics(gone);
  expect((await db.database.analyticsOrder.findMany()).map(({ orderId }) => orderId).sort()).toEqual(
    [kept.subject, gone.subject].sort(),
  );
});

it('has forgotten it also where it is killed the moment that its numbers are shown', async () => {
  const gone = eventsOf(someOrder(2))[0]!;
  await analytics(gone);
  const client = new Client(sessionConfig(db.url, { kind: 'command', applicationName: 'test' }));
  await client.connect();
  const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
  let isShown = false;
  client.query = (async (...args: unknown[]) => {
    if (isShown) throw new Error('the process is killed');
    const result = await query(...args);
    isShown = args[0] === 'COMMIT' && (await generations()).includes('2 LIVE');
    return result;
  }) as never;
  await expect(rebuilt({ client })).rejects.toThrow('killed');
  await client.end();
  await analytics(gone);
  expect((await readAll(db.database)).orders).toHaveLength(1);
});

it('says since when there is history, and what it could not read', async () => {
  const events = eventsOf(someOrder(1));
  await publish(events, at(0));
  await publish([{ ...events[0]!, id: newId(), data: { nonsense: true } } as unknown as Event], at(1));
  const printed: string[] = [];
  const run = {
    databaseUrl: () => db.url,
    print: (text: string) => printed.push(text),
    stopping: new AbortController().signal,
  };
  expect(await runAnalytics({ ...run, args: ['rebuild'] })).toBe(0);
  await runAnalytics({ ...run, args: ['status'] });
  expect(printed).toEqual([
    `Rebuilt from ${events.length} events. History is there since ${at(0).toISOString()}.`,
    '1 events of the log could not be read, and are not counted.',
    `1 orders are counted, complete since ${at(0).toISOString()}.`,
  ]);
  await expect(runAnalytics({ ...run, args: ['rebuild', 'now'] })).rejects.toThrow('not understood');
});

it('is done by one at a time', async () => {
  const client = new Client(sessionConfig(db.url, { kind: 'command', applicationName: 'test' }));
  await client.connect();
  await client.query('SELECT pg_advisory_lock($1, $2)', [0x6d657368, 0x616e616c]);
  await expect(rebuilt()).rejects.toThrow('Another rebuild is running');
  await client.end();
});
