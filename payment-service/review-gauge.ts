import type { Database } from '../shared/service/database';
import { readGauge, SHORT_REST } from '../shared/service/metrics';

/** Tells how many payments wait for an operator. */
export function readReviewGauge(database: Database): void {
  readGauge(
    'ordermesh_payments_in_review',
    'Payments in REVIEW, counted in the database: every payment-service says the same, so take one',
    [],
    async () => [{ labels: {}, value: await database.payment.count({ where: { state: 'REVIEW' } }) }],
    { rest: SHORT_REST },
  );
}
