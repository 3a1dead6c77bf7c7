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

/**
 * Makes a login's role where there is none, gives it its password, and has it do what the login says and nothing else.
 * @returns how much of its rights was changed; 0 where all was right
 * @throws {UserError} for a role of somebody else's, and where the own role may not make others
 */
export async function makeRole(
  database: Client,
  role: string,
  login: Login,
  password: string,
): Promise<number> {
  for (let failures = 0; ; failures++) {
    try {
      return await inTransaction(database, () => make(database, role, login, password));
    } catch (error) {
      const { code = '' } = error as { code?: string };
      if (code === '42501') throw new UserError(`${role} cannot be set up: ${briefly(error)}. ${WHO}`);
      if (!PASSING.has(code) || failures >= ATTEMPTS) throw error;
      await backoff(failures);
    }
  }
}

const WHO =
  'DATABASE_URL has to name the owner of the tables (who ran npm run migrate), and that role needs CREATEROLE.';

async function make(database: Client, role: string, login: Login, password: string): Promise<number> {
  const name = escapeIdentifier(role);
  const { base, schema } = await placeOf(database);
  const mark = `Ordermesh, ${login.name} in ${base}, ${schema}`;
  if (!(await isOurs(database, role, mark))) {
    await database.query(`CREATE ROLE ${name} LOGIN`);
    await database.query(`COMMENT ON ROLE ${name} IS ${escapeLiteral(mark)}`);
    await database.query(`GRANT CONNECT ON DATABASE ${escapeIdentifier(base)} TO ${name}`);
    await database.query(`GRANT USAGE ON SCHEMA ${escapeIdentifier(schema)} TO ${name}`);
  }
  await database.query(`ALTER ROLE ${name} LOGIN PASSWORD ${escapeLiteral(scramVerifier(password))}`);
  // Before the grants: a right is never wider than it ends up.
  return (await restrictRows(database, role, login)) + (await grantTables(database, role, login));
}

async function placeOf(database: Client): Promise<{ base: string; schema: string }> {
  const { rows } = await database.query<{ base: string; schema: string }>(
    'SELECT current_database() AS base, current_schema() AS schema',
  );
  return rows[0]!;
}

/** Roles belong to the whole server: another mesh's, or anybody's, is not given a new password. @throws {UserError} */
async function isOurs(database: Client, role: string, mark: string): Promise<boolean> {
  const { rows } = await database.query<{ mark: string | null }>(
    `SELECT shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = $1`,
    [role],
  );
  if (rows[0] && rows[0].mark !== mark)
    throw new UserError(
      `There is a role ${role} already, and not of this mesh (${rows[0].mark ?? 'it has no comment'}): choose other names with --prefix, or drop it.`,
    );
  return rows.length > 0;
}

/** Ends a role, with all that it was granted here. @returns whether there was one */
export async function removeRole(database: Client, role: string): Promise<boolean> {
  const { rowCount } = await database.query('SELECT FROM pg_roles WHERE rolname = $1', [role]);
  if (!rowCount) return false;
  await inTransaction(database, async () => {
    const { rows } = await database.query<{ name: string; table: string }>(
      `SELECT p.polname AS name, c.relname AS table FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
       WHERE c.relnamespace = current_schema()::regnamespace AND p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = $1)]`,
      [role],
    );
    for (const { name, table } of rows)
      await database.query(`DROP POLICY ${escapeIdentifier(name)} ON ${escapeIdentifier(table)}`);
    await database.query(`DROP OWNED BY ${escapeIdentifier(role)}`);
    await database.query(`DROP ROLE ${escapeIdentifier(role)}`);
  });
  return true;
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
