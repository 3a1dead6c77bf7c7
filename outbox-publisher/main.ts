import { count, duration, port, readConfig, workerConfig } from '../shared/service/config';
import { healthPorts } from '../shared/service/health-ports';
import { serveHealth } from '../shared/service/health-server';
import { runService } from '../shared/service/run-service';
import { keepHistory } from './keep-history';
import { readOutboxGauges } from './relay-metrics';
import { startRelay } from './relay';

const config = workerConfig.extend({
  HEALTH_PORT: port.default(healthPorts['outbox-publisher'] ?? 0),
  /** Rows read at a time. */
  RELAY_BATCH: count(500, 5_000),
  /** Publishes awaiting their confirm at most. */
  RELAY_WINDOW: count(1_000, 10_000),
  /** How long published events are kept. */
  EVENT_LOG_RETENTION: duration('90d'),
  /** How long is kept which consumer has handled which event: longer than any message may take to come back. */
  PROCESSED_EVENTS_RETENTION: duration('30d'),
});

runService('outbox-publisher', async (log) => {
  const settings = readConfig(config);
  const relay = startRelay(
    settings.DATABASE_URL,
    settings.RABBITMQ_URL,
    { batchSize: settings.RELAY_BATCH, window: settings.RELAY_WINDOW },
    log,
  );
  const stopHistory = keepHistory(
    settings.DATABASE_URL,
    { eventLogMs: settings.EVENT_LOG_RETENTION, processedEventsMs: settings.PROCESSED_EVENTS_RETENTION },
    log,
  );
  const stopGauges = readOutboxGauges(settings.DATABASE_URL);
  const health = await serveHealth(relay.health, settings.HEALTH_PORT, settings.HEALTH_HOST);
  log.info({ health_port: health.port }, 'relaying');
  return async () => {
    await Promise.all([relay.stop(), stopHistory()]);
    await health.stop();
    await stopGauges();
  };
});
