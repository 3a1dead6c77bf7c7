import type { Client } from 'pg';
import { LEASE_SECONDS } from '../../shared/messaging/progress';
import { isThere } from './check-queues';

export interface Running {
  service: string;
  /** Of a consumer: its instances that renew their record. Of others: their sessions with PostgreSQL. */
  instances?: number;
  sessions?: number;
  /** Instances of a version from before retry queues were on record. */
  older?: number;
}

/** Which services run now, as far as PostgreSQL knows. */
export async function checkRunning(database: Client): Promise<Running[]> {
  const { rows: sessions } = await database.query<{ service: string; sessions: number }>(
    `SELECT application_name AS service, count(*)::int AS sessions FROM pg_stat_activity
     WHERE datname = current_database() AND application_name IN ('order-api', 'outbox-publisher') GROUP BY 1 ORDER BY 1`,
  );
  return [...sessions, ...(await consumers(database))];
}

async function consumers(database: Client): Promise<Running[]> {
  if (!(await isThere(database, 'consumer_progress'))) return [];
  const { rows: columns } = await database.query(
    `SELECT FROM pg_attribute WHERE attrelid = to_regclass('consumer_progress') AND attname = 'retry_delays'`,
  );
  const older = columns.length > 0 ? 'count(*) FILTER (WHERE retry_delays IS NULL)' : 'count(*)';
  const { rows } = await database.query<Running>(
    `SELECT consumer AS service, count(*)::int AS instances, (${older})::int AS older FROM consumer_progress
     WHERE updated_at > now() - $1::float8 * interval '1 second' GROUP BY 1 ORDER BY 1`,
    [LEASE_SECONDS],
  );
  return rows;
}

/** The roles that were granted something on the mesh's tables, beside their owner: services have logins of their own. */
export async function rolesWithGrants(database: Client): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT DISTINCT a.grantee::regrole::text AS name FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
     WHERE c.oid = to_regclass('outbox_events') AND a.grantee NOT IN (0, c.relowner) ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}
