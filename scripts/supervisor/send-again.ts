import { Client } from 'pg';
import { sessionConfig } from '../../shared/service/session-settings';

/**
 * After the broker had to begin empty: has every consumer look again for what was published for it and is not handled.
 * What was a dead letter counts as published, no more: the queue that held it is gone.
 */
export async function sendAgain(databaseUrl: string): Promise<void> {
  const client = new Client(
    sessionConfig(databaseUrl, { kind: 'command', applicationName: 'ordermesh-start' }),
  );
  client.on('error', () => undefined); // the query in progress rejects with it
  await client.connect();
  try {
    await client.query(`
      WITH lost AS (
        DELETE FROM delivery_failures f
        WHERE NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = f.consumer AND p.event_id = f.event_id)
        RETURNING consumer, event_id
      ), oldest AS (
        SELECT l.consumer, min(e.published_at) AS published_at
        FROM lost l JOIN event_log e ON e.event_id = l.event_id GROUP BY l.consumer
      )
      UPDATE consumer_watermarks w SET complete_to = least(w.complete_to, o.published_at - interval '1 microsecond')
      FROM oldest o WHERE o.consumer = w.consumer`);
  } finally {
    await client.end();
  }
}
