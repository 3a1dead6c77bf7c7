import type { Client } from 'pg';
import type { CheckedMigration } from './check-schema';

/**
 * Whether sessions can write there, as they start with what the server, the database, the role and the URL say.
 * @returns why not, and what to do; undefined where they can
 */
export async function checkWritable(database: Client): Promise<string | undefined> {
  const { rows } = await database.query<{ read_only: boolean; standby: boolean }>(
    `SELECT current_setting('transaction_read_only')::bool AS read_only, pg_is_in_recovery() AS standby`,
  );
  const { read_only, standby } = rows[0]!;
  if (standby)
    return 'the server is a standby, which cannot be written to: let DATABASE_URL name the primary server';
  return read_only
    ? 'the database can only be read (default_transaction_read_only is on, for the server, the database, the role or in DATABASE_URL): turn that off'
    : undefined;
}

/**
 * What the role would need for `npm run migrate`, and may not do: all of what PostgreSQL would refuse it.
 * @param schema of the database URL; public where it has none
 * @param pending what would be applied
 * @returns a sentence each
 */
export async function checkRights(
  database: Client,
  schema = 'public',
  pending: readonly CheckedMigration[],
): Promise<string[]> {
  const changed = pending.flatMap(({ statements }) =>
    statements.flatMap(({ table, lock }) => (table && lock && lock !== 'ROW EXCLUSIVE' ? [table] : [])),
  );
  const { rows } = await database.query<{ problem: string }>(LACKING, [
    schema,
    ['retry_queues', 'subscriptions', ...(pending.length > 0 ? ['_prisma_migrations'] : [])],
    changed,
    pending.length > 0,
  ]);
  return rows.map(({ problem }) => `${problem}: use the role that owns the mesh’s tables`);
}

/**
 * The set-up writes to the tables of $2, makes partitions, alters the tables of $3, and makes new ones where $4. Members of
 * a role have its rights.
 */
const LACKING = `
  WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = $1), things AS (
    SELECT oid, relname, relowner FROM pg_class WHERE relnamespace = (SELECT oid FROM home) AND relkind IN ('r', 'p')
  ), problems AS (
    SELECT 'make the schema ' || $1 || ' in the database ' || current_database() AS problem
    WHERE NOT EXISTS (SELECT FROM home) AND NOT has_database_privilege(current_database(), 'CREATE')
    UNION ALL
    SELECT 'make tables in the schema ' || $1 FROM home WHERE $4 AND NOT
      (has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE'))
    UNION ALL
    SELECT 'write to ' || string_agg(relname, ', ' ORDER BY relname) FROM things
    WHERE relname = ANY ($2) AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
      AND has_table_privilege(oid, 'UPDATE')) HAVING count(*) > 0
    UNION ALL
    SELECT 'call ' || proname || '()' FROM pg_proc WHERE proname = 'make_history_partition'
      AND pronamespace = (SELECT oid FROM home) AND NOT has_function_privilege(oid, 'EXECUTE')
    UNION ALL
    SELECT 'alter ' || string_agg(relname, ', ' ORDER BY relname) || ', of which ' || relowner::regrole || ' is the owner'
    FROM things WHERE relname = ANY ($3) AND NOT pg_has_role(relowner, 'USAGE') GROUP BY relowner
  )
  SELECT 'the role ' || current_user || ' may not ' || problem AS problem FROM problems`;
