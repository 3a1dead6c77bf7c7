import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { draftDeadline } from '../shared/lifecycle/draft-deadline';
import { briefly } from '../shared/messaging/failure';
import { apiConfig, ConfigError, readConfig } from '../shared/service/config';
import { openDatabase, warmUp } from '../shared/service/database';
import { PortTakenError } from '../shared/service/exit-codes';
import { runService } from '../shared/service/run-service';
import { buildApp } from './app';
import { closeApiServer, createApiServer } from './http/api-server';
import { forgetKeys } from './idempotency/forget-keys';
import { openLive } from './live/live';
import { watchBacklog } from './orders/backlog';

const DRAIN_MS = 8_000;
/** Connections that wait to be accepted. One too many is dropped, and its client tries again in seconds, then in tens of them. */
const LISTEN_QUEUE = 4_096;

runService('order-api', async (log) => {
  const config = readConfig(apiConfig.safeExtend({ DRAFT_DEADLINE: draftDeadline }));
  const database = openDatabase({
    url: config.DATABASE_URL,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: 'order-api',
    // Somebody is waiting: after that they are told to try again.
    answerTimeoutMs: 8_000,
    onIdleError: (error) => log.warn({ error: briefly(error) }, 'a database connection broke'),
  });
  await warmUp(database);
  const forgetting = forgetKeys(database, log);
  const backlog = watchBacklog(database, config.MAX_WAITING_ORDERS, log);
  const live = openLive(database, log, { most: config.MAX_STREAMS });
  const app = buildApp({
    database,
    log,
    live,
    cardTokenKey: config.CARD_TOKEN_KEY,
    mostInProgress: config.MAX_REQUESTS,
    backlog,
    draftDeadlineMs: config.DRAFT_DEADLINE,
  });
  const server = createApiServer(app, config.KEEP_ALIVE_TIMEOUT);
  const port = await listen(server, config.PORT, config.HOST);
  log.info({ port, host: config.HOST }, 'listening');
  if (!config.CARD_TOKEN_KEY)
    log.warn('CARD_TOKEN_KEY is not set: orders that are to be paid by card are refused');
  return async () => {
    await Promise.all([closeApiServer(server, DRAIN_MS), backlog.stop(), forgetting.stop(), live.stop()]);
    await database.$disconnect();
  };
});

const CANNOT_LISTEN: Record<string, string> = {
  EACCES: 'may not be used by this user; set PORT to one above 1023',
  EADDRNOTAVAIL: 'is not an address of this machine; set HOST to one',
  ENOTFOUND: 'is not an address of this machine; set HOST to one',
};

/** @returns the port it listens on. @throws {PortTakenError} {ConfigError} when it may not */
async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: LISTEN_QUEUE }, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new PortTakenError(
        `Cannot listen: ${host}:${port} is in use; stop what listens there, or set PORT to another.`,
      );
    const why = CANNOT_LISTEN[error.code ?? ''];
    throw why ? new ConfigError(`Cannot listen: ${host}:${port} ${why}.`) : error;
  });
  return (server.address() as AddressInfo).port;
}
