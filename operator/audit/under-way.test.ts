import { formatReport } from './format-report';
import { Client } from 'pg';
import { dropPartitions, firstIdOf, makePartitions } from '../../shared/history/partitions';
import { newId } from '../../shared/ids';
import type { TestDatabase } from '../../shared/testing/test-database';
import { stories } from './testing/stories';
import { checkOf, createUnguarded, writeAnew, violations, warnings, type Audited } from './testing/audited';

const DAY = 86_400_000;
const today = Math.floor(Date.now() / DAY) * DAY;

let db: TestDatabase;
let audited: Audited;
beforeAll(async () => (db = await createUnguarded()));
afterAll(() => db.drop());
beforeEach(async () => (audited = await writeAnew(db)));

/** A cancelled order that still holds its stock, and the event that will change that. */
async function cancelledAndHolding(
  event: 'unpublished' | 'unhandled',
  at: Date,
): Promise<{ order: string; event: string }> {
  const order = audited.history.order({ ...stories.cancelled, reservation: 'DEDUCTED', stock: [-1] });
  const subject = `subject = '${order}' AND type = 'order.cancelled.v1'`;
  await audited.sql(
    `DELETE FROM processed_events WHERE ${subject}`,
    `DELETE FROM event_log WHERE ${subject}`,
  );
  if (event === 'unpublished')
    return { order, event: audited.history.waiting('order.cancelled.v1', order, { at }) };
  return {
    order,
    event: audited.history.published('order.cancelled.v1', order, {
      at,
      butNotBy: ['inventory-service'],
    }),
  };
}

const failure = (eventId: string, outcome: string, secondsAgo: number) =>
  audited.sql(`INSERT INTO delivery_failures (consumer, event_id, attempt, reason, error, outcome, failed_at)
    VALUES ('inventory-service', '${eventId}', 1, 'handler_failed', 'x', '${outcome}', now() - interval '${secondsAgo} seconds')`);

it('what waits for a part that is paused is under way, however long', async () => {
  const old = new Date(Date.now() - 600_000);
  await cancelledAndHolding('unhandled', old);
  await cancelledAndHolding('unpublished', old);
  expect(violations(await audited.run())).not.toEqual([]);
  await audited.sql(`INSERT INTO pauses (part, paused_by, why) VALUES ('inventory-service', 'asha', 'stock take'),
    ('outbox-publisher', 'asha', 'stock take')`);
  expect(violations(await audited.run())).toEqual([]);
  await audited.sql(
    `UPDATE pauses SET paused_at = now() - interval '1 hour', resumed_at = now() - interval '10 minutes'`,
  );
  expect(violations(await audited.run())).not.toEqual([]);
  await audited.sql('DELETE FROM pauses');
});

describe('an order with events under way', () => {
  it.each(['unpublished', 'unhandled'] as const)(
    'is not judged while its event is %s and young',
    async (kind) => {
      await cancelledAndHolding(kind, new Date());
      const report = await audited.run();
      expect(violations(report)).toEqual([]);
      expect(checkOf(report, 'cancelled-stock').underWay).toBe(1);
      expect(checkOf(report, kind === 'unhandled' ? 'events-handled' : 'outbox').underWay).toBe(1);
    },
  );

  it.each(['unpublished', 'unhandled'] as const)(
    'is blamed, with what it waits for, when it is %s for too long',
    async (kind) => {
      const { order, event } = await cancelledAndHolding(kind, audited.history.at);
      const report = await audited.run();
      const waiting = kind === 'unhandled' ? 'events-handled' : 'outbox';
      expect(violations(report).sort()).toEqual([`cancelled-stock: ${order}`, `${waiting}: ${event}`]);
      const consumer = kind === 'unhandled' ? 'inventory-service' : 'outbox-publisher';
      expect(checkOf(report, 'cancelled-stock').findings[0]?.problem).toContain(
        `waits for order.cancelled.v1 ${event} at ${consumer} since`,
      );
      expect((await audited.run({ graceMs: 7_200_000 })).ok).toBe(true);
    },
  );

  it('is not judged while a failed delivery waits in its retry queue', async () => {
    const { event } = await cancelledAndHolding('unhandled', audited.history.at);
    await failure(event, 'RETRIED', 400);
    expect((await audited.run({ longestRetryMs: 300_000 })).ok).toBe(true);
    expect((await audited.run({ longestRetryMs: 200_000 })).ok).toBe(false);
  });

  it('is not judged before its retry is due, whatever ladder that is of', async () => {
    const { event } = await cancelledAndHolding('unhandled', audited.history.at);
    await failure(event, 'RETRIED', 400);
    const run = () => audited.run({ longestRetryMs: 1_000 });
    expect((await run()).ok).toBe(false);
    await audited.sql(
      `UPDATE delivery_failures SET retry_at = now() + interval '1 minute' WHERE event_id = '${event}'`,
    );
    expect((await run()).ok).toBe(true);
  });

  it('is a warning when its event is a dead letter', async () => {
    const { order, event } = await cancelledAndHolding('unhandled', audited.history.at);
    await failure(event, 'RETRIED', 5);
    await failure(event, 'DEAD_LETTERED', 4);
    const report = await audited.run();
    expect([report.ok, violations(report)]).toEqual([true, []]);
    expect(warnings(report)).toEqual([`cancelled-stock: ${order}`, `events-handled: ${event}`]);
    expect(formatReport(report)).toContain(
      `order.cancelled.v1 about ${order} is a dead letter of inventory-service`,
    );
  });

  it('is not excused by somebody else being slow', async () => {
    const id = audited.history.order({ ...stories.cancelled, reservation: 'DEDUCTED', stock: [-1] });
    await audited.sql(
      `DELETE FROM processed_events WHERE subject = '${id}' AND consumer = 'notification-service'`,
    );
    await audited.sql(`UPDATE event_log SET published_at = now() WHERE subject = '${id}'`);
    expect(violations(await audited.run())).toEqual([`cancelled-stock: ${id}`]);
  });

  it('may be placed and wait for its stock, or have it and wait for its status', async () => {
    const id = audited.history.order({ ...stories.placed, reservation: 'DEDUCTED', stock: [-1] });
    audited.history.published('inventory.deducted.success.v1', id, {
      at: new Date(),
      butNotBy: ['status-service'],
    });
    const other = audited.history.order(stories.placed);
    audited.history.published('inventory.deducted.success.v1', other);
    await audited.sql(`UPDATE orders SET placed_at = now() WHERE id = '${other}'`);
    const report = await audited.run();
    expect(violations(report)).toEqual([]);
    expect(checkOf(report, 'placed-orders').underWay).toBe(1);
  });
});

