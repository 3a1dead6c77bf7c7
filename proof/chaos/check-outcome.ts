import { audit, type AuditReport } from '../../operator/audit/audit';
import { deadLetterQueuesAt } from '../../operator/audit/dead-letter-queues';
import { simulatorBooks } from '../../operator/audit/simulator-books';
import { groupBy } from '../../shared/group-by';
import { judgeOrder, type FinalOrder } from './judge-order';
import type { Menu } from './menu';
import type { Heard } from './listen-to-logs';
import type { OrderBooks } from './order-books';
import type { StockBooks } from './tend-stock';
import { query } from './query';

/** Holds the database against the clients' books: violations in words, and what became of the unknown. */
export async function checkOrders(
  databaseUrl: string,
  books: OrderBooks,
  menu: Menu,
  heard: Pick<Heard, 'unanswered'>,
): Promise<{ violations: string[]; unknownButDone: number }> {
  const rows = await query<Omit<FinalOrder, 'unanswered'> & { customer_id: string | null }>(
    databaseUrl,
    `SELECT o.id::text, o.customer_id, o.status, o.cancel_reason, o.payment_method,
       (extract(epoch FROM c.moved_at) * 1000)::float8 AS cancelled_at,
       (SELECT t.stock_deducted_at < c.moved_at AND coalesce(t.payment_authorized_at > c.moved_at, true)
        FROM order_state_tracking t WHERE t.order_id = o.id) IS TRUE AS only_unpaid,
       (SELECT coalesce(json_agg(json_build_object('menu_item_id', l.menu_item_id, 'quantity', l.quantity)), '[]')
        FROM order_lines l WHERE l.order_id = o.id) AS lines,
       (SELECT coalesce(json_agg(h.to_status ORDER BY h.id), '[]')
        FROM order_status_history h WHERE h.order_id = o.id) AS history
     FROM orders o LEFT JOIN order_status_history c ON c.order_id = o.id AND c.to_status = 'CANCELLED' ORDER BY o.id`,
  );
  const orders = rows.map((row) => ({ ...row, unanswered: heard.unanswered(row.id) }));
  const byKey = groupBy(orders, (row) => row.customer_id ?? '');
  const known = new Set(books.orders.map(({ key }) => key));
  const nobodys = rows.filter(({ customer_id }) => !known.has(customer_id ?? ''));
  const violations = [
    ...books.orders.flatMap((record) => judgeOrder(record, byKey.get(record.key) ?? [], menu.plentiful)),
    ...nobodys.map(({ id }) => `order ${id} was placed by nobody`),
  ];
  const unknown = books.orders.filter(({ draft, placing }) => !draft && placing === 'unknown');
  return { violations, unknownButDone: unknown.filter(({ key }) => byKey.has(key)).length };
}

/** Accepted adjustments have an outcome; prices are what was answered last, or what may have been set since. */
export async function checkStock(databaseUrl: string, stock: StockBooks): Promise<string[]> {
  const unsettled = await query<{ id: string }>(
    databaseUrl,
    `SELECT id FROM unnest($1::text[]) AS asked (id)
     WHERE NOT EXISTS (SELECT FROM adjustment_outcomes o WHERE o.adjustment_id = asked.id::uuid)`,
    [stock.adjustments],
  );
  const prices = await query<{ id: string; price: string }>(
    databaseUrl,
    'SELECT id::text, price::text FROM menu_items WHERE id = ANY($1::uuid[])',
    [[...stock.prices.keys()]],
  );
  const wrong = prices.filter(({ id, price }) => {
    const { last, perhaps } = stock.prices.get(id)!;
    return last !== undefined && price !== last && !perhaps.has(price);
  });
  return [
    ...unsettled.map(({ id }) => `adjustment ${id} was answered 202 and has no outcome`),
    ...wrong.map(
      ({ id, price }) => `item ${id} costs ${price}, and was answered to cost ${stock.prices.get(id)?.last}`,
    ),
  ];
}

/** All promises, of a mesh that is quiet: nothing is excused as being under way. */
export const auditQuietMesh = (
  databaseUrl: string,
  rabbitmqUrl: string,
  gatewayUrl: string,
): Promise<AuditReport> =>
  audit({
    databaseUrl,
    graceMs: 0,
    longestRetryMs: 0,
    books: simulatorBooks(gatewayUrl),
    queues: deadLetterQueuesAt(rabbitmqUrl),
  });

/** What a failure told its consumer, by consumer, outcome and reason: also what was put right by trying again. */
export async function failuresByReason(databaseUrl: string): Promise<Record<string, number>> {
  const rows = await query<{ what: string; count: number }>(
    databaseUrl,
    `SELECT consumer || ' ' || lower(outcome) || ' ' || reason AS what, count(*)::int AS count
     FROM delivery_failures GROUP BY 1 ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ what, count }) => [what, count]));
}
