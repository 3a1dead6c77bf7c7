import express, { type Express, type RequestHandler } from 'express';
import { newId } from '../shared/ids';
import { readHealthGauges } from '../shared/service/health-metrics';
import { liveness, readiness, type Health } from '../shared/service/health-server';
import { neverPaused } from '../shared/service/pauses';
import type { Presence } from '../shared/service/presence';
import { databaseIsUsable } from '../shared/service/schema-version';
import { callerOf, identify, type Authenticate } from './access/authenticate';
import { checkRoutesSayWhatTheyConcern } from './access/concern';
import type { RateLimit } from '../shared/service/access-config';
import { boundAdmission } from './http/admission';
import { allowOrigins, askEachTime, dataHeaders } from './http/browsers';
import { countRequests, serveMetrics } from './http/request-metrics';
import { serveDocs, serveIndex } from './http/docs';
import { serveEventDocs } from './http/event-docs';
import { answerProblems, unknownRoute } from './http/errors';
import { readExamples, withLiveExamples } from './http/live-examples';
import { refuseLarge } from './http/json-body';
import { openApiDocument } from './http/openapi';
import { serveProblems } from './http/problem-pages';
import { refuseWhilePaused } from './http/refuse-while-paused';
import { parseQuery } from './http/query';
import { traceRequests } from './http/request-trace';
import { limitByAddress, limitByCaller, noticeProxy } from './http/rate-limits';
import { otherMethods, serveRoutes, type RouteDependencies } from './http/serve-routes';
import { noBound, type Backlog } from './orders/backlog';
import { serveOptOuts } from './mail/serve-opt-outs';
import { canTakeOrders } from './orders/can-take-orders';
import { openIntake } from './orders/order-intake';
import { bare } from '../shared/service/database';
import { primaryAlone, type Reads } from './reads/reads';
import { routes } from './routes';

export const BASE = '/api/v1';
const DAY_MS = 86_400_000;

/** What the application is made of. */
export type AppDependencies = Omit<
  RouteDependencies,
  'intake' | 'backlog' | 'draftDeadlineMs' | 'allowPrivateWebhooks' | 'reads'
> & {
  /** Where reads are done that a replica may answer; at the database, if absent. */
  reads?: Reads;
  /** Requests; without a bound if absent. */
  mostInProgress?: number;
  backlog?: Backlog;
  /** Whether it is paused, and where it is on record; neither, if absent. */
  presence?: Presence;
  /** Not, if absent. */
  allowPrivateWebhooks?: boolean;
  /** A day, if absent. */
  draftDeadlineMs?: number;
  /** Who calls; without it everybody may do everything. */
  authenticate?: Authenticate;
  /** How often that is asked again while something is streamed to them. */
  askAgainMs?: number;
  /** Without a bound if absent. */
  rateLimits?: { address?: RateLimit; caller?: RateLimit };
  /** Express's `trust proxy`: by whom `X-Forwarded-For` is believed; nobody if absent. */
  trustProxy?: number | string[] | false;
  /** What it still has to do before it is ready; nothing, if absent. */
  startsBecause?: () => string | undefined;
  /** Whether it is about to leave: it answers, and is not ready. */
  isLeaving?: () => boolean;
  /** Sites whose scripts may read what is answered; none if absent. */
  corsOrigins?: readonly string[] | '*';
};

/** The HTTP application, over a database; it listens to nothing yet. */
export function buildApp(deps: AppDependencies): Express {
  const {
    database,
    log,
    live,
    cardTokenKey,
    mostInProgress = Infinity,
    backlog = noBound,
    draftDeadlineMs = DAY_MS,
    reads = primaryAlone(database),
    startsBecause = () => undefined,
    isLeaving = () => false,
    allowPrivateWebhooks = false,
    presence,
  } = deps;
  const { authenticate, askAgainMs, rateLimits = {}, trustProxy = false, corsOrigins } = deps;
  checkRoutesSayWhatTheyConcern(routes);
  const intake = openIntake(bare(database), cardTokenKey);
  const admission = boundAdmission(mostInProgress);
  const usable = databaseIsUsable(database);
  const takesOrders = canTakeOrders(database);
  const answerProblem = answerProblems(log);
  const app = express();
  app.enable('case sensitive routing');
  app.disable('x-powered-by');
  app.set('query parser', parseQuery);
  app.disable('etag'); // answers change under the client; hashing each costs more than it saves
  app.set('trust proxy', trustProxy);
  app.use(countRequests);
  app.use(BASE, traceRequests);
  app.use(correlate);
  app.use(dataHeaders);
  app.use(askEachTime);
  if (corsOrigins) app.use(allowOrigins(corsOrigins));
  app.use(refuseLarge);
  app.use(BASE, (request, response, next) =>
    admission.isFull() ? void answerProblem(admission.refusal, request, response, next) : next(),
  );
  if (rateLimits.address && trustProxy === false) app.use(BASE, noticeProxy(log));
  if (rateLimits.address) app.use(BASE, limitByAddress(rateLimits.address));
  if (authenticate) app.use(BASE, identify(authenticate, askAgainMs));
  if (rateLimits.caller) app.use(BASE, limitByCaller(rateLimits.caller, callerOf));
  if (presence) app.use(BASE, refuseWhilePaused(presence));
  // RabbitMQ is not among them: orders are taken without it, and wait in the outbox.
  const health: Health = {
    get checks() {
      const why = startsBecause();
      const starting = why !== undefined && { started: () => why };
      const leaving = isLeaving() && { stays: () => 'it was told to stop' };
      return { database: usable, orders: takesOrders, ...starting, ...leaving };
    },
    paused: () => (presence ?? neverPaused).all(),
  };
  readHealthGauges(health, presence ?? neverPaused, ['order-api']);
  presence?.begin(health);
  app.get('/healthz', (request, response) => {
    const { status, body } = liveness(health, request.url);
    response.status(status).json(body);
  });
  app.get('/readyz', async (request, response) => {
    const { status, body } = await readiness(health, request.url);
    response.status(status).json(body);
  });
  const document = openApiDocument(routes, BASE);
  app.use(serveIndex());
  app.use(serveProblems());
  app.use(serveEventDocs(database));
  app.use(serveOptOuts(database));
  // Anybody may read the document: where they have to say who they are, it names nothing of this shop.
  const examples = async () => (authenticate ? {} : readExamples(database).catch(() => ({})));
  app.use(serveDocs(async () => withLiveExamples(document, await examples())));
  app.get('/metrics', serveMetrics);
  app.all(['/healthz', '/readyz', '/metrics'], otherMethods(['GET']));
  app.use(
    BASE,
    serveRoutes(routes, admission, {
      database,
      reads,
      log,
      live,
      cardTokenKey,
      backlog,
      intake,
      draftDeadlineMs,
      allowPrivateWebhooks,
    }),
  );
  app.use(unknownRoute);
  app.use(answerProblem);
  return app;
}

const CORRELATION_ID = /^[\x21-\x7e]{1,128}$/;

/** Takes the correlation id of the request, if it is printable ASCII without spaces, or makes one. */
const correlate: RequestHandler = (request, response, next) => {
  const given = request.get('x-correlation-id');
  const id = given && CORRELATION_ID.test(given) ? given : newId();
  response.locals.correlationId = id;
  response.set('X-Correlation-Id', id);
  next();
};
