import { connectBroker } from '../../shared/messaging/connect-broker';
import { PostgresPool } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';

/** Throws unless the database accepts these credentials and answers a query. */
export async function assertPostgresAnswers(url: string, timeoutMs = 5000): Promise<void> {
  const pool = new PostgresPool({
    ...sessionConfig(url, {
      kind: 'service',
      applicationName: 'ordermesh-ready',
      connectTimeoutMs: timeoutMs,
    }),
    max: 1,
    query_timeout: timeoutMs,
  });
  pool.on('error', () => undefined);
  try {
    await pool.query('SELECT 1');
  } finally {
    await pool.end().catch(() => undefined);
  }
}

/** Throws unless the broker accepts these credentials and opens a connection. */
export async function assertRabbitmqAnswers(url: string, timeoutMs = 5000): Promise<void> {
  const connection = await connectBroker(url, { timeout: timeoutMs });
  await connection.close();
}

/** Throws unless the management API answers; `url` carries the credentials. */
export async function assertManagementAnswers(url: string, timeoutMs = 5000): Promise<void> {
  const { username, password, origin } = new URL(url);
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString(
    'base64',
  );
  const response = await fetch(`${origin}/api/overview`, {
    headers: { authorization: `Basic ${login}` }, // fetch refuses credentials in the URL
    signal: AbortSignal.timeout(timeoutMs),
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${origin}/api/overview answered ${response.status}`);
}
