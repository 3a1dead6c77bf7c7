import { ConfigError } from './config';
import { PooledError, PostgresClient } from './postgres-client';
import { sessionConfig } from './session-settings';

const ASK_MS = 3_000;

/**
 * For a service that needs a session of its own with PostgreSQL: an ownership that is locked in a session must not lie with
 * a connection that a pooler lends to others. A database that is away says nothing about that, and is no error here.
 * @param variable that holds the URL
 * @throws {ConfigError} where a pooler answers
 */
export async function refusePooler(
  variable: 'DATABASE_URL' | 'DATABASE_DIRECT_URL',
  url: string,
): Promise<void> {
  const client = new PostgresClient({
    ...sessionConfig(url, {
      kind: 'service',
      applicationName: 'outbox-publisher',
      connectTimeoutMs: ASK_MS,
      direct: true,
    }),
    query_timeout: ASK_MS,
  });
  client.on('error', () => undefined); // the call in progress rejects with it
  try {
    await client.connect();
  } catch (error) {
    if (!(error instanceof PooledError)) return;
    const problem =
      variable === 'DATABASE_URL'
        ? `${variable}: ${error.message}`
        : `${variable}: a connection pooler answers there too: it has to be the URL of PostgreSQL itself`;
    throw new ConfigError(`Bad configuration:\n  ${problem}`, [problem]);
  } finally {
    client.end().catch(() => undefined);
  }
}
