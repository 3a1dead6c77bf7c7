import type { Database } from '../../shared/service/database';
import { readGauge, SHORT_REST } from '../../shared/service/metrics';

/** Tells how many webhooks were disabled, by why, and have not been switched on again. */
export function readWebhookGauge(database: Database): void {
  readGauge(
    'ordermesh_webhooks_disabled',
    'Webhooks that were disabled because they failed, counted in the database: every instance says the same, so take one',
    ['reason'],
    async () => {
      const rows = await database.$queryRaw<{ reason: string; count: bigint }[]>`
        SELECT reason, count(e.id) AS count FROM unnest(ARRAY['FAILING', 'GONE']) AS reason
        LEFT JOIN webhook_health h ON h.disabled_reason = reason
        LEFT JOIN webhook_endpoints e ON e.id = h.endpoint_id AND h.disabled_at > e.enabled_at
        GROUP BY reason`;
      return rows.map(({ reason, count }) => ({
        labels: { reason: reason.toLowerCase() },
        value: Number(count),
      }));
    },
    { rest: SHORT_REST },
  );
}