describe('subscriptions and retention', () => {
  it('counts only who had subscribed when an event was published', async () => {
    const times = { before: "now() - interval '2 hours'", after: "now() - interval '10 minutes'" };
    const subscribe = (consumer: string, since: string, until = 'NULL') =>
      audited.sql(
        `INSERT INTO subscriptions (consumer, event_type, since, until) VALUES ('${consumer}', 'order.placed.v1', ${since}, ${until})`,
      );
    await subscribe('late-service', times.after);
    await subscribe('gone-service', times.before, "now() - interval '90 minutes'");
    expect((await audited.run()).ok).toBe(true);
    await subscribe('deaf-service', times.before);
    const placed = await audited.db.database.eventLog.count({ where: { type: 'order.placed.v1' } });
    expect(checkOf(await audited.run({ limit: 2 }), 'events-handled')).toMatchObject({
      violations: placed,
      findings: { length: 2 },
    });
  });

  it('does not miss history that retention has dropped', async () => {
    const client = new Client({ connectionString: db.url });
    await client.connect();
    try {
      await audited.sql(
        'DELETE FROM processed_events',
        'DELETE FROM event_log',
        "UPDATE order_status_history SET moved_at = now() - interval '3 days'",
        "UPDATE payment_moves SET moved_at = now() - interval '3 days'",
        "UPDATE payment_ledger SET recorded_at = now() - interval '3 days'",
      );
      await makePartitions(client, today - DAY);
      const [yesterdays, todays] = [newId(), newId()].map((subject) =>
        audited.history.published('payment.completed.v1', subject, {
          butNotBy: ['notification-service'],
        }),
      );
      await audited.sql(
        `UPDATE event_log SET event_id = '${firstIdOf(today - DAY / 2)}' WHERE event_id = '${yesterdays}'`,
      );
      expect(violations(await audited.run())).toEqual([
        `events-handled: ${firstIdOf(today - DAY / 2)}`,
        `events-handled: ${todays}`,
      ]);
      expect(violations(await audited.run({ since: new Date(today) }))).toEqual([
        `events-handled: ${todays}`,
      ]);

      const retention = { event_log: 90 * DAY, processed_events: DAY / 2 };
      expect(await dropPartitions(client, retention, today + 0.75 * DAY)).toHaveLength(1);
      expect(violations(await audited.run())).toEqual([`events-handled: ${todays}`]);
    } finally {
      await dropPartitions(client, { event_log: 0, processed_events: 0 }, today + 30 * DAY);
      await client.end();
    }
  });

  it('judges today where partitions lie ahead and today is in the default one', async () => {
    const client = new Client({ connectionString: db.url });
    await client.connect();
    try {
      expect(await makePartitions(client)).toHaveLength(14);
      const id = audited.history.published('order.placed.v1', audited.orders.draft);
      expect(violations(await audited.run())).toEqual([`moves-announced: ${audited.orders.draft}`]);
      await audited.sql(
        `DELETE FROM processed_events WHERE event_id = '${id}' AND consumer = 'inventory-service'`,
      );
      expect(violations(await audited.run())).toContain(`events-handled: ${id}`);
    } finally {
      await dropPartitions(client, { event_log: 0, processed_events: 0 }, today + 30 * DAY);
      await client.end();
    }
  });
});

it('warns of an event that the broker refuses, before it is stuck', async () => {
  const id = audited.history.waiting('order.status.preparing.v1', newId(), {
    at: new Date(),
    attempts: 3,
  });
  const report = await audited.run();
  expect([report.ok, warnings(report)]).toEqual([true, [`outbox: ${id}`]]);
  expect(checkOf(report, 'outbox').findings[0]?.problem).toContain('refused 3 times: no queue took it');
});

it('names no more than asked for, counts all, and makes only the checks asked for', async () => {
  await audited.sql("UPDATE orders SET total_amount = 1 WHERE status <> 'DRAFT'");
  const all = Object.keys(stories).length - 1;
  const report = await audited.run({ only: ['totals', 'held-stock'], limit: 3 });
  expect(report.checks.map(({ name }) => name)).toEqual(['held-stock', 'totals']);
  expect(checkOf(report, 'totals')).toMatchObject({
    judged: all,
    violations: all - 1,
    findings: { length: 3 },
  });
  expect(formatReport(report)).toContain(`… and ${all - 4} more: --only totals --limit ${all - 1}`);
});
