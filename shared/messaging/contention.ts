import type { Database } from '../service/database';

/**
 * Whether somebody else holds a lock on a whole table that writers of its rows have to wait for, such as a migration's
 * or that of an operator's `LOCK TABLE`: every event meets it. A lock on rows is met only by the events about them.
 * https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES
 */
export async function aTableIsLocked(database: Database): Promise<boolean> {
  const [row] = await database.$queryRaw<{ locked: boolean }[]>`
    SELECT EXISTS (
      SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_t%') AS locked`;
  return row?.locked === true;
}
