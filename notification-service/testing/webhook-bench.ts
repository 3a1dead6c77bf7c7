import { randomBytes } from 'node:crypto';
import type { Event } from '../../shared/events/envelope';
import { newId } from '../../shared/ids';
import { createLogger } from '../../shared/service/logger';
import type { Stop } from '../../shared/service/run-service';
import { handle } from '../../shared/testing/handle';
import { seedMenu } from '../../shared/testing/seed';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { deliver } from '../delivery/deliver';
import { handlersOver } from '../handlers';
import { webhooksAbout } from '../webhooks/record-webhooks';
import { openPost, type Post } from '../webhooks/post';
import { webhookChannel, type WebhookSettings } from '../webhooks/webhook-channel';
import { workOne, workRequests } from '../webhooks/work-requests';
import { startReceiver, type Answers, type Receiver } from './receivers';

interface Added {
  id: string;
  secret: string;
}

/** notification-service's part of webhooks over a database of its own, without a broker; receivers are real. */
export interface WebhookBench {
  db: TestDatabase;
  restaurantId: string;
  item: string;
  receiver(answers?: Answers): Promise<Receiver>;
  /** An endpoint, as order-api adds it. */
  add(url: string, more?: { restaurantId?: string; eventTypes?: string[]; paused?: boolean }): Promise<Added>;
  /** Has events handled, as one batch. */
  arrive(...events: Event[]): Promise<void>;
  /** Another instance that delivers. */
  deliver(settings?: Partial<WebhookSettings>): Stop;
  /** Does what order-api asked for. */
  workAll(): Promise<void>;
  /** The deliveries of an endpoint, in the order of their recording. */
  deliveries(webhookId?: string): ReturnType<TestDatabase['database']['notification']['findMany']>;
  attempts(deliveryId: string): Promise<{ detail: unknown; latencyMs: number }[]>;
  /** Until nothing waits any more. */
  settled(): Promise<void>;
  makeDue(): Promise<unknown>;
}

/** As notification-service has them, for webhooks alone. */
export const handlers = handlersOver([webhooksAbout]);
const log = createLogger('test', process.env.TEST_LOG ?? 'silent');
/** Quick, and as many as it takes. */
export const QUICK: readonly number[] = Array(20).fill(10) as number[];

export function openWebhookBench(): WebhookBench {
  let running: Stop[] = [];
  let receivers: Receiver[] = [];
  const post: Post = openPost({ allowPrivate: true });
  const bench = {
    receiver: async (answers) => {
      const one = await startReceiver(answers);
      receivers.push(one);
      return one;
    },
    add: async (url, { restaurantId, eventTypes = [], paused = false } = {}) => {
      const [id, secret] = [newId(), `whsec_${randomBytes(32).toString('base64')}`];
      await bench.db.database.webhookEndpoint.create({
        data: {
          id,
          url,
          eventTypes,
          paused,
          restaurantId: restaurantId ?? null,
          secrets: { create: { id: newId(), secret } },
        },
      });
      return { id, secret };
    },
    arrive: async (...events) => {
      // A batch is of one type.
      for (const event of events) await handle(bench.db.database, 'notification-service', handlers, event);
    },
    deliver: (settings = {}) => {
      const given = { post, retryDelays: QUICK, disableAfterMs: 3_600_000, ...settings };
      const { database } = bench.db;
      const stops = [
        deliver(
          database,
          {
            channels: { WEBHOOK: webhookChannel(database, given, log) },
            concurrency: 64,
            finishMs: 50,
            lookEveryMs: 50,
          },
          log,
        ),
        workRequests(database, log),
      ];
      const stop = async () => void (await Promise.all(stops.map((one) => one())));
      running.push(stop);
      return stop;
    },
    workAll: async () => {
      while (await workOne(bench.db.database, log));
    },
    deliveries: (webhookId) =>
      bench.db.database.notification.findMany({
        where: { channel: 'WEBHOOK', ...(webhookId ? { recipient: webhookId } : {}) },
        orderBy: { id: 'asc' },
      }),
    attempts: (notificationId) =>
      bench.db.database.notificationAttempt.findMany({
        where: { notificationId },
        orderBy: { id: 'asc' },
        select: { detail: true, latencyMs: true },
      }),
    settled: () =>
      until(
        'all to be settled',
        async () => (await bench.db.database.notification.count({ where: { status: 'PENDING' } })) === 0,
      ).then(() => undefined),
    makeDue: () =>
      bench.db.database
        .$executeRaw`UPDATE notifications SET next_attempt_at = now() WHERE status = 'PENDING' AND claim IS NULL`,
  } as WebhookBench;
  beforeAll(async () => {
    bench.db = await createTestDatabase();
    const menu = await seedMenu(bench.db.database, [5]);
    bench.restaurantId = menu.restaurantId;
    bench.item = menu.items[0]!;
  });
  afterAll(() => bench.db?.drop());
  beforeEach(
    () =>
      bench.db.database
        .$executeRaw`TRUNCATE notifications, notification_batches, notification_attempts, webhook_endpoints CASCADE`,
  );
  afterEach(async () => {
    await Promise.all(running.map((stop) => stop()));
    await Promise.all(receivers.map((one) => one.stop()));
    [running, receivers] = [[], []];
  });
  return bench;
}
