import { escapeIdentifier, escapeLiteral, type Client } from 'pg';
import { briefly } from '../../shared/messaging/failure';
import { backoff } from '../../shared/service/backoff';
import { UserError } from '../servers/search';
import type { Login } from './find-logins';
import { grantTables } from './grant-tables';
import { restrictRows } from './row-policies';
import { scramVerifier } from './scram-verifier';

// Any two numbers that nobody else uses in this database; these spell "mesh" and "user".
const LOCK = [0x6d657368, 0x75736572];
// A policy takes its table from everybody: better later than making others wait behind it.
const LOCK_TIMEOUT = '1s';
const ATTEMPTS = 30;
/** A lock that was not to be had; a catalogue row that somebody else has just changed; a partition that went meanwhile. */
const PASSING = new Set(['55P03', 'XX000', '40001', '40P01', '42P01']);
/** `none` and `public`, and what begins with `pg_`. */
const RESERVED = '42939';
/** A role that was granted something in another database too. */
const HELD = '2BP01';

/**
 * Makes a login's role where there is none, gives it its password, and has it do what the login says and nothing else.
 * @returns how much of its rights was changed; 0 where all was right
 * @throws {UserError} for a role of somebody else's, a name of PostgreSQL's own, and where the own role may not make others
 */
export function makeRole(database: Client, role: string, login: Login, password: string): Promise<number> {
  return patiently(database, `${role} cannot be set up`, () => make(database, role, login, password));
}

/**
 * Ends the role of a login of that name, with all that it was granted here.
 * @returns whether there was one
 * @throws {UserError} for a role of somebody else's, and for one that something still hangs on: nothing was changed then
 */
export function removeRole(database: Client, role: string, name: string): Promise<boolean> {
  return patiently(database, `${role} cannot be removed`, () => remove(database, role, name));
}

const WHO =
  'DATABASE_URL has to name the owner of the tables (who ran npm run migrate), and that role needs CREATEROLE.';

/** In a transaction, which is tried again while others are in its way. */
async function patiently<T>(database: Client, failed: string, work: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await inTransaction(database, work);
    } catch (error) {
      const { code = '', detail } = error as { code?: string; detail?: string };
      if (code === '42501') throw new UserError(`${failed}: ${briefly(error)}. ${WHO}`);
      if (code === RESERVED)
        throw new UserError(`${failed}: PostgreSQL keeps that name for itself. Choose others with --prefix.`);
      if (code === HELD)
        throw new UserError(`${failed}: ${briefly(error)} (${detail}): take that back first.`);
      if (!PASSING.has(code) || failures >= ATTEMPTS) throw error;
      await backoff(failures);
    }
  }
}

async function make(database: Client, role: string, login: Login, password: string): Promise<number> {
  const name = escapeIdentifier(role);
  const { base, schema } = await placeOf(database);
  const mark = markOf(login.name, { base, schema });
  if (!(await isOurs(database, role, mark, 'choose other names with --prefix, or drop it'))) {
    await database.query(`CREATE ROLE ${name} LOGIN`);
    await database.query(`COMMENT ON ROLE ${name} IS ${escapeLiteral(mark)}`);
    await database.query(`GRANT CONNECT ON DATABASE ${escapeIdentifier(base)} TO ${name}`);
    await database.query(`GRANT USAGE ON SCHEMA ${escapeIdentifier(schema)} TO ${name}`);
  }
  await database.query(`ALTER ROLE ${name} LOGIN PASSWORD ${escapeLiteral(scramVerifier(password))}`);
  // Before the grants: a right is never wider than it ends up.
  return (await restrictRows(database, role, login)) + (await grantTables(database, role, login));
}

interface Place {
  base: string;
  schema: string;
}

/** The comment that tells a role of this mesh from any other. */
const markOf = (login: string, { base, schema }: Place) => `Ordermesh, ${login} in ${base}, ${schema}`;

async function placeOf(database: Client): Promise<Place> {
  const { rows } = await database.query<Place>(
    'SELECT current_database() AS base, current_schema() AS schema',
  );
  return rows[0]!;
}

/**
 * Roles belong to the whole server: another mesh's, or anybody's, is not given a new password, and not dropped.
 * @returns whether there is one
 * @throws {UserError} for somebody else's
 */
async function isOurs(database: Client, role: string, mark: string, advice: string): Promise<boolean> {
  const { rows } = await database.query<{ mark: string | null }>(
    `SELECT shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  if (rows[0] && rows[0].mark !== mark)
    throw new UserError(
      `There is a role ${role} already, and not of this mesh (${rows[0].mark ?? 'it has no comment'}): ${advice}.`,
    );
  return rows.length > 0;
}

async function remove(database: Client, role: string, name: string): Promise<boolean> {
  const mark = markOf(name, await placeOf(database));
  if (!(await isOurs(database, role, mark, 'nothing was removed'))) return false;
  await refuseOwner(database, role);
  const { rows } = await database.query<{ name: string; table: string }>(
    `SELECT p.polname AS name, c.relname AS table FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
     WHERE c.relnamespace = current_schema()::regnamespace AND p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = $1)]`,
    [role],
  );
  for (const { name, table } of rows)
    await database.query(`DROP POLICY ${escapeIdentifier(name)} ON ${escapeIdentifier(table)}`);
  // Whoever is no superuser does this only for roles whose member it is.
  await database.query(`GRANT ${escapeIdentifier(role)} TO CURRENT_USER`);
  // As it owns nothing, this only takes back what it was granted.
  await database.query(`DROP OWNED BY ${escapeIdentifier(role)}`);
  await database.query(`DROP ROLE ${escapeIdentifier(role)}`);
  return true;
}

/** The roles of a mesh own nothing: what somebody made as one of them would go with it. @throws {UserError} */
async function refuseOwner(database: Client, role: string): Promise<void> {
  // What is in another database cannot be named from here.
  const { rows } = await database.query<{ what: string }>(
    `SELECT coalesce('something in the database ' || b.datname, pg_describe_object(d.classid, d.objid, d.objsubid)) AS what
     FROM pg_shdepend d LEFT JOIN pg_database b ON b.oid = d.dbid AND b.datname <> current_database()
     WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
       AND d.refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1)
     GROUP BY 1 ORDER BY 1`,
    [role],
  );
  if (rows.length > 0)
    throw new UserError(
      `${role} owns ${rows.map(({ what }) => what).join(', ')}: give that to somebody else (REASSIGN OWNED BY) or drop it; nothing was removed.`,
    );
}

/** Of several set-ups one works at a time: two would change the same rows of the catalogues. */
async function inTransaction<T>(database: Client, work: () => Promise<T>): Promise<T> {
  await database.query('BEGIN');
  try {
    await database.query('SELECT pg_advisory_xact_lock($1, $2)', LOCK);
    await database.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    const result = await work();
    await database.query('COMMIT');
    return result;
  } catch (error) {
    await database.query('ROLLBACK');
    throw error;
  }
}
