import { count, duration, port, readConfig, workerConfig } from '../shared/service/config';
import { healthPorts } from '../shared/service/health-ports';
import { readHealthGauges } from '../shared/service/health-metrics';
import { serveHealth, type Health } from '../shared/service/health-server';
import { keepPresence, type Query } from '../shared/service/presence';
import { refusePooler } from '../shared/service/refuse-pooler';
import { runService } from '../shared/service/run-service';
import { stopInTurn } from '../shared/service/stop-in-turn';
import { watchWork } from '../shared/service/watch-work';
import { keepHistory } from './keep-history';
import { openSidePool, publishedSoFar, readOutboxGauges } from './relay-metrics';
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
  const databaseUrl = settings.DATABASE_DIRECT_URL ?? settings.DATABASE_URL;
  await refusePooler(settings.DATABASE_DIRECT_URL ? 'DATABASE_DIRECT_URL' : 'DATABASE_URL', databaseUrl);
  const pool = openSidePool(databaseUrl);
  const query: Query = async <T>(sql: string, ...parameters: unknown[]) =>
    (await pool.query(sql, parameters)).rows as T[];
  const presence = keepPresence({ query, parts: ['outbox-publisher'], log, done: publishedSoFar });
  const work = watchWork();
  const relay = startRelay(
    databaseUrl,
    settings.RABBITMQ_URL,
    { batchSize: settings.RELAY_BATCH, window: settings.RELAY_WINDOW },
    log,
    presence,
  );
  const stopHistory = keepHistory(
    databaseUrl,
    { eventLogMs: settings.EVENT_LOG_RETENTION, processedEventsMs: settings.PROCESSED_EVENTS_RETENTION },
    log,
    work.during,
  );
  readOutboxGauges(pool);
  const health: Health = {
    checks: { ...relay.health.checks, history: () => work.check() },
    alive: relay.health.alive,
    paused: () => presence.all(),
  };
  readHealthGauges(health, presence, ['outbox-publisher']);
  const served = await serveHealth(health, settings.HEALTH_PORT, settings.HEALTH_HOST);
  presence.begin(health);
  log.info({ health_port: served.port }, 'relaying');
  return () =>
    stopInTurn(
      {
        relay: () => Promise.all([relay.stop(), stopHistory()]),
        presence: () => presence.stop(),
        health: () => served.stop(),
        database: () => pool.end(),
      },
      log,
    );
});
