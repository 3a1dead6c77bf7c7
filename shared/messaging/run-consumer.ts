import { consumerConfigWith, count, duration, port, readConfig, readTogether } from '../service/config';
import { openDatabase, warmUp, type Database } from '../service/database';
import { FIRST_OTHER_HEALTH_PORT, healthPorts } from '../service/health-ports';
import { collectReads, type Read } from '../service/answer-read';
import type { Event } from '../events/envelope';
import { serveHealth, type Health } from '../service/health-server';
import type { Logger } from '../service/logger';
import { NO_REST, readGauge } from '../service/metrics';
import type { Pauses } from '../service/pauses';
import { keepPresence, queryOf } from '../service/presence';
import { readHealthGauges } from '../service/health-metrics';
import { databaseIsUsable, neededMigrations } from '../service/schema-version';
import { openPipeline } from '../service/pipeline';
import { runService, type Stop } from '../service/run-service';
import { stopInTurn } from '../service/stop-in-turn';
import { watchWork, type WorkWatch } from '../service/watch-work';
import { within } from '../service/within';
import { startConsumer } from './consumer';
import { endWhenStuck } from './end-when-stuck';
import { briefly } from './failure';
import type { HandlerTable } from './handler';
import { retryDelays } from './retry-config';

const WARM_UP_MS = 2_000;

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
  /** What is paused of the service's parts. A worker of a service that is paused does nothing. */
  pauses: Pauses;
  /** Does a piece of a worker's work: where it hangs, the service is not ready. */
  during: WorkWatch['during'];
}

/** A service of which there is more to say than its name. */
export interface ServiceHabits {
  service: string;
  /** What can be paused of it beside itself. */
  parts?: readonly string[];
  /** How long an event may wait for others after a round, while others come, in milliseconds, where nobody waits for what comes of it. */
  patienceMs?: (event: Event) => number;
  /** Unless the configuration says otherwise: deliveries in one transaction, and unacknowledged ones, at most. */
  batch?: number;
  prefetch?: number;
}

/**
 * Runs a consuming service as this process: configuration, database, consumer, health, pauses, drain.
 * @param given the folder's name, or more about the service
 * @param handlers its table: the routing, the bindings and the documentation
 * @param workers what it does beside, told to stop while the consumer drains
 */
export function runConsumer(
  given: string | ServiceHabits,
  handlers: HandlerTable,
  ...workers: Worker[]
): void {
  const habits: ServiceHabits = typeof given === 'string' ? { service: given } : given;
  const { service, parts = [], batch = 50, prefetch = 150 } = habits;
  runService(service, async (log) => {
    const schema = consumerConfigWith({
      RETRY_DELAYS: retryDelays,
      HEALTH_PORT: healthPort(service),
      CONSUMER_PREFETCH: count(prefetch, 10_000),
      /** A handler that takes longer never ends: the process is ended. */
      HANDLER_LIMIT: duration('2m'),
    });
    const [config, ...startWorkers] = readTogether(() => readConfig(schema), ...workers);
    const options = {
      url: config.DATABASE_URL,
      applicationName: service,
      onIdleError: (error: Error) => log.warn({ error: briefly(error) }, 'a database connection broke'),
    };
    // One batch at a time: of the connections that it may have, one is for that.
    const database = openDatabase({ ...options, poolSize: Math.max(1, config.DATABASE_POOL_SIZE - 1) });
    const transactions = openPipeline({ ...options, poolSize: 1 });
    // A database that hangs must not keep the service from answering at its health port; it warms up all the same.
    await within(WARM_UP_MS, warmUp(database)).catch(() => undefined);
    let settled = () => 0;
    const query = queryOf(database);
    const presence = keepPresence({ query, parts: [service, ...parts], log, done: () => settled() });
    const consumer = startConsumer({
      name: service,
      handlers,
      database,
      transactions,
      rabbitmqUrl: config.RABBITMQ_URL,
      log,
      // Who sets one of the two for all services need not know what each takes of the other.
      batchSize: config.CONSUMER_BATCH ?? Math.min(batch, config.CONSUMER_PREFETCH - 1),
      prefetch: config.CONSUMER_PREFETCH,
      retryDelays: config.RETRY_DELAYS,
      patienceMs: habits.patienceMs,
      pauses: presence,
    });
    settled = () => consumer.settled();
    const stuck = endWhenStuck({ consumer, database, log, limitMs: config.HANDLER_LIMIT });
    readGauge(
      'ordermesh_dead_letters',
      'Messages in the dead-letter queue of the service; each of its instances says so',
      ['service'],
      () => {
        const value = consumer.deadLetters();
        return value === undefined ? [] : [{ labels: { service }, value }];
      },
      { rest: NO_REST },
    );
    readGauge(
      'ordermesh_consumer_unacknowledged',
      'Messages that this instance has and RabbitMQ has heard nothing of yet',
      ['consumer'],
      () => [{ labels: { consumer: service }, value: consumer.unacknowledged() }],
      { rest: NO_REST },
    );
    const { reads, answer } = collectReads(log);
    const work = watchWork();
    const context: WorkerContext = { database, log, answer, pauses: presence, during: work.during };
    const stopWorkers = startWorkers.map((start) => start(context));
    const health: Health = {
      checks: {
        database: databaseIsUsable(database, neededMigrations(service)),
        consumer: () => consumer.notReadyBecause() ?? stuck.check(),
        ...(workers.length > 0 ? { workers: () => work.check() } : {}),
      },
      alive: () => stuck.check(),
      paused: () => presence.all(),
      reads,
    };
    readHealthGauges(health, presence, [service, ...parts]);
    const served = await serveHealth(health, config.HEALTH_PORT, config.HEALTH_HOST);
    presence.begin(health);
    log.info({ health_port: served.port }, 'consuming');
    return () =>
      stopInTurn(
        {
          // At the same time: a worker that went on until a slow drain is over would begin what it has no time to end.
          work: () => Promise.all([consumer.stop(), ...stopWorkers.map((stop) => stop())]),
          watch: async () => stuck.stop(),
          presence: () => presence.stop(),
          health: () => served.stop(),
          transactions: () => transactions.close(),
          database: () => database.$disconnect(),
        },
        log,
      );
  });
}

const healthPort = (service: string) => port.default(healthPorts[service] ?? FIRST_OTHER_HEALTH_PORT);
