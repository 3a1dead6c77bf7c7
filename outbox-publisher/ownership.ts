import { Client } from 'pg';
import { sessionConfig } from '../shared/service/session-settings';

// Any two numbers that nobody else uses in this database; these spell "mesh" and "rely".
const LOCK = [0x6d657368, 0x72656c79];

/**
 * A connection on which one relay owns the outbox, by a session advisory lock. All that the owner reads
 * and marks goes over this same connection: when it breaks, so does the ownership, and nothing can be
 * marked by a relay that has lost it.
 */
export async function connectOwner(databaseUrl: string, onLost: (error: Error) => void): Promise<Client> {
  const session = sessionConfig(databaseUrl, {
    kind: 'service',
    applicationName: 'outbox-publisher',
    connectTimeoutMs: 5_000,
    // Should this machine vanish without a word, the server gives the lock away within seconds. Plans know their
    // parameters: only against a known list are rows looked up by hash instead of one by one. And a mark need not
    // be on the disk at once: one that is lost with the server is an event published twice, and none is lost.
    options:
      '-c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3 -c tcp_user_timeout=5000 ' +
      '-c synchronous_commit=off -c plan_cache_mode=force_custom_plan',
  });
  const client = new Client({ ...session, query_timeout: 30_000 });
  client.on('error', onLost);
  client.on('end', () => onLost(new Error('the database connection ended')));
  await client.connect();
  return client;
}

export async function tryToOwn(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ owned: boolean }>(
    'SELECT pg_try_advisory_lock($1, $2) AS owned',
    LOCK,
  );
  return rows[0]?.owned === true;
}

export async function giveUp(client: Client): Promise<void> {
  await client.query('SELECT pg_advisory_unlock($1, $2)', LOCK);
}
