import type { Database } from '../../shared/service/database';

/** Which notifications; what is left out does not matter. */
export interface WhichFailed {
  ids?: readonly string[];
  channel?: string;
  since?: Date;
}

/**
 * Has notifications that failed for good sent again, with as many attempts as the first time; with those that were to
 * go out with them.
 * @returns their ids
 */
export async function retryFailed(database: Database, which: WhichFailed): Promise<string[]> {
  const retried = await database.$queryRaw<{ id: string }[]>`
    WITH again AS (
      UPDATE notifications SET status = 'PENDING', attempts = 0, next_attempt_at = now()
      WHERE status = 'FAILED' AND gathered_into IS NULL
        AND (${which.ids ? [...which.ids] : null}::uuid[] IS NULL OR id = ANY (${which.ids ? [...which.ids] : null}::uuid[]))
        AND (${which.channel ?? null}::text IS NULL OR channel = ${which.channel ?? null})
        AND (${which.since ?? null}::timestamptz IS NULL OR created_at >= ${which.since ?? null})
      RETURNING id),
    gathered AS (
      UPDATE notifications AS n SET status = 'GATHERED' FROM again
      WHERE n.gathered_into = again.id AND n.status = 'FAILED')
    SELECT id FROM again ORDER BY id`;
  return retried.map(({ id }) => id);
}
