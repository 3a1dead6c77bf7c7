import { commonConfig, ConfigError, readConfig, workerConfig } from './config';
import { parsePostgresUrl } from './postgres-url';
import { parseRabbitmqServers, parseRabbitmqUrl } from './rabbitmq-url';
import { choose, type ServerSeen } from './find-server';
import { settingsOf } from './session-settings';
import { splitServers, withPassword, withPasswords } from './server-url';

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
  ['postgresql://a,b/d?target_session_attrs=writable', 'unknown target_session_attrs'],
  ['postgresql:///d?host=a,b,c&port=1,2', 'another number of ports than of hosts'],
  ['postgresql://a,b:port/d', 'check its host and port'],
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

test('a URL may name several servers', () => {
  expect(splitServers('amqp://u:a,b@h1:1,[::1]:2/v?x=1,2')).toEqual([
    'amqp://u:a,b@h1:1/v?x=1,2',
    'amqp://u:a,b@[::1]:2/v?x=1,2',
  ]);
  expect(splitServers('amqps://u@h1,amqps://u@h2/')).toEqual(['amqps://u@h1', 'amqps://u@h2/']);
  const nodes = parseRabbitmqServers('amqp://u:p@one,two:5673,one:5672/v');
  expect(nodes.map(({ address, url }) => [address, url])).toEqual([
    ['one:5672', 'amqp://one:5672/v?heartbeat=10'],
    ['two:5673', 'amqp://two:5673/v?heartbeat=10'],
  ]);
  expect(() => parseRabbitmqServers('amqp://u@one/a,amqp://u@two/b')).toThrow('several virtual hosts');
  expect(parseRabbitmqServers('amqp://u@one,amqp://u@two/,amqp://u@three/%2f')).toHaveLength(3);
  expect(() => parseRabbitmqServers('amqp://u@one,two:x/a')).toThrow('check its host and port');
  expect(withPassword('RABBITMQ_URL', 'amqp://u@one,two:5673', 'p@w')).toBe(
    'amqp://u:p%40w@one,amqp://u:p%40w@two:5673',
  );
  const standby = {
    hosts: [
      { host: 'a', port: 5432 },
      { host: 'b', port: 6 },
    ],
    wants: 'standby',
  };
  expect(parsePostgresUrl('postgresql://u@a,b:6/d?target_session_attrs=standby')).toMatchObject(standby);
  expect(parsePostgresUrl('postgresql:///d?host=a,b&port=5432,6&target_session_attrs=standby')).toMatchObject(
    standby,
  );
  expect(parsePostgresUrl('postgresql://u@a/d').hosts).toBeUndefined();
});

test('one password serves all ways to PostgreSQL that have none of their own', () => {
  const { environment, problems } = withPasswords({
    DATABASE_URL: 'postgresql://u@pooler/d',
    DATABASE_DIRECT_URL: 'postgresql://owner:o@db/d',
    DATABASE_READ_URL: 'postgresql://u@replica/d',
    DATABASE_PASSWORD: 's',
  });
  expect(problems).toEqual([]);
  expect(environment).toMatchObject({
    DATABASE_URL: 'postgresql://u:s@pooler/d',
    DATABASE_DIRECT_URL: 'postgresql://owner:o@db/d',
    DATABASE_READ_URL: 'postgresql://u:s@replica/d',
  });
});

test('of several PostgreSQL servers the one is chosen that was promoted last, or one that only reads', () => {
  const server = (host: string, isReadOnly: boolean, timeline: number): ServerSeen => ({
    host,
    port: 5432,
    isReadOnly,
    timeline,
  });
  const all = [server('old', false, 1), server('standby', true, 0), server('promoted', false, 2)];
  const chosen = (wants: Parameters<typeof choose>[1], seen = all) => choose(seen, wants)?.host;
  expect(chosen('read-write')).toBe('promoted');
  expect(chosen('primary', all.slice(0, 2))).toBe('old');
  expect(chosen('primary', [all[1]!])).toBeUndefined();
  expect(chosen('standby')).toBe('standby');
  expect(chosen('read-only', [all[0]!])).toBeUndefined();
  expect(chosen('prefer-standby', [all[0]!])).toBe('old');
  expect(chosen('any')).toBe('old');
});

test('a URL’s own options are settings by name, and nothing else', () => {
  expect(settingsOf('-c a=1  -cb.c=2 --lock-timeout=3s -c d=x\\ y')).toEqual({
    a: '1',
    'b.c': '2',
    lock_timeout: '3s',
    d: 'x y',
  });
  for (const wrong of ['a=1', '-c', '-c a', '-x a=1 b'])
    expect(() => settingsOf(wrong)).toThrow('say -c name=value');
});
