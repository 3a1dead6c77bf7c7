import type { Tx } from '../../shared/service/database';
import type { Logger } from '../../shared/service/logger';

/** How an attempt at an endpoint went. */
export interface Fared {
  endpointId: string;
  /** Of the endpoint as it was sent to; what is said of it counts only while that is the same. */
  enabledAt: string;
  failed: boolean;
  /** It answered 410. */
  gone: boolean;
}

/** An endpoint that has just been disabled. */
export interface Disabled {
  id: string;
  url: string;
  restaurant_id: string | null;
  reason: 'FAILING' | 'GONE';
  failing_since: Date;
}

/**
 * Keeps since when an endpoint has been failing, and disables it where that is too long, or at once where it is gone.
 * @returns those that it has disabled
 */
export async function noteHealth(
  tx: Tx,
  fared: readonly Fared[],
  disableAfterMs: number,
  log: Logger,
): Promise<Disabled[]> {
  const failed = fared.filter((one) => one.failed);
  const there = await lockTouched(tx, fared);
  if (there.length === 0) return [];
  // In one statement a row may be touched once, and a failure counts more than what got through beside it.
  const failing = there.filter((id) => failed.some(({ endpointId }) => endpointId === id));
  await tx.$executeRaw`
    UPDATE webhook_health SET failing_since = NULL
    WHERE endpoint_id = ANY (${there.filter((id) => !failing.includes(id))}::uuid[])`;
  if (failing.length === 0) return [];
  await tx.$executeRaw`
    INSERT INTO webhook_health AS h (endpoint_id, failing_since)
    SELECT id, now() FROM unnest(${failing}::uuid[]) AS e (id) ORDER BY id
    ON CONFLICT (endpoint_id) DO UPDATE SET failing_since = now()
      WHERE h.failing_since IS NULL
        OR h.failing_since < (SELECT enabled_at FROM webhook_endpoints WHERE id = h.endpoint_id)`;
  const rows = JSON.stringify(failed);
  const disabled = await tx.$queryRaw<Disabled[]>`
    UPDATE webhook_health h SET disabled_at = clock_timestamp(), disabled_reason = CASE WHEN f.gone THEN 'GONE' ELSE 'FAILING' END
    FROM webhook_endpoints e, (
      SELECT "endpointId" AS id, bool_or(gone) AS gone, max("enabledAt"::timestamptz) AS enabled_at
      FROM json_to_recordset(${rows}::json) AS f ("endpointId" uuid, gone boolean, "enabledAt" text) GROUP BY 1) AS f
    WHERE h.endpoint_id = f.id AND e.id = f.id AND e.enabled_at = f.enabled_at
      AND (h.disabled_at IS NULL OR h.disabled_at <= e.enabled_at)
      AND (f.gone OR h.failing_since <= now() - make_interval(secs => ${disableAfterMs / 1_000}))
    RETURNING e.id, e.url, e.restaurant_id, h.disabled_reason AS reason, h.failing_since`;
  for (const { id, restaurant_id, reason, failing_since } of disabled)
    log.error(
      { webhook_id: id, restaurant_id, reason, failing_since },
      reason === 'GONE'
        ? 'a webhook is disabled: its receiver answered 410'
        : 'a webhook is disabled: it has failed for too long',
    );
  return disabled;
}

/**
 * The endpoints whose health changes, locked as long as the transaction, before their health is: who removes one does it in
 * the same order. One that is being removed is not among them, and nor is one that is as well as before.
 */
async function lockTouched(tx: Tx, fared: readonly Fared[]): Promise<string[]> {
  const ids = (those: readonly Fared[]) => those.map(({ endpointId }) => endpointId);
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM webhook_endpoints e
    WHERE id = ANY (${ids(fared.filter(({ failed }) => failed))}::uuid[])
      OR id = ANY (${ids(fared.filter(({ failed }) => !failed))}::uuid[]) AND EXISTS (
        SELECT FROM webhook_health h WHERE h.endpoint_id = e.id AND h.failing_since IS NOT NULL)
    ORDER BY id FOR KEY SHARE`;
  return rows.map(({ id }) => id);
}
