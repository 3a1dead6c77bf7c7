import { escapeIdentifier, type Client } from 'pg';
import type { Right } from '../../shared/service/rights';
import type { Login } from './find-logins';

/**
 * Brings what a role may do with the schema's tables, sequences and functions to what its login says, in the caller's
 * transaction. What is right already is left alone: a second run changes nothing.
 * @returns how many tables, sequences and functions it changed
 */
export async function grantTables(database: Client, role: string, login: Login): Promise<number> {
  const wanted = await wantedGrants(database, login);
  const there = await presentGrants(database, role);
  let changed = 0;
  for (const object of new Set([...wanted.keys(), ...there.keys()])) {
    const [want, have] = [wanted.get(object) ?? [], there.get(object) ?? []];
    if (same(want.flatMap(partsOf), have)) continue;
    await database.query(`REVOKE ALL ON ${object} FROM ${escapeIdentifier(role)}`);
    if (want.length > 0)
      await database.query(`GRANT ${want.join(', ')} ON ${object} TO ${escapeIdentifier(role)}`);
    changed++;
  }
  return changed;
}

const same = (some: readonly string[], others: readonly string[]) =>
  [...some].sort().join() === [...others].sort().join();

/** `UPDATE (a, b)` as the catalogues keep it: `UPDATE a`, `UPDATE b`. */
function partsOf(right: string): string[] {
  const [, verb, columns] = /^(\w+) \((.*)\)$/.exec(right) ?? [];
  return columns ? columns.split(',').map((column) => `${verb} ${column.trim()}`) : [right];
}

async function wantedGrants(database: Client, login: Login): Promise<Map<string, readonly string[]>> {
  const wanted = new Map<string, readonly string[]>();
  for (const [table, rights] of Object.entries(login.tables))
    wanted.set(`TABLE ${escapeIdentifier(table)}`, rights);
  const filled = Object.entries(login.tables).filter(([, rights]) => rights.some(inserts));
  for (const sequence of await sequencesOf(
    database,
    filled.map(([table]) => table),
  ))
    wanted.set(`SEQUENCE ${escapeIdentifier(sequence)}`, ['USAGE']);
  for (const name of login.functions) wanted.set(`ROUTINE ${escapeIdentifier(name)}`, ['EXECUTE']);
  return wanted;
}

const inserts = (right: Right) => right.startsWith('INSERT');

async function sequencesOf(database: Client, tables: readonly string[]): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT s.relname AS name FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass
       AND d.deptype IN ('a', 'i') JOIN pg_class t ON t.oid = d.refobjid
     WHERE s.relkind = 'S' AND t.relnamespace = current_schema()::regnamespace AND t.relname = ANY($1::text[])`,
    [tables],
  );
  return rows.map(({ name }) => name);
}

async function presentGrants(database: Client, role: string): Promise<Map<string, string[]>> {
  const { rows } = await database.query<{ kind: string; name: string; rights: string[] }>(
    `WITH own AS (SELECT oid FROM pg_roles WHERE rolname = $1), home AS (SELECT current_schema()::regnamespace AS oid)
     SELECT kind, name, array_agg(held) AS rights FROM (
       SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.relname::text AS name, a.privilege_type AS held
       FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
       WHERE c.relnamespace = (SELECT oid FROM home) AND a.grantee = (SELECT oid FROM own)
       UNION ALL
       SELECT 'TABLE', c.relname, a.privilege_type || ' ' || t.attname
       FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid CROSS JOIN LATERAL aclexplode(t.attacl) a
       WHERE c.relnamespace = (SELECT oid FROM home) AND a.grantee = (SELECT oid FROM own)
       UNION ALL
       SELECT 'ROUTINE', p.proname, a.privilege_type
       FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
       WHERE p.pronamespace = (SELECT oid FROM home) AND a.grantee = (SELECT oid FROM own)
     ) AS held GROUP BY kind, name`,
    [role],
  );
  return new Map(rows.map(({ kind, name, rights }) => [`${kind} ${escapeIdentifier(name)}`, rights]));
}
