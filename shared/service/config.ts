import { z } from 'zod';
import { cardTokenKeys } from '../payment/card-token';
import { allowPrivate } from '../webhooks/receiver-address';
import { accessConfig, neededByJwt, openToOthers } from './access-config';
import { parseDuration } from './duration';
import { duration, parsed, wholeNumber } from './parsed';
import { parsePostgresUrl } from './postgres-url';
import { parseRabbitmqServers } from './rabbitmq-url';
import { learnSecrets } from './redact';
import { withSecretFiles } from './secret-files';
import { SERVER_URLS, withPasswords } from './server-url';
import { tracingConfig, withoutIdleTracing } from '../tracing/tracing-config';

export { duration, parsed };

/** Thrown by {@link readConfig}: its message names every bad variable, one a line. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(
    message: string,
    /** A line for each bad variable. */
    readonly problems: readonly string[] = [],
  ) {
    super(message);
  }
}

/**
 * Reads configuration from the environment through a zod schema, once, at start.
 * A variable that is empty or blank counts as unset; a secret may be in a file ({@link withSecretFiles}).
 * @throws {ConfigError} listing all that is wrong, not just the first; values are left out, they may be secrets.
 */
export function readConfig<S extends z.ZodType>(
  schema: S,
  environment: Record<string, string | undefined> = process.env,
): z.infer<S> {
  const files = withSecretFiles(environment);
  if (environment === process.env) learnSecrets(files.environment);
  const { environment: set, problems: unfit } = withPasswords(withoutIdleTracing(files.environment));
  const problems = [...files.problems, ...unfit];
  const result = schema.safeParse(set);
  if (result.success && problems.length === 0) return result.data;
  const told = new Set(problems.map((line) => line.slice(0, line.indexOf(':'))));
  const issues = (result.error?.issues ?? []).filter((issue) => !told.has(String(issue.path[0])));
  const lines = issues.map((issue) => {
    const name = String(issue.path[0] ?? 'configuration');
    // A rule of our own may complain of an unset variable too, and then has its own words.
    const unset = issue.code === 'invalid_type' && set[name] === undefined;
    return `  ${name}: ${unset ? 'is not set; set it to ' + (EXAMPLES[name] ?? 'a value') : issue.message}`;
  });
  throw badConfiguration([...problems.map((line) => `  ${line}`), ...lines]);
}

const badConfiguration = (problems: readonly string[]) =>
  new ConfigError(`Bad configuration:\n${[...new Set(problems)].join('\n')}`, problems);

/**
 * Reads parts of the configuration, so that what is wrong with any of them is reported at once.
 * @throws {ConfigError} as {@link readConfig}, for all parts together
 */
export function readTogether<T extends readonly (() => unknown)[]>(
  ...parts: T
): { [K in keyof T]: ReturnType<T[K]> } {
  const problems: string[] = [];
  const values = parts.map((read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError) || error.problems.length === 0) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  });
  if (problems.length > 0) throw badConfiguration(problems);
  return values as { [K in keyof T]: ReturnType<T[K]> };
}

const EXAMPLES: Record<string, string> = {
  DATABASE_URL: 'e.g. postgresql://user:password@host:5432/ordermesh',
  RABBITMQ_URL: 'e.g. amqp://user:password@host:5672',
  CARD_TOKEN_KEY:
    '32 bytes in base64, the same for order-api and payment-service, as `openssl rand -base64 32` prints them',
};

const whole = (least: number, most: number) =>
  wholeNumber(least, most, `must be a whole number from ${least} to ${most}`);
export const port = whole(0, 65_535);
export const count = (fallback: number, most: number) => whole(1, most).default(fallback);

/** A URL as it was given, once it has been read without a complaint. */
const readable = (read: (text: string) => unknown) => parsed((text) => (read(text), text));
export const databaseUrl = readable(parsePostgresUrl);
/** One replica: which of several answers a question has to be known. */
const replicaUrl = readable((text) => {
  if (parsePostgresUrl(text).hosts)
    throw new Error('names several hosts: name one replica; other instances of order-api may have others');
});
export const rabbitmqUrl = readable((text) => parseRabbitmqServers(text));
/** The password that belongs into a URL, where it is given beside it; {@link readConfig} puts it there. */
const password = z.string().optional();
export const logLevel = z
  .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
  .default('info');

