import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { openManagement } from '../../scripts/users/management';
import { passwordOf } from '../../scripts/users/passwords';
import { setUpLogins } from '../../scripts/users/set-up-logins';
import type { BreakableServer, ServerName } from '../testbed/breakable-server';
import type { BrokerDesk } from './broker-desk';
import { query } from './query';

/** A PostgreSQL role and a broker's user of its own for each service, called like it: neither may do everything. */
export interface Logins {
  urlOf(service: string, server: ServerName): string;
  /** To the one that the service has or to another, and ends the sessions that are open. */
  setPassword(service: string, server: ServerName, right: boolean): Promise<void>;
  /** `INSERT ON processed_events` */
  revoke(service: string, right: string): Promise<void>;
  grant(service: string, right: string): Promise<void>;
}

/** Made after the set-up step, which owns what it makes: those of `npm run users`, with no right more than it gives. */
export async function makeLogins(
  servers: Record<ServerName, BreakableServer>,
  broker: BrokerDesk,
  folder: string,
): Promise<Logins> {
  const { postgres, rabbitmq } = servers;
  const passwords = path.join(folder, 'logins');
  const management = openManagement(rabbitmq.managementUrl, rabbitmq.url);
  await setUpLogins(
    { databaseUrl: postgres.url, management, say: () => undefined },
    { help: false, passwords, prefix: '', remove: [] },
  );
  const wrong = randomBytes(12).toString('hex');
  const ofServer = { postgres: 'database', rabbitmq: 'rabbitmq' } as const;
  const passwordAt = (service: string, server: ServerName) =>
    passwordOf(passwords, service, ofServer[server]).password;
  const statement = (text: string) => query(postgres.url, text).then(() => undefined);
  const change = {
    postgres: async (service: string, to: string) => {
      await statement(`ALTER ROLE ${role(service)} PASSWORD '${to}'`);
      await statement(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${service}'`);
    },
    rabbitmq: async (service: string, to: string) => {
      await broker.setPassword(service, to);
      await broker.disconnect(service);
    },
  };
  return {
    urlOf: (service, server) => {
      const url = new URL(servers[server].url);
      [url.username, url.password] = [service, passwordAt(service, server)];
      return url.toString();
    },
    setPassword: (service, server, right) =>
      change[server](service, right ? passwordAt(service, server) : wrong),
    revoke: (service, right) => statement(`REVOKE ${right} FROM ${role(service)}`),
    grant: (service, right) => statement(`GRANT ${right} TO ${role(service)}`),
  };
}

const role = (service: string) => `"${service}"`;
