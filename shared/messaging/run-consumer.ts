import { consumerConfigWith, count, port, readConfig, readTogether } from '../service/config';
import { openDatabase, warmUp, type Database } from '../service/database';
import { FIRST_OTHER_HEALTH_PORT, healthPorts } from '../service/health-ports';
import { collectReads, type Read } from '../service/answer-read';
import { serveHealth } from '../service/health-server';
import type { Logger } from '../service/logger';
import { readGauge } from '../service/metrics';
import { databaseIsUsable, neededMigrations } from '../service/schema-version';
import { runService, type Stop } from '../service/run-service';
import { startConsumer } from './consumer';
import { briefly } from './failure';
import type { HandlerTable } from './handler';
import { retryDelays } from './retry-config';

/**
 * Something that a service does beside consuming. It is called first, to read its configuration; what it
 * returns starts it, and returns how to stop it.
 */
export type Worker = () => (context: WorkerContext) => Stop;

export interface WorkerContext {
  database: Database;
  log: Logger;
  /** Has `GET /<name>/<key>` answered at the service's health port. */
  answer: (name: string, read: Read) => void;
}

/** A service that nobody waits for: it takes its work half a second's at a time, at a fraction of the price. */
export interface PatientService {
  patient: string;
}

const USUAL = { batch: 50, prefetch: 150, restMs: 0 };
const PATIENT = { batch: 500, prefetch: 1_500, restMs: 500 };

/**
 * Runs a consuming service as this process: configuration, database, consumer, health, drain.
 * @param given the folder's name
 * @param handlers its table: the routing, the bindings and the documentation
 * @param workers what it does beside, stopped after the consumer has drained
 */
export function runConsumer(
  given: string | PatientService,
  handlers: HandlerTable,
  ...workers: Worker[]
): void {
  const [service, habits] = typeof given === 'string' ? [given, USUAL] : [given.patient, PATIENT];
  runService(service, async (log) => {
    const schema = consumerConfigWith({
      RETRY_DELAYS: retryDelays,
      HEALTH_PORT: healthPort(service),
      CONSUMER_PREFETCH: count(habits.prefetch, 10_000),
    });
    const [config, ...startWorkers] = readTogether(() => readConfig(schema), ...workers);
    const database = openDatabase({
      url: config.DATABASE_URL,
      poolSize: config.DATABASE_POOL_SIZE,
      applicationName: service,
      onIdleError: (error) => log.warn({ error: briefly(error) }, 'a database connection broke'),
    });
    await warmUp(database);
    const consumer = startConsumer({
      name: service,
      handlers,
      database,
      rabbitmqUrl: config.RABBITMQ_URL,
      log,
      // Who sets one of the two for all services need not know what each takes of the other.
      batchSize: config.CONSUMER_BATCH ?? Math.min(habits.batch, config.CONSUMER_PREFETCH - 1),
      prefetch: config.CONSUMER_PREFETCH,
      retryDelays: config.RETRY_DELAYS,
      restMs: habits.restMs,
    });
    readGauge(
      'ordermesh_dead_letters',
      'Messages in the dead-letter queue of the service; each of its instances says so',
      ['service'],
      () => {
        const value = consumer.deadLetters();
        return value === undefined ? [] : [{ labels: { service }, value }];
      },
    );
    const { reads, answer } = collectReads(log);
    const stopWorkers = startWorkers.map((start) => start({ database, log, answer }));
    const health = await serveHealth(
      {
        checks: {
          database: databaseIsUsable(database, neededMigrations(service)),
          consumer: () => consumer.notReadyBecause() ?? true,
        },
        alive: () => consumer.isAlive() || 'it has been at the same batch for too long',
        reads,
      },
      config.HEALTH_PORT,
      config.HEALTH_HOST,
    );
    log.info({ health_port: health.port }, 'consuming');
    return async () => {
      await consumer.stop();
      for (const stop of stopWorkers) await stop();
      await health.stop();
      await database.$disconnect();
    };
  });
}

const healthPort = (service: string) => port.default(healthPorts[service] ?? FIRST_OTHER_HEALTH_PORT);