/** Variables that every process of the mesh reads. */
export const commonConfig = z.object({
  DATABASE_URL: databaseUrl,
  [SERVER_URLS.DATABASE_URL.password]: password,
  /** PostgreSQL itself, where DATABASE_URL is a pooler. */
  DATABASE_DIRECT_URL: databaseUrl.optional(),
  [SERVER_URLS.DATABASE_DIRECT_URL.password]: password,
  LOG_LEVEL: logLevel,
  /** Connections that this process may hold open to PostgreSQL. */
  DATABASE_POOL_SIZE: count(10, 500),
  ...tracingConfig,
});

/** Variables of a process that serves nothing but its health over HTTP. */
export const workerConfig = commonConfig.extend({
  RABBITMQ_URL: rabbitmqUrl,
  [SERVER_URLS.RABBITMQ_URL.password]: password,
  HEALTH_PORT: port.optional(),
  HEALTH_HOST: z.string().default('127.0.0.1'),
});

/** Variables of a consuming service. */
export const consumerConfig = workerConfig.extend({
  /** Deliveries that one transaction takes at most. */
  CONSUMER_BATCH: whole(1, 1000).optional(),
  /** Unacknowledged deliveries that the broker sends ahead. */
  CONSUMER_PREFETCH: count(150, 10_000),
});

/** With more variables; the broker has to send ahead more than one transaction takes, or each waits for the next. */
export const consumerConfigWith = <S extends z.ZodRawShape>(more: S) =>
  consumerConfig.extend(more).refine(
    (config) => {
      const { CONSUMER_BATCH, CONSUMER_PREFETCH } = config as z.infer<typeof consumerConfig>;
      return (CONSUMER_BATCH ?? 1) < CONSUMER_PREFETCH;
    },
    { path: ['CONSUMER_PREFETCH'], error: 'must be greater than CONSUMER_BATCH' },
  );

/** Variables of order-api. */
export const apiConfig = commonConfig
  .extend({
    /** A streaming replica, for reads that may be a moment old. */
    DATABASE_READ_URL: replicaUrl.optional(),
    [SERVER_URLS.DATABASE_READ_URL.password]: password,
    PORT: port.default(8000),
    HOST: z.string().default('127.0.0.1'),
    NODE_ENV: z.string().optional(),
    ...accessConfig,
    /** How long an idle connection is kept: longer than a load balancer in front keeps it. */
    KEEP_ALIVE_TIMEOUT: duration('75s'),
    /** How long it goes on taking connections after SIGTERM, saying that it is not ready: until a proxy has noticed. */
    LEAVE_AFTER: parsed(parseDuration)
      .optional()
      .refine((ms) => (ms ?? 0) <= 5_000, {
        error: 'must be 5s or less, or nothing is left for requests in progress',
      }),
    /** How long a request may take to arrive, its head and its body. */
    REQUEST_TIMEOUT: duration('30s'),
    /** Connections at most; one more is closed at once. */
    MAX_CONNECTIONS: count(10_000, 1_000_000),
    /** Requests in progress at most; beyond, 503. */
    MAX_REQUESTS: count(1_000, 100_000),
    /** Live streams open at a time; beyond, 503. They do not count as requests in progress. */
    MAX_STREAMS: count(2_000, 100_000),
    /** Orders that may be PLACED and undecided; beyond, 503 to who places another. */
    MAX_WAITING_ORDERS: count(300_000, 100_000_000),
    /** Without it no order can be paid by card. */
    CARD_TOKEN_KEY: cardTokenKeys.optional(),
    /** Whether webhooks may be added for private addresses; notification-service has to be told the same. */
    WEBHOOK_ALLOW_PRIVATE: allowPrivate,
  })
  .refine((config) => config.AUTH || !openToOthers(config), {
    path: ['AUTH'],
    error: (issue) =>
      `${openToOthers(issue.input as object)}; say AUTH=none if a proxy in front authenticates, or this is meant; else AUTH=keys or AUTH=jwt`,
    when: () => true, // beside whatever else is wrong, so that all is reported at once
  })
  .refine(...neededByJwt('JWT_ISSUER'))
  .refine(...neededByJwt('JWT_AUDIENCE'))
  .refine(...neededByJwt('JWT_JWKS_URL'));
