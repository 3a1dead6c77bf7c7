import express, { type Express, type RequestHandler } from 'express';
import { newId } from '../shared/ids';
import { databaseAnswers } from '../shared/service/database';
import { readiness } from '../shared/service/health-server';
import { serveDocs } from './http/docs';
import { answerProblems, unknownRoute } from './http/errors';
import { openApiDocument } from './http/openapi';
import { otherMethods, serveRoutes, type RouteDependencies } from './http/serve-routes';
import { openIntake } from './orders/order-intake';
import { routes } from './routes';

const BASE = '/api/v1';

/** What the application is made of. */
export type AppDependencies = Omit<RouteDependencies, 'intake'>;

/** The HTTP application, over a database; it listens to nothing yet. */
export function buildApp(deps: AppDependencies): Express {
  const { database, log, cardTokenKey } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag'); // answers change under the client; hashing each costs more than it saves
  app.use(correlate);
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  app.get('/readyz', async (_request, response) => {
    const { status, body } = await readiness({ checks: { database: () => databaseAnswers(database) } });
    response.status(status).json(body);
  });
  app.use(serveDocs(openApiDocument(routes, BASE)));
  app.all(['/healthz', '/readyz', '/openapi.json', '/docs'], otherMethods(['GET']));
  app.use(BASE, serveRoutes(routes, { ...deps, intake: openIntake(database, cardTokenKey) }));
  app.use(unknownRoute);
  app.use(answerProblems(log));
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
