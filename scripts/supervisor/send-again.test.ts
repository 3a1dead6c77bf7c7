import { startConsumer } from '../../shared/messaging/consumer';
import { declareService, parseRetryDelays } from '../../shared/messaging/topology';
import { createLogger } from '../../shared/service/logger';
import { orderCancelled } from '../../shared/testing/events';
import { newId } from '../../shared/ids';
import { createTestBroker, type TestBroker } from '../../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { sendAgain } from './send-again';

// A broker that was made anew: the log and the records are in PostgreSQL, the queues are there and empty.

const CONSUMER = 'rebuilt-service';
const TYPE = 'order.cancelled.v1';

let db: TestDatabase;
let broker: TestBroker;
beforeAll(async () => {
  [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
});
afterAll(() => Promise.all([db.drop(), broker.drop()]));

test('what waited in the queues of a lost broker is handled: undelivered, to be retried, dead; what was handled or discarded is not', async () => {
  const retryDelays = parseRetryDelays('20ms');
  await declareService(broker.channel, CONSUMER, [TYPE], retryDelays);
  await db.database.$executeRaw`
    INSERT INTO subscriptions (consumer, event_type, since) VALUES (${CONSUMER}, ${TYPE}, now() - interval '2 hours')`;
  const [undelivered, retried, dead, handled, discarded] = Array.from({ length: 5 }, () =>
    orderCancelled(newId()),
  );
  const all = [undelivered!, retried!, dead!, handled!, discarded!];
  await db.database.$executeRaw`
    INSERT INTO event_log (event_id, type, subject, correlation_id, body, created_at, published_at)
    SELECT id::uuid, ${TYPE}, subject, 'c-1', body::json, now() - interval '1 hour', now() - interval '1 hour' FROM unnest(
      ${all.map(({ id }) => id)}::text[], ${all.map(({ subject }) => subject)}::text[],
      ${all.map((event) => JSON.stringify(event))}::text[]) AS e (id, subject, body)`;
  for (const [event, outcome] of [
    [retried, 'RETRIED'],
    [dead, 'RETRIED'],
    [dead, 'DEAD_LETTERED'],
    [handled, 'RETRIED'],
    [discarded, 'DEAD_LETTERED'],
    [discarded, 'DISCARDED'],
  ] as const)
    await db.database.deliveryFailure.create({
      data: {
        consumer: CONSUMER,
        eventId: event!.id,
        attempt: 1,
        reason: 'handler_failed',
        error: 'x',
        outcome,
      },
    });
  const handles = { consumer: CONSUMER, eventId: handled!.id, type: TYPE, subject: handled!.subject };
  await db.database.processedEvent.create({ data: handles });
  // It had come past all of them.
  await db.database.$executeRaw`
    INSERT INTO consumer_watermarks (consumer, complete_to, checked_at)
    VALUES (${CONSUMER}, now() - interval '61 minutes', now() - interval '1 minute')`;

  await sendAgain(db.url);
  expect(await seenByAConsumer(retryDelays, 3)).toEqual([undelivered!.id, retried!.id, dead!.id].sort());
}, 60_000);

test('a consumer that never ran has missed everything since it subscribed', async () => {
  await db.database.$executeRaw`
    INSERT INTO subscriptions (consumer, event_type, since) VALUES ('never-ran', ${TYPE}, '2026-01-01T00:00:00Z')`;
  await sendAgain(db.url);
  await sendAgain(db.url); // may be repeated
  const [mark] = await db.database.consumerWatermark.findMany({ where: { consumer: 'never-ran' } });
  expect(mark?.completeTo).toEqual(new Date('2026-01-01T00:00:00Z'));
});

async function seenByAConsumer(
  retryDelays: ReturnType<typeof parseRetryDelays>,
  count: number,
): Promise<string[]> {
  const seen = new Set<string>();
  const consumer = startConsumer({
    name: CONSUMER,
    handlers: {
      [TYPE]: (_tx: unknown, events: readonly { id: string }[]) => {
        for (const { id } of events) seen.add(id);
        return Promise.resolve([]);
      },
    },
    database: db.database,
    rabbitmqUrl: broker.url,
    log: createLogger('test', process.env.TEST_LOG ?? 'silent'),
    batchSize: 10,
    prefetch: 20,
    retryDelays,
  });
  try {
    await until('what was lost', () => seen.size >= count, 40_000);
  } finally {
    await consumer.stop();
  }
  return [...seen].sort();
}
