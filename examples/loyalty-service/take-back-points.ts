import type { Handler } from '../../shared/messaging/handler';

/**
 * A payment is refunded: takes back exactly what the ledger says that it earned, once. One that is not known yet is
 * marked, so that it earns nothing when it comes.
 */
export const takeBackPoints: Handler<'payment.refunded.v1'> = async (tx, payments) => {
  const refunds = payments.map(({ id, data: { payment_id, customer_id } }) => ({
    payment_id,
    customer_id,
    caused_by: id,
  }));
  await tx.$executeRaw`
    WITH refund AS (
      SELECT DISTINCT ON (payment_id) * FROM json_to_recordset(${JSON.stringify(refunds)}::json)
        AS r (payment_id uuid, customer_id text, caused_by uuid)
      ORDER BY payment_id),
    settled AS (
      INSERT INTO loyalty_payments AS known (payment_id, customer_id, state, points)
      SELECT payment_id, customer_id, 'TAKEN_BACK', 0 FROM refund
      ON CONFLICT (payment_id) DO UPDATE SET state = 'TAKEN_BACK', updated_at = now() WHERE known.state = 'EARNED'
      RETURNING payment_id, customer_id, points)
    INSERT INTO loyalty_movements (payment_id, customer_id, kind, points, caused_by)
    SELECT s.payment_id, s.customer_id, 'TAKEN_BACK', -s.points, r.caused_by
    FROM settled s JOIN refund r USING (payment_id)
    WHERE s.points > 0`;
  return [];
};
