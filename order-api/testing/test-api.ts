import { randomBytes } from 'node:crypto';
import { Agent, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { withId, type CardTokenKeys } from '../../shared/payment/card-token';
import type { Database } from '../../shared/service/database';
import { createTestDatabase } from '../../shared/testing/test-database';
import { openAuthentication, type Credentials } from '../access/authenticate';
import { buildApp, type AppDependencies } from '../app';
import { createApiServer } from '../http/api-server';
import { openLive, type Live } from '../live/live';
import type { StreamLimits } from '../live/open-streams';
import { answersNotModified } from '../http/openapi';
import type { Route } from '../http/route';
import { etagOf } from '../http/versions';
import { routes } from '../routes';
import { answerErrors, headerErrors } from './documented';

export interface Reply<B = Record<string, unknown>> {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: B;
  text: string;
}

export interface Sent {
  /** Sent as JSON, with its content type. */
  json?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
  headers?: Record<string, string | string[]>;
}

// eslint-disable-next-line typescript/no-explicit-any -- answers are read freely here; their shape is checked by the client
export type AnyBody = any;

export interface ApiClient {
  url: string;
  /** Sends a request below /api/v1, or to an address that begins with `//`. @throws when the answer breaks the contract. */
  call(method: string, path: string, sent?: Sent): Promise<Reply<AnyBody>>;
  get(path: string): Promise<Reply<AnyBody>>;
  post(path: string, json?: unknown): Promise<Reply<AnyBody>>;
  put(path: string, json?: unknown): Promise<Reply<AnyBody>>;
  patch(path: string, json?: unknown): Promise<Reply<AnyBody>>;
  stop(): Promise<void>;
}

export interface TestApi extends ApiClient {
  database: Database;
  databaseUrl: string;
  /** A digest of every row of every table: equal before and after means that nothing was written. */
  snapshot(): Promise<unknown>;
}

/** order-api on a port of its own, over a database of its own. */
export async function startTestApi(more: More = {}): Promise<TestApi> {
  const { database, url, drop } = await createTestDatabase();
  const client = await serve(database, more);
  return {
    ...client,
    database,
    databaseUrl: url,
    snapshot: () => snapshot(database),
    stop: async () => {
      await client.stop();
      await drop();
    },
  };
}

export const TEST_CARD_TOKEN_KEYS: CardTokenKeys = [withId(randomBytes(32))];

/** order-api over a given database; silent, and with card payments set up, unless said otherwise. */
export async function serve(database: Database, given: More = {}): Promise<ApiClient> {
  const { limits, credentials, ...more } = given;
  const log = more.log ?? pino({ level: 'silent' });
  const live = openLive(database, log, { most: 2_000, ...limits });
  const authenticate = credentials && (await openAuthentication(database, credentials));
  const cardTokenKey = TEST_CARD_TOKEN_KEYS;
  const server = createApiServer(
    buildApp({
      database,
      log,
      live,
      cardTokenKey,
      authenticate,
      ...more,
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return clientOf(server, live);
}

/** What the application is given otherwise, how its streams are bounded, and what callers have to show, if anything. */
type More = Partial<AppDependencies> & { limits?: Partial<StreamLimits>; credentials?: Credentials };

function clientOf(server: Server, live: Live): ApiClient {
  const port = (server.address() as AddressInfo).port;
  const agent = new Agent({ keepAlive: true });
  const call = async (method: string, path: string, sent: Sent = {}) => {
    const full = path.startsWith('//') ? path.slice(1) : `/api/v1${path}`;
    const reply = await exchange({ port, agent, method, path: full }, sent);
    checkReply(method, full, reply);
    return reply;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    call,
    get: (path) => call('GET', path),
    post: (path, json) => call('POST', path, { json }),
    put: (path, json) => call('PUT', path, { json }),
    patch: (path, json) => call('PATCH', path, { json }),
    stop: async () => {
      await live.stop();
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function exchange(
  to: { port: number; agent: Agent; method: string; path: string },
  sent: Sent,
): Promise<Reply> {
  const payload = sent.raw ?? (sent.json === undefined ? undefined : JSON.stringify(sent.json));
  const headers = {
    ...(sent.json === undefined ? {} : { 'content-type': 'application/json' }),
    ...sent.headers,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', ...to, headers }, (incoming) => {
      const reply = { status: incoming.statusCode ?? 0, headers: incoming.headers };
      if (isStream(reply)) {
        // It may never end; what comes in it is read elsewhere.
        resolve({ ...reply, body: {}, text: '' });
        return incoming.destroy();
      }
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /json/.test(incoming.headers['content-type'] ?? '') && text !== '';
        const body = (isJson ? JSON.parse(text) : {}) as Record<string, unknown>;
        resolve({ ...reply, body, text });
      });
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

const isStream = ({ status, headers }: Pick<Reply, 'status' | 'headers'>) =>
  status === 200 && headers['content-type'] === 'text/event-stream; charset=utf-8';

/** Holds every answer against what the API says of itself: good ones against their schema, others as problems. */
function checkReply(method: string, path: string, { status, headers, body, text }: Reply): void {
  if (!headers['x-correlation-id']) throw new Error(`${method} ${path}: no correlation id`);
  const route = routes.find((one) => one.method.toUpperCase() === method && pattern(one.path).test(path));
  const contentType = String(headers['content-type'] ?? '');
  if (status >= 400 && !path.endsWith('/readyz')) {
    if (contentType !== 'application/problem+json; charset=utf-8')
      throw new Error(`${method} ${path}: ${status} as ${contentType}`);
    if (method === 'HEAD') return;
    const { type, title, detail, correlation_id } = body;
    const wrong = [type, title, detail, correlation_id].some(
      (member) => typeof member !== 'string' || member === '',
    );
    if (wrong || body.status !== status || !path.startsWith(String(body.instance)))
      throw new Error(`not a problem: ${text}`);
    checkByOpenApi(route, method, path, { status, body, text });
  } else if (route && status === 304 && answersNotModified(route)) {
    if (text !== '' || !headers.etag) throw new Error(`${method} ${path}: 304 with ${text}`);
  } else if (route) {
    const answer = route.answers[status];
    if (answer && !answer.schema && text === '') return;
    if (answer && route.streams && isStream({ status, headers })) return;
    if (answer && route.csv && contentType === 'text/csv; charset=utf-8') return;
    const schema = answer?.schema;
    if (!schema) throw new Error(`${method} ${path}: ${status} is not documented: ${text}`);
    checkByOpenApi(route, method, path, { status, body, text });
    const errors = headerErrors(method, route.path, { status, headers });
    if (errors) throw new Error(`${method} ${path}: ${status}: ${errors}`);
    // Parsing drops what the schema does not know: equal means complete.
    const known = JSON.stringify(schema.parse(body));
    if (known.length !== text.length)
      throw new Error(`${method} ${path}: ${text} has more than is documented: ${known}`);
    if (route.versioned && headers.etag !== etagOf(Number(body.version)))
      throw new Error(`${method} ${path}: the ETag is not that of the version: ${text}`);
    if (contentType !== 'application/json; charset=utf-8')
      throw new Error(`${method} ${path}: ${contentType}`);
  }
}

const pattern = (path: string) => new RegExp(`^/api/v1${path.replaceAll(/\{\w+\}/g, '[^/?]+')}/?(\\?.*)?$`);

function checkByOpenApi(
  route: Route | undefined,
  method: string,
  path: string,
  { status, body, text }: Pick<Reply, 'status' | 'body' | 'text'>,
): void {
  const errors = route && answerErrors(method, route.path, { status, body });
  if (errors) throw new Error(`${method} ${path}: ${status}: ${errors}: ${text}`);
}

async function snapshot(database: Database): Promise<unknown> {
  const tables = await database.$queryRaw<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename`;
  const digests = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS rows FROM "${name}" t`,
  );
  return database.$queryRawUnsafe(`${digests.join(' UNION ALL ')} ORDER BY name`);
}
