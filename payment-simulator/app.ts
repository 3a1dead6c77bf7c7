import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { z } from 'zod';
import { liveness, readiness } from '../shared/service/health-server';
import { metricsPage } from '../shared/service/metrics';
import type { Logger } from '../shared/service/logger';
import type { Asked } from './asked';
import type { Book } from './book';
import { faultRates } from './faults';
import type { HeldRequests } from './held-requests';
import type { Journal } from './journal';
import { renderPage } from './page';
import { no, type Account, type Wish } from './payment';
import { bodies, byOrder, fingerprint, idempotencyKey, inRange, withoutCardNumber } from './requests';
import type { Reaction, Simulator } from './simulator';

export interface AppOptions {
  simulator: Simulator;
  book: Book;
  journal: Journal;
  held: HeldRequests;
  log: Logger;
}

/** The HTTP application; it listens to nothing yet. */
export function buildApp({ simulator, book, journal, held, log }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/healthz', (request, response) => {
    const { status, body } = liveness({}, request.url);
    response.status(status).json(body);
  });
  app.get('/readyz', async (request, response) => {
    const { status, body } = await readiness({ checks: {} }, request.url);
    response.status(status).json(body);
  });
  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await metricsPage();
    response.type(contentType).send(text);
  });
  app.use(express.json({ limit: '64kb' }));

  const answer = async (request: Request, response: Response, asked: Omit<Asked, 'key'>) => {
    const key = valid(idempotencyKey, request.get('idempotency-key'), 400, 'idempotency_key_required');
    react(response, await simulator.ask({ ...asked, key }), held);
  };
  app.post('/v1/payments', async (request, response) => {
    const body = validBody(bodies.open, request);
    const { order_id: orderId, payment_id: paymentId, ...money } = body;
    const wish = { operation: 'open', paymentId, money } as const;
    await answer(request, response, { orderId, wish, fingerprint: fingerprint(request.path, body) });
  });
  const operation = (name: Wish['operation'], wish: (request: Request) => [Wish, Record<string, unknown>]) =>
    app.post(`/v1/payments/:id/${name}`, async (request, response) => {
      const [wanted, body] = wish(request);
      const { payment } = known(book, request.params.id as string);
      await answer(request, response, {
        orderId: payment.order_id,
        id: payment.id,
        wish: wanted,
        fingerprint: fingerprint(request.path, body),
      });
    });
  operation('authorize', (request) => {
    const body = validBody(bodies.authorize, request);
    return [{ operation: 'authorize', token: body.token }, withoutCardNumber(body)];
  });
  for (const name of ['capture', 'refund'] as const) {
    operation(name, (request) => {
      const money = validBody(bodies[name], request);
      return [{ operation: name, money }, money];
    });
  }
  operation('void', (request) => [{ operation: 'void' }, validBody(bodies.void, request)]);

  // What is not on disk yet has not happened: a crash could take it back.
  const read = (path: string, give: (request: Request, response: Response) => void) =>
    app.get(path, async (request, response) => {
      await journal.settled();
      give(request, response.set('Cache-Control', 'no-store'));
    });
  read('/v1/payments', ({ query }, response) => {
    if ('order_id' in query) {
      const { order_id } = validQuery(byOrder, query);
      return void response.json({ payments: book.paymentsOf(order_id), next: null });
    }
    const { up_to, ...range } = validQuery(inRange, query);
    response.json(book.page({ ...range, upTo: up_to }));
  });
  read('/v1/payments/:id', ({ params }, response) => {
    response.json(known(book, params.id as string).payment);
  });
  read('/v1/payments/:id/requests', ({ params }, response) => {
    const { payment } = known(book, params.id as string);
    const requests = book.requestsOf(payment.order_id).filter((one) => one.payment === payment.id);
    response.json({ requests });
  });
  read('/v1/requests', ({ query }, response) => {
    response.json({ requests: book.requestsOf(validQuery(byOrder, query).order_id) });
  });
  read('/', (_request, response) => {
    response
      .set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'")
      .type('html')
      .send(renderPage(book, simulator.faults));
  });

  app.get('/v1/faults', (_request, response) => void response.json(simulator.faults));
  app.put('/v1/faults', (request, response) => {
    simulator.faults = validBody(faultRates, request);
    log.info({ faults: simulator.faults }, 'faults');
    response.json(simulator.faults);
  });
  app.use(nothingHere);
  app.use(answerErrors(log));
  return app;
}

function react(response: Response, reaction: Reaction, held: HeldRequests): void {
  if (reaction.kind === 'dropped') return void response.socket?.destroy();
  if (reaction.kind === 'hung') return held.hold(response);
  if (reaction.replayed) response.set('Idempotent-Replayed', 'true');
  response.status(reaction.status).json(reaction.body);
}

/** Thrown where a request is refused before anybody looks at its payment. */
class BadRequest extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

function valid<S extends z.ZodType>(schema: S, value: unknown, status: number, code: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => [...path, message].join(' '));
  throw new BadRequest(status, code, problems.join('; '));
}
const validBody = <S extends z.ZodType>(schema: S, request: Request) =>
  valid(schema, request.body ?? {}, 422, 'invalid_body');
const validQuery = <S extends z.ZodType>(schema: S, query: unknown) =>
  valid(schema, query, 422, 'invalid_query');

function known(book: Book, id: string): Account {
  const account = book.account(id);
  if (!account) throw new BadRequest(404, 'payment_not_found', 'There is no such payment.');
  return account;
}

const nothingHere: RequestHandler = (request) => {
  throw new BadRequest(
    404,
    'not_found',
    `There is no ${request.method} ${request.path}; / says what there is.`,
  );
};

/** https://github.com/expressjs/body-parser#errors for what is not ours. */
function answerErrors(log: Logger): ErrorRequestHandler {
  return (error: Error & { status?: number; code?: string }, request, response, next) => {
    if (response.headersSent) return next(error);
    const ours = error instanceof BadRequest;
    const clients = ours || (error.status !== undefined && error.status < 500);
    if (!clients) log.error({ err: error, method: request.method, path: request.path }, 'answered 500');
    // A body that is not JSON is quoted in the parser's words: it might be a token.
    const answer = ours
      ? no(error.status, error.code, error.message)
      : clients
        ? no(422, 'invalid_body', 'The body cannot be read; it has to be JSON, of 64 kB at most.')
        : no(500, 'internal_error', 'Something went wrong on our side.');
    response.status(answer.status).json(answer.body);
  };
}
