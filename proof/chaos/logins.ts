import { randomBytes } from 'node:crypto';
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

const ROWS = 'SELECT, INSERT, UPDATE, DELETE';

/** Made after the set-up step, which owns what it makes: owners and superusers can be refused nothing. */
export async function makeLogins(
  servers: Record<ServerName, BreakableServer>,
  broker: BrokerDesk,
  services: readonly string[],
): Promise<Logins> {
  const { postgres } = servers;
  const password = randomBytes(12).toString('hex');
  const wrong = randomBytes(12).toString('hex');
  for (const service of services) {
    await query(postgres.url, `CREATE ROLE ${role(service)} LOGIN PASSWORD '${password}'`);
    await query(postgres.url, `GRANT ${ROWS} ON ALL TABLES IN SCHEMA public TO ${role(service)}`);
    await query(postgres.url, `GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role(service)}`);
    await broker.setPassword(service, password);
    await broker.permitAll(service);
  }
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
      [url.username, url.password] = [service, password];
      return url.toString();
    },
    setPassword: (service, server, right) => change[server](service, right ? password : wrong),
    revoke: (service, right) => statement(`REVOKE ${right} FROM ${role(service)}`),
    grant: (service, right) => statement(`GRANT ${right} TO ${role(service)}`),
  };
}

const role = (service: string) => `"${service}"`;
