import { Client } from 'pg';
import { sessionConfig } from '../shared/service/session-settings';
import { applyMigrations } from './apply-migrations';
import { discoverExamples } from './supervisor/discover-services';
import { UserError } from './servers/search';
import { messageOf } from './servers/wait-until';

/**
 * Makes a migrated database for the tests to clone (in milliseconds, where
 * migrating each anew would take most of a second) and drops it afterwards. The
 * database that the URL names is only the one to connect to: it is not touched.
 */
export async function withTemplateDatabase<T>(
  adminUrl: string,
  work: (name: string) => Promise<T>,
): Promise<T> {
  const name = `ordermesh_template_${process.pid}`;
  await run(adminUrl, `DROP DATABASE IF EXISTS ${name}`);
  try {
    await run(adminUrl, `CREATE DATABASE ${name}`);
  } catch (error) {
    throw new UserError(
      `The tests make databases of their own, and could not: ${messageOf(error)}\n` +
        'Give DATABASE_URL a user with CREATEDB, or unset it to have a private PostgreSQL.',
    );
  }
  try {
    const template = new URL(adminUrl);
    template.pathname = `/${name}`;
    await applyMigrations(template.href, discoverExamples());
    return await work(name);
  } finally {
    await run(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client(sessionConfig(url, { kind: 'migration', applicationName: 'ordermesh-tests' }));
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
