import type { Handler } from '../../shared/messaging/handler';
import { pointsFor } from './points-for';

/**
 * A payment is completed: its customer earns points for it, once. One that is known to be refunded earns none, in
 * whichever order the two events come; nor does one of nobody in particular.
 */
export const awardPoints: Handler<'payment.completed.v1'> = async (tx, payments) => {
  const awards = payments.flatMap(({ id, data: { payment_id, customer_id, amount } }) =>
    customer_id ? [{ payment_id, customer_id, points: pointsFor(amount), caused_by: id }] : [],
  );
  if (awards.length > 0)
    await tx.$executeRaw`
      WITH award AS (
        SELECT DISTINCT ON (payment_id) * FROM json_to_recordset(${JSON.stringify(awards)}::json)
          AS a (payment_id uuid, customer_id text, points bigint, caused_by uuid)
        ORDER BY payment_id),
      fresh AS (
        INSERT INTO loyalty_payments (payment_id, customer_id, state, points)
        SELECT payment_id, customer_id, 'EARNED', points FROM award
        ON CONFLICT (payment_id) DO NOTHING RETURNING payment_id)
      INSERT INTO loyalty_movements (payment_id, customer_id, kind, points, caused_by)
      SELECT payment_id, customer_id, 'EARNED', points, caused_by FROM award JOIN fresh USING (payment_id)
      WHERE points > 0`;
  return [];
};
