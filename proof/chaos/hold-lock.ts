import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';
import { waitUntil } from '../../scripts/servers/wait-until';
import type { Random } from '../testbed/random';

/** Rows that somebody at work would meet next, by table; one of them is locked. */
const recent: Record<string, string> = {
  orders: 'SELECT id FROM orders ORDER BY created_at DESC LIMIT 20',
  order_state_tracking: `SELECT t.order_id FROM order_state_tracking t JOIN orders o ON o.id = t.order_id
    ORDER BY o.created_at DESC LIMIT 20`,
  stock_levels: `SELECT s.menu_item_id FROM stock_levels s JOIN menu_items m ON m.id = s.menu_item_id`,
  outbox_events: 'SELECT seq FROM outbox_events ORDER BY seq DESC LIMIT 20',
};
const keys: Record<string, string> = {
  orders: 'id',
  order_state_tracking: 'order_id',
  stock_levels: 'menu_item_id',
  outbox_events: 'seq',
};

/** An outbox row is gone within milliseconds: it is tried again until one is caught. */
const CATCH_MS = 20_000;

/**
 * Locks a row as somebody does who has typed BEGIN and an UPDATE into psql and gone for coffee.
 * @returns how to end it; a server that goes away ends it too
 * @throws when no row was to be had in time
 */
export async function holdLock(
  databaseUrl: string,
  table: string,
  random: Random,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const client = new PostgresClient({
    ...sessionConfig(databaseUrl, {
      kind: 'command',
      applicationName: 'psql',
      connectTimeoutMs: 5_000,
      timeouts: { idle_in_transaction_session_timeout: 0 },
    }),
    query_timeout: 10_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN');
    const catchOne = async () => {
      const { rows } = await client.query<Record<string, string>>(recent[table] ?? '');
      if (rows.length === 0) throw new Error('there is no row');
      const key = Object.values(random.pick(rows))[0];
      const one = `SELECT FROM ${table} WHERE ${keys[table]}::text = $1 FOR UPDATE SKIP LOCKED`;
      if ((await client.query(one, [key])).rowCount === 0) throw new Error('the row is gone, or locked');
    };
    await waitUntil(catchOne, { what: `a row of ${table}`, timeoutMs: CATCH_MS, everyMs: 5, signal });
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return () => client.end().catch(() => undefined);
}
