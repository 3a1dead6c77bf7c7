import type { Database } from '../../shared/service/database';

/** An endpoint at the moment at which something is sent there. */
export interface Receiver {
  url: string;
  /** When it was last switched on, to the letter of the database. */
  enabledAt: string;
  /** Why nothing is sent there; null where something is. */
  off: 'paused' | 'disabled' | null;
  /** The newest first. */
  secrets: string[];
}

/** @returns undefined where it was removed */
export async function readEndpoint(database: Database, id: string): Promise<Receiver | undefined> {
  const [row] = await database.$queryRaw<Receiver[]>`
    SELECT e.url, e.enabled_at::text AS "enabledAt",
      CASE WHEN e.paused THEN 'paused' WHEN h.disabled_at > e.enabled_at THEN 'disabled' END AS off,
      ARRAY(SELECT s.secret FROM webhook_secrets s
        WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now()) ORDER BY s.created_at DESC, s.id DESC) AS secrets
    FROM webhook_endpoints e LEFT JOIN webhook_health h ON h.endpoint_id = e.id
    WHERE e.id = ${id}::uuid`;
  return row;
}
