import { escapeIdentifier, escapeLiteral, type Client } from 'pg';
import { consumerTables } from '../../shared/messaging/consumer-rights';
import type { Login } from './find-logins';

/** One restriction of one role on the rows of one table. */
interface Policy {
  name: string;
  table: string;
  sql: string;
}

/**
 * Which rows a role may write: into the outbox only events that it may announce, and of the mesh's other tables only
 * those of its own consumer. Everybody else's rights stay as they are: a table that gets its first policy gets one that
 * lets everybody with a grant see and write all rows, and the others narrow that for one role each. Owners are above all
 * of them. What is there already is left alone, for changing it takes the table from everybody for a moment.
 * @returns how many policies it made or dropped
 */
export async function restrictRows(database: Client, role: string, login: Login): Promise<number> {
  const policies = [
    ...outboxPolicy(role, login),
    ...ownRows(role, login, 'service_instances', 'service'),
    ...(await consumerPolicies(database, role, login)),
  ];
  const there = await present(database, role);
  const wanted = new Map(policies.map((policy) => [keyOf(policy), policy]));
  const changes = [
    ...[...there].filter(([key, one]) => wanted.get(key)?.sql !== one.sql).map(([, one]) => drop(one)),
    ...policies.filter((one) => there.get(keyOf(one))?.sql !== one.sql).flatMap(create),
  ];
  if (changes.length === 0) return 0;
  const tables = [...new Set(policies.map(({ table }) => table))];
  for (const table of tables) await open(database, table);
  for (const change of changes) await database.query(change);
  return changes.length;
}

const keyOf = ({ table, name }: { table: string; name: string }) => `${table} ${name}`;
const on = ({ name, table }: Policy) => `POLICY ${escapeIdentifier(name)} ON ${escapeIdentifier(table)}`;
const drop = (policy: Policy) => `DROP ${on(policy)}`;
/** The comment is what it is compared by: the server writes conditions in words of its own. */
const create = (policy: Policy) => [
  `CREATE ${on(policy)} ${policy.sql}`,
  `COMMENT ON ${on(policy)} IS ${escapeLiteral(policy.sql)}`,
];

function outboxPolicy(role: string, { tables, announces }: Login): Policy[] {
  if (!tables.outbox_events?.includes('INSERT')) return [];
  const own = announces.map(
    ({ source, types }) =>
      `(type = ANY (ARRAY[${types.map(escapeLiteral).join(', ')}]) AND body ->> 'source' = ${escapeLiteral(source)})`,
  );
  const check = `body ->> 'type' = type AND (${own.join(' OR ') || 'false'})`;
  const sql = `AS RESTRICTIVE FOR INSERT TO ${escapeIdentifier(role)} WITH CHECK (${check})`;
  return [{ name: `${role} announces`, table: 'outbox_events', sql }];
}

async function consumerPolicies(database: Client, role: string, login: Login): Promise<Policy[]> {
  if (login.broker?.as !== 'consumer') return forgetsPolicy(role, login);
  const tables = await tablesWithConsumer(database);
  return tables.flatMap((table) => ownRows(role, login, table, 'consumer'));
}

/** One that is no consumer has only those handle an event again of whom it says so. */
function forgetsPolicy(role: string, { tables, forgets: consumers }: Login): Policy[] {
  if (!tables.processed_events?.includes('DELETE')) return [];
  const sql = `AS RESTRICTIVE FOR DELETE TO ${escapeIdentifier(role)} USING (consumer = ANY (ARRAY[${consumers.map(escapeLiteral).join(', ')}]::text[]))`;
  return [{ name: `${role} forgets`, table: 'processed_events', sql }];
}

/** It writes only rows that name it. */
function ownRows(role: string, login: Login, table: string, column: string): Policy[] {
  const rights = login.tables[table] ?? [];
  const own = `${column} = ${escapeLiteral(login.name)}`;
  const policy = (verb: 'INSERT' | 'UPDATE' | 'DELETE', condition: string): Policy[] =>
    rights.includes(verb)
      ? [
          {
            name: `${role} ${verb.toLowerCase()}s`,
            table,
            sql: `AS RESTRICTIVE FOR ${verb} TO ${escapeIdentifier(role)} ${condition}`,
          },
        ]
      : [];
  return [
    ...policy('INSERT', `WITH CHECK (${own})`),
    ...policy('UPDATE', `USING (${own}) WITH CHECK (${own})`),
    ...policy('DELETE', `USING (${own})`),
  ];
}

async function tablesWithConsumer(database: Client): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'consumer'
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY($1::text[]) ORDER BY 1`,
    [Object.keys(consumerTables)],
  );
  return rows.map(({ name }) => name);
}

const EVERYBODY = 'all rows';

/** Has a table ask its policies, the first of which lets everybody do as the grants say. */
async function open(database: Client, table: string): Promise<void> {
  const { rows } = await database.query<{ open: boolean }>(
    `SELECT c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = $2) AS open
     FROM pg_class c WHERE c.oid = $1::regclass`,
    [escapeIdentifier(table), EVERYBODY],
  );
  if (rows[0]?.open) return;
  const name = escapeIdentifier(table);
  await database.query(`DROP POLICY IF EXISTS ${escapeIdentifier(EVERYBODY)} ON ${name}`);
  await database.query(
    `CREATE POLICY ${escapeIdentifier(EVERYBODY)} ON ${name} USING (true) WITH CHECK (true)`,
  );
  await database.query(`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY`);
}

async function present(database: Client, role: string): Promise<Map<string, Policy>> {
  const { rows } = await database.query<Policy>(
    `SELECT p.polname AS name, c.relname AS table, obj_description(p.oid, 'pg_policy') AS sql
     FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
     WHERE c.relnamespace = current_schema()::regnamespace AND NOT p.polpermissive
       AND p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = $1)]`,
    [role],
  );
  return new Map(rows.map((row) => [keyOf(row), row]));
}
