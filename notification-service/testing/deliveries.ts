import { newId } from '../../shared/ids';
import { createLogger } from '../../shared/service/logger';
import type { Stop } from '../../shared/service/run-service';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import type { Channel } from '../delivery/channel';
import { deliver } from '../delivery/deliver';
import { recordNotifications, type NewNotification } from '../delivery/record-notifications';

/** A database for a test file, and deliveries on it that are stopped after each test. */
export interface DeliveryBench {
  db: TestDatabase;
  /** Another instance that delivers. */
  deliver(channels: Record<string, Channel>, concurrency?: number, lookEveryMs?: number): Stop;
  record(...notifications: Partial<NewNotification>[]): Promise<void>;
  /** The notifications, in the order of their recording. */
  stored(): ReturnType<TestDatabase['database']['notification']['findMany']>;
  /** Until nothing waits any more. */
  settled(): Promise<void>;
  /** Has what waits, and what somebody has claimed, be due. */
  makeDue(): Promise<unknown>;
}

export function openDeliveryBench(): DeliveryBench {
  let running: Stop[] = [];
  const log = createLogger('test', process.env.TEST_LOG ?? 'silent');
  const bench = {
    deliver: (channels, concurrency = 32, lookEveryMs = 50) => {
      const stop = deliver(bench.db.database, { channels, concurrency, finishMs: 50, lookEveryMs }, log);
      running.push(stop);
      return stop;
    },
    record: (...notifications) =>
      bench.db.database.$transaction((tx) =>
        recordNotifications(
          tx,
          notifications.map((one) => aNotification(one)),
        ),
      ),
    stored: () => bench.db.database.notification.findMany({ orderBy: { id: 'asc' } }),
    settled: () =>
      until(
        'all to be settled',
        async () => (await bench.db.database.notification.count({ where: { status: 'PENDING' } })) === 0,
      ).then(() => undefined),
    makeDue: () =>
      bench.db.database
        .$executeRaw`UPDATE notifications SET next_attempt_at = now() WHERE status = 'PENDING'`,
  } as DeliveryBench;
  beforeAll(async () => void (bench.db = await createTestDatabase()));
  afterAll(() => bench.db?.drop());
  beforeEach(
    () => bench.db.database.$executeRaw`TRUNCATE notifications, notification_batches, notification_attempts`,
  );
  afterEach(async () => {
    await Promise.all(running.map((stop) => stop()));
    running = [];
  });
  return bench;
}

export const aNotification = (more: Partial<NewNotification> = {}): NewNotification => ({
  eventId: newId(),
  eventSource: '/test',
  eventType: 'order.placed.v1',
  channel: 'EMAIL',
  recipient: 'maya@example.com',
  lane: (more.channel ?? 'EMAIL').toLowerCase(),
  correlationId: newId(),
  ...more,
});

/** A channel that does as the function says. */
export const aChannel = (send: Channel['send'], more: Partial<Channel> = {}): Channel => ({
  concurrency: 4,
  timeoutMs: 10_000,
  retryDelays: [20, 20, 20],
  send,
  ...more,
});
