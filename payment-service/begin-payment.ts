import { causedBy } from '../shared/events/announce';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { formatPrice } from '../shared/money';
import { Prisma, type Tx } from '../shared/service/database';
import { write } from '../shared/service/transaction';
import type { PaymentState } from '../shared/payment/payment-lifecycle';
import { traceOf } from '../shared/tracing/trace-new-event';
import { dueAfterCommit } from './payments';

/** An event that says what an order costs. */
type Costing = Event<'order.placed.v1' | 'order.cancelled.v1'>;

/**
 * Makes the payments of orders that have none yet: the intent to ask the gateway, or, where the order is
 * cancelled before it was seen, the tombstone that keeps anybody from ever asking. One an order, whatever
 * `processed_events` has forgotten.
 */
export async function beginPayments(
  tx: Tx,
  state: Extract<PaymentState, 'AUTHORIZING' | 'CANCELLED'>,
  events: readonly Costing[],
): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map((event) => {
    const origin = causedBy(event);
    const { correlationid, causationid } = origin;
    const { order_id, restaurant_id, customer_id, total_amount, currency } = event.data;
    return {
      id: newId(),
      order_id,
      restaurant_id,
      customer_id,
      amount: formatPrice(total_amount),
      currency,
      correlation_id: correlationid,
      caused_by: causationid,
      ...traceOf(origin),
    };
  });
  const cancelled = state === 'CANCELLED';
  await write(
    tx,
    Prisma.sql`
    WITH begun AS (
      INSERT INTO payments (id, order_id, restaurant_id, customer_id, amount, currency, state, order_cancelled,
        next_attempt_at, correlation_id, caused_by, traceparent, tracestate)
      SELECT id, order_id, restaurant_id, customer_id, amount, currency, ${state}, ${cancelled},
        CASE WHEN NOT ${cancelled}::boolean THEN now() END, correlation_id, caused_by, traceparent, tracestate
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS p (id uuid, order_id uuid, restaurant_id uuid,
        customer_id text, amount numeric, currency text, correlation_id text, caused_by uuid, traceparent text, tracestate text)
      ORDER BY order_id
      ON CONFLICT (order_id) DO NOTHING
      RETURNING id, order_id, caused_by
    )
    INSERT INTO payment_moves (payment_id, order_id, to_state, cause, caused_by)
    SELECT id, order_id, ${state}, ${cancelled ? 'order_cancelled' : 'order_placed'}, caused_by FROM begun`,
  );
  if (!cancelled) dueAfterCommit(tx);
}
