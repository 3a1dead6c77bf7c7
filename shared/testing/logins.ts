import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PostgresClient } from '../service/postgres-client';
import { sessionConfig } from '../service/session-settings';
import type { TestBroker } from './test-broker';
import type { TestDatabase } from './test-database';

/** The logins that `npm run users` makes, on a test's own database and virtual host. */
export interface Logins {
  /** Whose there are. */
  names: readonly string[];
  /** Of its role and its user: as the folder is called, after this. */
  prefix: string;
  /** Where a login works; undefined where it has none there. */
  databaseUrl(login: string): string;
  rabbitmqUrl(login: string): string | undefined;
  /** Runs the command again, with more arguments. @returns what it said */
  run(...args: string[]): Promise<string>;
  /** After the database is dropped, for roles belong to the whole server. */
  drop(): Promise<void>;
}

export async function makeLogins(db: TestDatabase, broker: TestBroker): Promise<Logins> {
  const prefix = `t${randomBytes(4).toString('hex')}-`;
  const folder = mkdtempSync(join(tmpdir(), 'ordermesh-logins-'));
  const run = async (...args: string[]) => {
    const file = resolve('dist', 'scripts', 'users.js');
    const env = {
      PATH: process.env.PATH,
      DATABASE_URL: db.url,
      RABBITMQ_URL: broker.url,
      RABBITMQ_MANAGEMENT_URL: process.env.TEST_RABBITMQ_MANAGEMENT_URL,
    };
    const all = [file, '--prefix', prefix, '--passwords', folder, ...args];
    return (await promisify(execFile)(process.execPath, all, { env, timeout: 60_000 })).stdout;
  };
  await run();
  const names = readdirSync(folder).sort();
  const urlOf = (login: string, server: string, at: string) => {
    const url = new URL(at);
    url.username = prefix + login;
    url.password = readFileSync(join(folder, login, `${server}-password`), 'utf8').trim();
    return url.href;
  };
  return {
    names,
    prefix,
    databaseUrl: (login) => urlOf(login, 'database', db.url),
    rabbitmqUrl: (login) =>
      readdirSync(join(folder, login)).includes('rabbitmq-password')
        ? urlOf(login, 'rabbitmq', broker.url)
        : undefined,
    run,
    drop: async () => {
      const admin = new PostgresClient(
        sessionConfig(process.env.TEST_DATABASE_URL!, { kind: 'migration', applicationName: 'test' }),
      );
      await admin.connect();
      for (const name of names) {
        await admin.query(`DROP ROLE IF EXISTS "${prefix}${name}"`);
        await broker.manage('DELETE', `/api/users/${prefix}${name}`).catch(() => undefined);
      }
      await admin.end();
      rmSync(folder, { recursive: true });
    },
  };
}
