import { draftDeadline } from '../shared/lifecycle/draft-deadline';
import { briefly } from '../shared/messaging/failure';
import type { z } from 'zod';
import { isLoopback, type Credential, type RateLimit } from '../shared/service/access-config';
import { apiConfig, readConfig } from '../shared/service/config';
import { openDatabase, warmUp } from '../shared/service/database';
import { listen } from '../shared/service/listen';
import type { Logger } from '../shared/service/logger';
import { pause } from '../shared/service/pause';
import { keepPresence, queryOf } from '../shared/service/presence';
import { runService } from '../shared/service/run-service';
import { stopInTurn } from '../shared/service/stop-in-turn';
import { within } from '../shared/service/within';
import { openAuthentication } from './access/authenticate';
import type { TokenSettings } from './access/check-token';
import { buildApp } from './app';
import { closeApiServer, createApiServer } from './http/api-server';
import { forgetKeys } from './idempotency/forget-keys';
import { openLive } from './live/live';
import { watchBacklog } from './orders/backlog';
import { readOrderGauges } from './orders/order-gauges';
import { openReads } from './reads/reads';

const DRAIN_MS = 8_000;
/** Usually it is prepared by then when it begins to listen. Where the database hangs it listens all the same, and is not ready. */
const PREPARE_MS = 2_000;
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
  let isWarm = false;
  let knowsPauses = false;
  const warm = warmUp(database).then(() => (isWarm = true));
  const presence = keepPresence({ query: queryOf(database), parts: ['order-api'], log });
  presence.onRead(() => (knowsPauses = true));
  const prepared = within(PREPARE_MS, Promise.all([warm, presence.known()])).catch(() => undefined);
  const forgetting = forgetKeys(database, log);
  const backlog = watchBacklog(database, config.MAX_WAITING_ORDERS, log);
  const live = openLive(database, log, { most: config.MAX_STREAMS });
  const credentials = config.AUTH ?? [];
  const authenticate = await openAuthentication(database, {
    keys: credentials.includes('keys'),
    tokens: credentials.includes('jwt') ? tokenSettings(config, log) : undefined,
  });
  await prepared;
  const reads = config.DATABASE_READ_URL
    ? openReads({
        primary: database,
        url: config.DATABASE_READ_URL,
        poolSize: config.DATABASE_POOL_SIZE,
        log,
      })
    : undefined;
  let isLeaving = false;
  const app = buildApp({
    database,
    ...(reads && { reads }),
    log,
    live,
    cardTokenKey: config.CARD_TOKEN_KEY,
    mostInProgress: config.MAX_REQUESTS,
    backlog,
    presence,
    draftDeadlineMs: config.DRAFT_DEADLINE,
    allowPrivateWebhooks: config.WEBHOOK_ALLOW_PRIVATE,
    authenticate,
    rateLimits: rateLimits(config),
    trustProxy: config.TRUST_PROXY,
    startsBecause: () =>
      isWarm ? (knowsPauses ? undefined : 'it does not know yet what is paused') : 'it is warming up',
    isLeaving: () => isLeaving,
    corsOrigins: config.CORS_ORIGINS,
  });
  readOrderGauges(database);
  const server = createApiServer(app, {
    keepAliveMs: config.KEEP_ALIVE_TIMEOUT,
    requestMs: config.REQUEST_TIMEOUT,
    maxConnections: config.MAX_CONNECTIONS,
  });
  const port = await listen(
    server,
    { port: config.PORT, host: config.HOST, backlog: LISTEN_QUEUE },
    { port: 'PORT', host: 'HOST' },
  );
  log.info({ port, host: config.HOST }, 'listening');
  sayWhoMay(config, log);
  if (!config.CARD_TOKEN_KEY)
    log.warn('CARD_TOKEN_KEY is not set: orders that are to be paid by card are refused');
  return async () => {
    isLeaving = true;
    const leaveAfterMs = config.LEAVE_AFTER ?? 0;
    await stopInTurn(
      {
        leaving: () => pause(leaveAfterMs),
        requests: () =>
          Promise.all([
            closeApiServer(server, DRAIN_MS - leaveAfterMs),
            backlog.stop(),
            forgetting.stop(),
            live.stop(),
          ]),
        presence: () => presence.stop(),
        reads: async () => reads?.stop(),
        database: () => database.$disconnect(),
      },
      log,
    );
  };
});

type Config = z.output<typeof apiConfig>;

const tokenSettings = (config: Config, log: Logger): TokenSettings => ({
  // That they are set where AUTH has jwt, the configuration has been asked.
  issuer: config.JWT_ISSUER!,
  audience: config.JWT_AUDIENCE!,
  clockToleranceMs: config.JWT_CLOCK_TOLERANCE,
  keys: { url: config.JWT_JWKS_URL!, log },
  claims: {
    role: config.JWT_ROLE_CLAIM,
    restaurants: config.JWT_RESTAURANTS_CLAIM,
    customer: config.JWT_CUSTOMER_CLAIM,
  },
});

const PER_CALLER: RateLimit = { requests: 6_000, windowMs: 60_000 };
const PER_ADDRESS: RateLimit = { requests: 12_000, windowMs: 60_000 };

/** Where nobody has to say who they are, it is a trusted network or a proxy that limits: no bound unless one is set. */
function rateLimits({ AUTH = [], RATE_LIMIT_CALLER, RATE_LIMIT_ADDRESS }: Config) {
  const unlessOff = (given: RateLimit | 'off' | undefined, otherwise: RateLimit) =>
    given === 'off' ? undefined : (given ?? (AUTH.length > 0 ? otherwise : undefined));
  return {
    caller: unlessOff(RATE_LIMIT_CALLER, PER_CALLER),
    address: unlessOff(RATE_LIMIT_ADDRESS, PER_ADDRESS),
  };
}

const CREDENTIALS: Record<Credential, string> = { keys: 'API keys', jwt: 'tokens' };

function sayWhoMay({ AUTH, HOST, JWT_JWKS_URL }: Config, log: Logger): void {
  if (AUTH === undefined)
    log.info(
      'AUTH is not set: every program on this machine may do everything, a browser included, and other machines do not get here',
    );
  else if (AUTH.length === 0 && !isLoopback(HOST))
    log.warn({ host: HOST }, 'AUTH is none: whoever reaches this address may do everything');
  else if (AUTH.length > 0)
    log.info(
      { auth: AUTH },
      `callers say who they are by ${AUTH.map((one) => CREDENTIALS[one]).join(' or ')}`,
    );
  if (AUTH?.includes('jwt') && JWT_JWKS_URL?.protocol === 'http:' && !isLoopback(JWT_JWKS_URL.hostname))
    log.warn('JWT_JWKS_URL is not https: who can change what it answers can make tokens');
}
