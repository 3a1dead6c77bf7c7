import { connectBroker } from '../../../shared/messaging/connect-broker';
import { PostgresClient } from '../../../shared/service/postgres-client';
import { sessionConfig } from '../../../shared/service/session-settings';
import { toMessage, type StoredEvent } from '../../../shared/messaging/event-message';

// What RabbitMQ and amqplib give at most: the bodies of an outbox, held in memory, published persistently
// with so many confirms awaited at a time. No reading, no marking, no order to keep after a failure.

const WINDOW = 500;

async function main(): Promise<number> {
  const database = new PostgresClient(
    sessionConfig(process.env.DATABASE_URL ?? '', { kind: 'command', applicationName: 'bench' }),
  );
  await database.connect();
  const { rows } = await database.query<StoredEvent>(
    'SELECT event_id, type, correlation_id, created_at, body::text AS body FROM outbox_events ORDER BY seq',
  );
  await database.end();
  const messages = rows.map((row) => toMessage(row, { exchange: 'ordermesh.events', routingKey: row.type }));

  const connection = await connectBroker(process.env.RABBITMQ_URL ?? '', { noDelay: true });
  const channel = await connection.createConfirmChannel();
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    let sent = 0;
    let confirmed = 0;
    const next = () => {
      const message = messages[sent++];
      if (!message) return;
      const { exchange, routingKey, body, properties } = message;
      channel.publish(exchange, routingKey, body, { ...properties, persistent: true }, (error) => {
        if (error) return reject(error as Error);
        confirmed += 1;
        if (confirmed === messages.length) resolve();
        else next();
      });
    };
    for (let room = WINDOW; room > 0; room -= 1) next();
  });
  const seconds = (performance.now() - startedAt) / 1000;
  await connection.close();
  return messages.length / seconds;
}

process.on('disconnect', () => process.exit(0));
main().then(
  (rate) => process.send?.({ rate }),
  (error: Error) => {
    console.error(error);
    process.exit(1);
  },
);
