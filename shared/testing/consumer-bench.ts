import { announce, causedBy } from '../events/announce';
import type { Event } from '../events/envelope';
import { newId } from '../ids';
import { startConsumer, type Consumer, type ConsumerOptions } from '../messaging/consumer';
import type { Handler, HandlerTable } from '../messaging/handler';
import { EVENTS_EXCHANGE, parseRetryDelays, serviceNames } from '../messaging/topology';
import { createLogger } from '../service/logger';
import { anEvent } from './events';
import { createTestBroker, type TestBroker } from './test-broker';
import { createTestDatabase, transactionsOf, type TestDatabase } from './test-database';
import { until } from './until';

export const SERVICE = 'test-service';
export const TYPE = 'inventory.out_of_stock.v1';
export const names = serviceNames(SERVICE);

/** A database for a test file, a virtual host for each test, and consumers on them. */
export interface ConsumerBench {
  db: TestDatabase;
  broker: TestBroker;
  /** Starts a consumer of {@link TYPE}, called {@link SERVICE}, and waits until it is attached. */
  start(handler: Handler<typeof TYPE>, more?: Partial<ConsumerOptions>): Promise<Consumer>;
  /** Publishes to the exchange, as the relay does. */
  publish(...events: (Event | Buffer)[]): void;
  /** Is called when the test is over, after the consumers are stopped. */
  cleanUp(work: () => Promise<void>): void;
  /** How often the event was handled by {@link trace}. */
  traces(event: Event): Promise<number>;
  /** Whether it is on record as handled: 0 or 1. */
  processed(event: Event): Promise<number>;
}

/**
 * Makes one for a test file; what it returns is filled before the tests run.
 * @param server another RabbitMQ than the run's
 */
export function openConsumerBench(server?: () => { amqp: string; management: string }): ConsumerBench {
  const log = createLogger('test', process.env.TEST_LOG ?? 'silent');
  let running: Consumer[] = [];
  let cleanUps: (() => Promise<void>)[] = [];
  const bench = {
    start: async (handler, more = {}) => {
      const handlers: HandlerTable = { [TYPE]: handler };
      const consumer = startConsumer({
        name: SERVICE,
        handlers,
        database: bench.db.database,
        transactions: transactionsOf(more.database ?? bench.db.database),
        rabbitmqUrl: bench.broker.url,
        log,
        batchSize: 50,
        prefetch: 100,
        retryDelays: parseRetryDelays('20ms,40ms'),
        ...more,
      });
      running.push(consumer);
      await until('the consumer to be attached', () => consumer.isReady());
      return consumer;
    },
    publish: (...events) => {
      for (const event of events) {
        const body = Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event));
        const messageId = Buffer.isBuffer(event) ? undefined : event.id;
        bench.broker.channel.publish(EVENTS_EXCHANGE, TYPE, body, { persistent: true, messageId });
      }
    },
    cleanUp: (work) => void cleanUps.push(work),
    traces: (event) => bench.db.database.notification.count({ where: { text: event.id } }),
    processed: (event) =>
      bench.db.database.processedEvent.count({ where: { consumer: SERVICE, eventId: event.id } }),
  } as ConsumerBench;

  beforeAll(async () => void (bench.db = await createTestDatabase()));
  afterAll(() => bench.db?.drop());
  beforeEach(async () => void (bench.broker = await createTestBroker(server?.())));
  afterEach(async () => {
    await Promise.all(running.map((consumer) => consumer.stop()));
    running = [];
    for (const cleanUp of cleanUps) await cleanUp();
    cleanUps = [];
    await bench.broker.drop();
  });
  return bench;
}

/** A handler that leaves a trace in the database for each event it was given, and announces something. */
export const trace: Handler<typeof TYPE> = async (tx, events) => {
  const rows = events.map((event) => ({
    id: newId(),
    event_id: newId(), // on purpose no unique key: a second handling would show
    event_type: event.type,
    restaurant_id: event.data.restaurant_id,
    menu_item_id: event.data.menu_item_id,
    text: event.id,
    correlation_id: event.correlationid,
    batch_id: newId(),
  }));
  await tx.$executeRaw`
    INSERT INTO notifications (id, event_id, event_type, audience, restaurant_id, menu_item_id, title, text, correlation_id, batch_id)
    SELECT id, event_id, event_type, 'RESTAURANT', restaurant_id, menu_item_id, 'trace', text, correlation_id, batch_id
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS n (id uuid, event_id uuid, event_type text, restaurant_id uuid,
      menu_item_id uuid, text text, correlation_id text, batch_id uuid)`;
  return events.map((event) =>
    announce(causedBy(event), 'inventory.low_stock.v1', event.subject, event.data),
  );
};

export const soldOut = (): Event<typeof TYPE> => {
  const menu_item_id = newId();
  return anEvent(TYPE, menu_item_id, {
    menu_item_id,
    restaurant_id: newId(),
    name: 'Dal',
    available_qty: 0,
    low_stock_threshold: 10,
  });
};

/** A gate that handlers wait at, so that a test decides what arrives together. */
export function gate() {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}
