import type { Client } from 'pg';
import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';
import type { UsersArguments } from './arguments';
import { findLogins, type Login } from './find-logins';
import { findBrokerUser } from './find-broker-user';
import { makeBrokerUser, permissionsOf, type Management } from './make-broker-users';
import { makeRole, removeRole } from './make-roles';
import { passwordOf, type Password } from './passwords';

export interface Servers {
  databaseUrl: string;
  /** Undefined where only PostgreSQL is set up. */
  management: Management | undefined;
  say: (line: string) => void;
}

/** Makes or ends the logins, one after the other: cut off anywhere, it is simply run again. */
export async function setUpLogins(servers: Servers, args: UsersArguments): Promise<void> {
  const database = new PostgresClient(
    sessionConfig(servers.databaseUrl, { kind: 'migration', applicationName: 'ordermesh-users' }),
  );
  database.on('error', () => undefined); // the query in progress rejects with it
  await database.connect();
  try {
    if (args.remove.length > 0) return await remove(database, servers, args);
    const logins = await findLogins(database);
    // Before anything is changed.
    if (servers.management) await refuseStrangers(servers.management, logins, args);
    if (args.only !== 'rabbitmq') await makeRoles(database, logins, servers, args);
    if (servers.management) await makeBrokerUsers(servers.management, logins, servers, args);
    if (args.only !== 'rabbitmq') await warnOfOpenSchema(database, servers);
  } finally {
    await database.end();
  }
}

async function refuseStrangers(
  management: Management,
  logins: readonly Login[],
  { prefix }: UsersArguments,
): Promise<void> {
  for (const { name } of logins.filter(({ broker }) => broker))
    await findBrokerUser(management, prefix + name, name, 'choose other names with --prefix, or delete it');
}

async function makeRoles(
  database: Client,
  logins: readonly Login[],
  { say }: Servers,
  { prefix, passwords }: UsersArguments,
): Promise<void> {
  for (const login of logins) {
    const given = passwordOf(passwords, login.name, 'database');
    const changed = await makeRole(database, prefix + login.name, login, given.password);
    say(
      `PostgreSQL  ${prefix}${login.name}: ${changed ? `${changed} rights changed` : 'as it was'}${where(given)}`,
    );
  }
}

async function makeBrokerUsers(
  management: Management,
  logins: readonly Login[],
  { say }: Servers,
  { prefix, passwords }: UsersArguments,
): Promise<void> {
  const consumers = logins.filter(({ broker }) => broker?.as === 'consumer').map(({ name }) => name);
  for (const login of logins) {
    const permissions = permissionsOf(login, consumers);
    if (!permissions) continue;
    const given = passwordOf(passwords, login.name, 'rabbitmq');
    await makeBrokerUser(management, prefix + login.name, given.password, permissions);
    say(`RabbitMQ    ${prefix}${login.name}${where(given)}`);
  }
}

const where = ({ file }: Password) => (file ? `; its password is in ${file}` : '');

async function remove(
  database: Client,
  { management, say }: Servers,
  { remove: names, prefix, only }: UsersArguments,
): Promise<void> {
  for (const name of names) {
    const login = prefix + name;
    // Before the role goes: of a login that is not this mesh's, nothing does.
    const user = management && (await findBrokerUser(management, login, name, 'nothing was removed'));
    const role = only !== 'rabbitmq' && (await removeRole(database, login, name));
    if (user) await management.ask('DELETE', `users/${encodeURIComponent(login)}`);
    say(role || user ? `${login} is gone` : `There was no login ${login}`);
  }
}

/** PostgreSQL 14, and what was upgraded from it, lets everybody make tables in public. */
async function warnOfOpenSchema(database: Client, { say }: Servers): Promise<void> {
  const { rows } = await database.query<{ schema: string; open: boolean }>(
    `SELECT current_schema() AS schema, EXISTS (
       SELECT FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
       WHERE n.nspname = current_schema() AND a.grantee = 0 AND a.privilege_type = 'CREATE') AS open`,
  );
  if (rows[0]?.open)
    say(
      `Everybody may make tables in the schema ${rows[0].schema}. Its owner ends that: REVOKE CREATE ON SCHEMA "${rows[0].schema}" FROM PUBLIC`,
    );
}
