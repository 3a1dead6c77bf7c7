import { createTestDatabase, type TestDatabase } from '../../../shared/testing/test-database';
import { audit, type AuditOptions, type AuditReport, type CheckReport } from '../audit';
import type { DeadLetterQueues } from '../dead-letter-queues';
import type { BookedPayment, GatewayBooks } from '../gateway-books';
import { writeAll, type stories } from './stories';
import { WrittenHistory } from './written-history';

/** A database with a history in which every promise is kept. */
export interface Audited {
  db: TestDatabase;
  history: WrittenHistory;
  /** An order of each story. */
  orders: Record<keyof typeof stories, string>;
  /** What the gateway has in its books; until it is set there are none to be read. */
  books?: BookedPayment[];
  /** What is in the dead-letter queues; until it is set they cannot be read. */
  queues?: DeadLetterQueues;
  /** What the history has been told is written first, here as with {@link sql}. */
  run(options?: Partial<AuditOptions>): Promise<AuditReport>;
  sql(...statements: string[]): Promise<void>;
}

/** A test database that lets everything happen: what the audit looks for, its constraints would prevent. */
export async function createUnguarded(): Promise<TestDatabase> {
  const db = await createTestDatabase();
  const guards = await db.database.$queryRaw<{ drop: string }[]>`
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop
    FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index
    WHERE indisunique AND NOT indisprimary AND indrelid IN (
      'stock_movements'::regclass, 'notifications'::regclass, 'payments'::regclass, 'payment_ledger'::regclass)`;
  for (const { drop } of guards) await db.database.$executeRawUnsafe(drop);
  return db;
}

/** Empties the database and writes the history anew. */
export async function writeAnew(db: TestDatabase): Promise<Audited> {
  const { database } = db;
  await database.$executeRaw`
    TRUNCATE restaurants, menu_items, orders, order_lines, order_status_history, adjustment_requests, stock_levels,
      stock_movements, stock_reservations, adjustment_outcomes, notifications, notification_batches, outbox_events,
      event_log, processed_events, delivery_failures, subscriptions, payments, payment_moves, payment_ledger, card_tokens,
      analytics_orders, analytics_sales, analytics_item_sales, analytics_lead_times, analytics_open_orders,
      analytics_stock_alerts`;
  await database.analyticsGeneration.deleteMany({ where: { id: { not: 1 } } });
  const history = new WrittenHistory(database);
  const audited: Audited = {
    db,
    history,
    orders: await writeAll(history),
    run: async (options = {}) => {
      await history.write();
      // Small ranges, so that every test crosses their bounds.
      const books = audited.books && booksOf(audited.books);
      return audit({ databaseUrl: db.url, rangeSize: 6, books, queues: audited.queues, ...options });
    },
    sql: async (...statements) => {
      await history.write();
      for (const statement of statements) await database.$executeRawUnsafe(statement);
    },
  };
  return audited;
}

/** Books with two orders on a page. */
export const booksOf = (payments: readonly BookedPayment[]): GatewayBooks => ({
  name: 'simulator',
  page: async ({ after, upTo }) => {
    const inside = payments.filter(({ order_id }) => order_id > after && order_id <= upTo);
    const orders = [...new Set(inside.map(({ order_id }) => order_id))].sort();
    const page = orders.slice(0, 2);
    return {
      payments: inside.filter(({ order_id }) => page.includes(order_id)),
      next: orders.length > 2 ? page.at(-1) : null,
    };
  },
});

/** What is wrong, as `name: subject` of each violation. */
export const violations = (report: AuditReport): string[] => named(report, 'violation');
export const warnings = (report: AuditReport): string[] => named(report, 'warning');

const named = (report: AuditReport, verdict: string) =>
  report.checks.flatMap(({ name, findings }) =>
    findings.filter((finding) => finding.verdict === verdict).map(({ subject }) => `${name}: ${subject}`),
  );

export function checkOf(report: AuditReport, name: string): CheckReport {
  const found = report.checks.find((check) => check.name === name);
  if (!found) throw new Error(`no check ${name}`);
  return found;
}
