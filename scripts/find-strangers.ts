import type { Client } from 'pg';
import type { Migration } from './find-migrations';

/**
 * What somebody else keeps in the schema, as long as no migration was ever applied there: what can be read as a table,
 * whatever its name, and anything else whose name a migration needs. The engine refuses tables by itself (P3005), but
 * stops half-way at the rest. What belongs to an extension is nobody's.
 * @param schema of the database URL; public where it has none
 * @returns why nothing can be installed there, and what to do instead; undefined where there is nothing
 */
export async function findStrangers(
  client: Client,
  schema = 'public',
  migrations: readonly Migration[],
): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(STRANGERS, [schema, namesMadeBy(migrations)]);
  if (rows.length === 0) return undefined;
  const names = rows.slice(0, 3).map(({ name }) => name);
  return (
    `The schema ${schema} has tables or the like that are not Ordermesh's (${names.join(', ')}${rows.length > 3 ? ', …' : ''}): ` +
    'give it a database of its own, or a schema of its own by adding ?schema=ordermesh to DATABASE_URL.'
  );
}

/** Relations share their names with each other, and tables also with types. An extension's composite type is on record as a type only. */
const STRANGERS = `
  WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = $1), things AS (
    SELECT tableoid, oid, relname AS name, relnamespace AS home, relkind IN ('r', 'p', 'v', 'm', 'f') AS any_name,
      CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
        WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT t.tableoid, t.oid, typname, typnamespace, false, CASE typtype WHEN 'd' THEN 'domain' ELSE 'type' END
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid
    WHERE typtype IN ('e', 'd', 'r') OR c.relkind = 'c'
    UNION ALL
    SELECT tableoid, oid, proname, pronamespace, false, 'function' FROM pg_proc
  )
  SELECT kind || ' ' || name AS name FROM things WHERE home = (SELECT oid FROM home) AND (any_name OR name = ANY ($2))
    AND NOT EXISTS (SELECT FROM pg_class r
      WHERE r.relnamespace = things.home AND r.relname = '_prisma_migrations' AND r.relkind = 'r')
    AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE (d.classid, d.objid) = (things.tableoid, things.oid) AND d.deptype = 'e')
  ORDER BY any_name DESC, things.name LIMIT 4`;

/** Also of indexes and of the constraints that make one. Some that are altered only are among them: they were made before. */
const namesMadeBy = (migrations: readonly Migration[]): string[] => [
  '_prisma_migrations',
  ...migrations.flatMap(({ sql }) => [...sql.matchAll(MADE)].map(([, name]) => name!)),
];

const MADE =
  /\b(?:TABLE|INDEX|CONSTRAINT|SEQUENCE|VIEW|TYPE|DOMAIN|FUNCTION)\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?"?(\w+)"?/gi;
