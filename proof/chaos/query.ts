import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';

/** One query on a connection of its own: none outlives what is done to the server. */
export async function query<Row extends object>(
  databaseUrl: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new PostgresClient({
    ...sessionConfig(databaseUrl, { kind: 'command', applicationName: 'chaos', connectTimeoutMs: 5_000 }),
    query_timeout: 30_000,
  });
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
