import { commonConfig, ConfigError, readConfig, workerConfig } from './config';
import { parsePostgresUrl } from './postgres-url';
import { parseRabbitmqUrl } from './rabbitmq-url';
import { withPassword } from './server-url';

const refusal = (environment: Record<string, string>): string => {
  try {
    readConfig(workerConfig, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
};

const PASSWORDS = ['p%40ss', '#1/2?3@4:5', 'ü漢🙂', ' a b ', '\'"\\$`%', '%', '[::1]', 'a+b&c=d;e'];

test.each(PASSWORDS)('any password works beside a URL: %s', (password) => {
  const database = withPassword('DATABASE_URL', 'postgresql://shop@db:5432/mesh?sslmode=disable', password);
  expect(parsePostgresUrl(database)).toMatchObject({ host: 'db', user: 'shop', password, database: 'mesh' });
  const socket = withPassword('DATABASE_URL', 'postgresql:///mesh?host=/run/postgresql&user=shop', password);
  expect(parsePostgresUrl(socket)).toMatchObject({ host: '/run/postgresql', user: 'shop', password });
  const broker = withPassword('RABBITMQ_URL', 'amqp://shop@mq/a%2Fb', password);
  expect(parseRabbitmqUrl(broker)).toMatchObject({ user: 'shop', password });
  expect(parseRabbitmqUrl(broker).url).toBe('amqp://mq/a%2Fb?heartbeat=10');
  const config = readConfig(commonConfig, {
    DATABASE_URL: 'postgresql://shop@db/mesh',
    DATABASE_PASSWORD: password,
  });
  expect(parsePostgresUrl(config.DATABASE_URL).password).toBe(password);
});

test.each(['s3cr#t', 's3cr/t', 's3cr?t', '1#s3cr', '1/s3cr', '12?s3cr', 's3cr%zz', '%s3cr%', 's3cr%FF'])(
  'a password that breaks its URL is refused in one line that does not repeat it: %s',
  (password) => {
    const told = refusal({
      DATABASE_URL: `postgresql://u:${password}@db/mesh`,
      RABBITMQ_URL: `amqp://u:${password}@mq`,
    });
    expect(told.split('\n')).toHaveLength(3);
    expect(told).toContain('put the password into DATABASE_PASSWORD');
    expect(told).toContain('put the password into RABBITMQ_PASSWORD');
    expect(told).not.toContain('s3cr');
  },
);

test('two different passwords for one server are refused', () => {
  const urls = { DATABASE_URL: 'postgresql://u:one@db/mesh', RABBITMQ_URL: 'amqp://u@mq' };
  expect(refusal({ ...urls, DATABASE_PASSWORD: 'one' })).toBe('accepted');
  expect(refusal({ ...urls, DATABASE_PASSWORD: 'two' })).toContain(
    'DATABASE_URL: has a password, and DATABASE_PASSWORD has a different one: set only one of them',
  );
});

test.each([
  ['postgresql://h/d?sslmod=require', 'not supported: sslmod'],
  ['postgresql://a,b/d', 'several hosts'],
  ['postgresql://a:5432,b:5433/d', 'several hosts'],
  ['postgresql://h/d?pgbouncer=true', 'pooler'],
  ['postgresql://h/d?sslmode=prefer', 'sslmode=prefer, which is not supported'],
  ['postgresql://h/d?sslmode=on', 'unknown sslmode'],
  ['postgresql://h/d?sslmode=verify-ca', 'without sslrootcert'],
  ['postgresql://h/d?sslmode=verify-full&sslrootcert=/no/such', 'does not exist: /no/such'],
  ['postgresql://h/d?schema=a";drop', 'schema'],
  ['postgresql://h/d?connect_timeout=soon', 'connect_timeout'],
  ['postgresql://h:port/d', 'check its host and port'],
])('what a DATABASE_URL cannot have is refused: %s', (url, message) => {
  expect(() => parsePostgresUrl(url)).toThrow(message);
});

test('a DATABASE_URL is read as libpq and Prisma read it', () => {
  expect(parsePostgresUrl('postgres://u@[::1]:6432/d')).toMatchObject({ host: '::1', port: 6432 });
  const ssl = (query: string) => parsePostgresUrl(`postgresql://h/d?${query}`).ssl;
  expect(ssl('')).toBeUndefined();
  expect(ssl('sslmode=disable')).toBe(false);
  expect(ssl('sslmode=require')).toMatchObject({ rejectUnauthorized: false });
  expect(ssl('sslmode=verify-full')).toEqual({ rejectUnauthorized: true });
  expect(ssl(`sslmode=verify-ca&sslrootcert=${__filename}`)).toMatchObject({ rejectUnauthorized: true });
  expect(ssl(`sslmode=require&sslrootcert=${__filename}`)).toMatchObject({ rejectUnauthorized: true });
  expect(
    parsePostgresUrl(
      'postgresql://h/d?schema=shop&connection_limit=3&pool_timeout=7&connect_timeout=2&application_name=x',
    ),
  ).toMatchObject({ schema: 'shop', poolSize: 3, poolTimeoutMs: 7_000, connectTimeoutMs: 2_000 });
});

test('a RABBITMQ_URL may have RabbitMQ’s parameters, and others are named', () => {
  const { url, tls } = parseRabbitmqUrl('amqps://h/%2f?heartbeat=5&frame_max=8192&verify=verify_none');
  expect(url).toBe('amqps://h/%2f?heartbeat=5&frameMax=8192');
  expect(tls).toEqual({ rejectUnauthorized: false });
  expect(parseRabbitmqUrl('amqps://h', __filename).tls.ca).toContain('RABBITMQ_URL');
  expect(() => parseRabbitmqUrl('amqps://h', '/no/such')).toThrow(
    'RABBITMQ_CA_FILE that does not exist: /no/such',
  );
  expect(() => parseRabbitmqUrl('amqp://h?hartbeat=5')).toThrow('not supported: hartbeat');
  expect(() => parseRabbitmqUrl('amqp://h?heartbeat=five')).toThrow('heartbeat');
});
