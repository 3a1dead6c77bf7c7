import { PostgresClient } from '../../shared/service/postgres-client';
import { sessionConfig } from '../../shared/service/session-settings';

/**
 * After the broker had to begin empty: has each consumer send itself again what was in its queues (see
 * shared/messaging/fetch-missed.ts, which does so for what was published and never delivered). Here it is told of the
 * rest: what waited in a retry queue or was a dead letter that nobody had discarded is due again now, and a consumer that never ran has missed
 * everything since it subscribed. Repeatable; what was handled after all is a duplicate.
 */
export async function sendAgain(databaseUrl: string): Promise<void> {
  const client = new PostgresClient(
    sessionConfig(databaseUrl, { kind: 'command', applicationName: 'ordermesh-start' }),
  );
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    // Each by itself, and not all since the oldest: of what is older than the retention of processed_events, nobody
    // knows any more what was handled.
    await client.query(`
      UPDATE delivery_failures f SET outcome = 'RETRIED', retry_at = now() - interval '2 minutes'
      WHERE f.outcome <> 'DISCARDED' AND EXISTS (SELECT FROM event_log e WHERE e.event_id = f.event_id)
        AND NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = f.consumer AND p.event_id = f.event_id)
        AND NOT EXISTS (SELECT FROM delivery_failures g
          WHERE g.consumer = f.consumer AND g.event_id = f.event_id AND g.id > f.id)`);
    await client.query(`
      INSERT INTO consumer_watermarks (consumer, complete_to, checked_at)
      SELECT s.consumer, min(s.since), to_timestamp(0) FROM subscriptions s
      WHERE s.until IS NULL AND NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = s.consumer)
      GROUP BY s.consumer ON CONFLICT DO NOTHING`);
  } finally {
    await client.end();
  }
}
