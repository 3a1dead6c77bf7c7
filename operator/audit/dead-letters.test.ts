import { newId } from '../../shared/ids';
import { declareService, parseRetryDelays, serviceNames } from '../../shared/messaging/topology';
import { createTestBroker, type TestBroker } from '../../shared/testing/test-broker';
import type { TestDatabase } from '../../shared/testing/test-database';
import { until } from '../../shared/testing/until';
import { runDlq } from '../dlq/run-dlq';
import { deadLetterQueuesAt } from './dead-letter-queues';
import { formatReport } from './format-report';
import { checkOf, createUnguarded, violations, warnings, writeAnew, type Audited } from './testing/audited';
import { stories } from './testing/stories';

const CONSUMER = 'inventory-service';
const { deadLetterQueue } = serviceNames(CONSUMER);
const HOUR = 3_600_000;

let db: TestDatabase;
let broker: TestBroker;
let audited: Audited;
beforeAll(async () => (db = await createUnguarded()));
afterAll(() => db.drop());
beforeEach(async () => {
  audited = await writeAnew(db);
  broker = await createTestBroker();
  await declareService(broker.channel, CONSUMER, ['order.cancelled.v1'], parseRetryDelays('20ms'));
});
afterEach(() => broker.drop());

/** A cancelled order that holds its stock, and its event, which inventory-service has given up. */
async function restorationGivenUp(agoMs: number): Promise<{ order: string; event: string }> {
  const order = audited.history.order({ ...stories.cancelled, reservation: 'DEDUCTED', stock: [-1] });
  const about = `subject = '${order}' AND type = 'order.cancelled.v1'`;
  await audited.sql(`DELETE FROM processed_events WHERE ${about}`, `DELETE FROM event_log WHERE ${about}`);
  const event = audited.history.published('order.cancelled.v1', order, { butNotBy: [CONSUMER] });
  await audited.sql(deadLettered(event, agoMs));
  broker.channel.publish(CONSUMER, 'dlq', Buffer.from(JSON.stringify({ id: event })), {
    messageId: event,
    persistent: true,
    headers: { 'x-reason': 'handler_failed' },
  });
  await until(
    'it to be there',
    async () => (await broker.channel.checkQueue(deadLetterQueue)).messageCount > 0,
  );
  return { order, event };
}

const deadLettered = (event: string, agoMs: number) =>
  `INSERT INTO delivery_failures (consumer, event_id, type, attempt, reason, error, outcome, failed_at)
   VALUES ('${CONSUMER}', '${event}', 'order.cancelled.v1', 6, 'handler_failed', 'x', 'DEAD_LETTERED', now() - interval '${agoMs} milliseconds')`;

const run = (more = {}) => audited.run({ queues: deadLetterQueuesAt(broker.url), ...more });

const dlq = (args: string) =>
  runDlq({
    args: args.split(' '),
    rabbitmqUrl: () => broker.url,
    databaseUrl: () => db.url,
    user: () => 'asha',
    services: () => [CONSUMER],
    print: () => undefined,
    warn: () => undefined,
    stopping: new AbortController().signal,
  });

it('a young dead letter in its queue is a warning', async () => {
  const { order, event } = await restorationGivenUp(HOUR);
  const report = await run();
  expect(violations(report)).toEqual([]);
  expect(warnings(report)).toEqual([`cancelled-stock: ${order}`, `events-handled: ${event}`]);
  expect(checkOf(report, 'dead-letters-kept')).toMatchObject({ judged: 1, violations: 0 });
  expect(checkOf(report, 'dead-letters-decided')).toMatchObject({ judged: 1, underWay: 1 });
});

it('one that nobody has decided about for too long is a broken promise, as is what it leaves undone', async () => {
  const { order, event } = await restorationGivenUp(25 * HOUR);
  const broken = [`cancelled-stock: ${order}`, `dead-letters-decided: ${event}`, `events-handled: ${event}`];
  expect(violations(await run()).sort()).toEqual(broken);
  // Also where nobody said where the queues are.
  const alone = await audited.run();
  expect(violations(alone).sort()).toEqual(broken);
  expect(formatReport(alone)).toContain('where RabbitMQ is was not said: RABBITMQ_URL');
  expect((await run({ deadLetterGraceMs: 26 * HOUR })).ok).toBe(true);
});

it.each([
  ['purged', () => broker.channel.purgeQueue(deadLetterQueue)],
  ['deleted', () => broker.channel.deleteQueue(deadLetterQueue)],
])('one whose queue was %s is a broken promise at once', async (_how, loseThem) => {
  const { order, event } = await restorationGivenUp(HOUR);
  await loseThem();
  const report = await run();
  expect(violations(report).sort()).toEqual([
    `cancelled-stock: ${order}`,
    `dead-letters-kept: ${event}`,
    `events-handled: ${event}`,
  ]);
  expect(checkOf(report, 'cancelled-stock').findings[0]?.problem).toContain('is in no queue any more');
  expect(report.ok).toBe(false);
});

it('one that was replayed is under way, and late after the grace', async () => {
  const { event } = await restorationGivenUp(25 * HOUR);
  await dlq('replay --all');
  const report = await run();
  expect(violations(report)).toEqual([]);
  expect(checkOf(report, 'events-handled').underWay).toBe(1);
  await audited.sql(
    `UPDATE delivery_failures SET failed_at = now() - interval '1 hour' WHERE outcome = 'REPLAYED'`,
  );
  expect(violations(await run())).toContain(`events-handled: ${event}`);
});

it('one that was discarded is a decision; what it leaves undone is still wrong', async () => {
  const { order, event } = await restorationGivenUp(25 * HOUR);
  await dlq('discard --all --yes');
  const report = await run();
  expect(violations(report)).toEqual([`cancelled-stock: ${order}`]);
  expect(warnings(report)).toEqual([`events-handled: ${event}`]);
  expect(formatReport(report)).toContain('was discarded');
});

it("of a stranger's message nothing was promised: its loss is a warning", async () => {
  const id = newId();
  await audited.sql(deadLettered(id, HOUR));
  const report = await run();
  expect([report.ok, warnings(report)]).toEqual([true, [`dead-letters-kept: ${id}`]]);
});

it('says so when the queues cannot be read, or somebody else reads them', async () => {
  await restorationGivenUp(HOUR);
  await broker.channel.consume(deadLetterQueue, () => undefined);
  const [read, away] = [await run(), await audited.run({ queues: deadLetterQueuesAt('amqp://127.0.0.1:1') })];
  expect(checkOf(read, 'dead-letters-kept').unknown).toContain('is being read by another command');
  expect(checkOf(away, 'dead-letters-kept').unknown).toContain('RabbitMQ at 127.0.0.1:1 cannot be reached');
  expect([read.ok, away.ok]).toEqual([false, false]);
});
