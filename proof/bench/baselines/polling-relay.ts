import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { connectBroker } from '../../../shared/messaging/connect-broker';
import { PostgresClient } from '../../../shared/service/postgres-client';
import { sessionConfig } from '../../../shared/service/session-settings';
import { markPublished } from '../../../outbox-publisher/outbox-rows';
import { toMessage, type StoredEvent } from '../../../shared/messaging/event-message';

// A relay as many are: once a second it reads all that waits, publishes it with confirms, and marks it.

const EVERY_MS = 1_000;
let stopping = false;

async function main(): Promise<void> {
  const database = new PostgresClient(
    sessionConfig(process.env.DATABASE_URL ?? '', { kind: 'command', applicationName: 'bench' }),
  );
  await database.connect();
  const connection = await connectBroker(process.env.RABBITMQ_URL ?? '', { noDelay: true });
  const channel = await connection.createConfirmChannel();
  createServer((_request, response) => response.end('{}')).listen(
    Number(process.env.HEALTH_PORT),
    '127.0.0.1',
  );

  for (let next = Date.now(); !stopping; await delay(Math.max(0, next - Date.now()))) {
    next += EVERY_MS;
    const { rows } = await database.query<StoredEvent & { seq: string }>(
      `SELECT seq, event_id, type, correlation_id, created_at, body::text AS body, attempts
       FROM outbox_events ORDER BY seq`,
    );
    for (const row of rows) {
      const { exchange, routingKey, body, properties } = toMessage(row, {
        exchange: 'ordermesh.events',
        routingKey: row.type,
      });
      channel.publish(exchange, routingKey, body, { ...properties, persistent: true });
    }
    await channel.waitForConfirms();
    await markPublished(
      database,
      rows.map((row) => row.seq),
    );
  }
  process.exit(0);
}

process.on('SIGTERM', () => (stopping = true));
process.on('disconnect', () => process.exit(0));
main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
