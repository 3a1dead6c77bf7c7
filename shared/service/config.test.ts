import { z } from 'zod';
import { retryDelays } from '../messaging/retry-config';
import {
  apiConfig,
  ConfigError,
  consumerConfig,
  consumerConfigWith,
  readConfig,
  readTogether,
} from './config';
import { forgetBlanks } from './without-blanks';

const message = (schema: z.ZodType, environment: Record<string, string>): string => {
  try {
    readConfig(schema, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
  }
  return 'none';
};
const DATABASE_URL = 'postgresql://u:p@localhost/d';

describe('configuration', () => {
  it('is reported whole, names what to set, and repeats no value', () => {
    const told = message(consumerConfig, {
      DATABASE_URL: 'mysql://u:secret@h/d',
      CONSUMER_BATCH: 'many',
      LOG_LEVEL: '',
    });
    expect(told).toContain('DATABASE_URL: must begin with postgresql://');
    expect(told).toContain('RABBITMQ_URL: is not set; set it to e.g. amqp://');
    expect(told).toContain('CONSUMER_BATCH');
    expect(told).not.toContain('secret');
  });

  it('refuses an API that would be open to others without saying so', () => {
    expect(message(apiConfig, { DATABASE_URL })).toBe('none');
    expect(message(apiConfig, { DATABASE_URL, HOST: '0.0.0.0' })).toContain('AUTH: ');
    expect(message(apiConfig, { DATABASE_URL, HOST: '0.0.0.0', AUTH: 'none' })).toBe('none');
    expect(message(apiConfig, { DATABASE_URL, NODE_ENV: 'production' })).toContain('AUTH: ');
    expect(message(apiConfig, { DATABASE_URL, AUTH: 'maybe' })).toContain('AUTH: ');
    expect(message(apiConfig, { DATABASE_URL, HOST: '127.0.0.1.example.org' })).toContain('AUTH: ');
  });

  it('knows who may say who they are, and what tokens are checked against', () => {
    const jwt = {
      JWT_ISSUER: 'https://i.example/',
      JWT_AUDIENCE: 'a, b',
      JWT_JWKS_URL: 'https://i.example/jwks',
    };
    const read = (more: object) => readConfig(apiConfig, { DATABASE_URL, ...more });
    expect(read({}).AUTH).toBeUndefined();
    expect(read({ AUTH: 'none' }).AUTH).toEqual([]);
    expect(read({ AUTH: 'jwt, keys', ...jwt })).toMatchObject({
      AUTH: ['jwt', 'keys'],
      JWT_AUDIENCE: ['a', 'b'],
    });
    expect(read({ AUTH: 'keys', HOST: '0.0.0.0', NODE_ENV: 'production' }).AUTH).toEqual(['keys']);
    for (const AUTH of ['none,keys', 'keys,', 'key', 'keys jwt'])
      expect(message(apiConfig, { DATABASE_URL, AUTH })).toContain(
        'AUTH: must be none, keys, jwt, or keys,jwt',
      );
    const told = message(apiConfig, { AUTH: 'jwt', JWT_JWKS_URL: 'file:///etc/passwd', PORT: 'x' });
    expect(
      told
        .split('\n')
        .slice(1)
        .map((line) => line.split(':')[0]),
    ).toEqual(
      expect.arrayContaining([
        '  DATABASE_URL',
        '  PORT',
        '  JWT_ISSUER',
        '  JWT_AUDIENCE',
        '  JWT_JWKS_URL',
      ]),
    );
  });

  it.each([
    [
      'RATE_LIMIT_CALLER',
      ['off', '6000/1m', '1/1s', '5/1d'],
      ['6000', '0/1m', '5/500ms', '5/2d', '-1/1m', 'on'],
    ],
    ['JWT_AUDIENCE', ['a', 'a,b'], [',', 'a,']],
    [
      'TRUST_PROXY',
      ['off', '1', '9', 'loopback', '10.0.0.0/8, ::1'],
      ['true', '0', '10', 'proxy', '10.0.0.0/33'],
    ],
    [
      'CORS_ORIGINS',
      ['*', 'https://shop.example', 'http://localhost:3000,https://a.example'],
      ['shop.example', 'https://shop.example/', 'https://shop.example/x', '*,https://a.example', 'null'],
    ],
  ])('reads %s', (name, good, bad) => {
    for (const value of good) expect(message(apiConfig, { DATABASE_URL, [name]: value })).toBe('none');
    for (const value of bad)
      expect([value, message(apiConfig, { DATABASE_URL, [name]: value })]).toEqual([
        value,
        expect.stringContaining(`  ${name}: must be`),
      ]);
  });

  it('says all that is wrong at once, in words of its own', () => {
    const told = message(apiConfig, { HOST: '0.0.0.0', PORT: 'abc' });
    expect(told.split('\n')).toHaveLength(4);
    expect(told).toContain('DATABASE_URL: is not set');
    expect(told).toContain('PORT: must be a whole number from 0 to 65535');
    expect(told).toContain(
      'AUTH: the API would listen on 0.0.0.0, beyond this machine, without authentication; say AUTH=none',
    );
  });

  it('reads a ladder of delays, and says which part of it is none', () => {
    const schema = z.object({ RETRY_DELAYS: retryDelays });
    expect(readConfig(schema, {}).RETRY_DELAYS.map((delay) => delay.ms)).toEqual([
      1e3, 5e3, 30e3, 120e3, 600e3,
    ]);
    expect(readConfig(schema, { RETRY_DELAYS: '250ms, 1h' }).RETRY_DELAYS).toEqual([
      { label: '250ms', ms: 250 },
      { label: '1h', ms: 3_600_000 },
    ]);
    expect(message(schema, { RETRY_DELAYS: '1s,soon' })).toContain('"soon" is not a duration');
  });

  it('is reported whole even where several parts of a process read it', () => {
    const read = () =>
      readTogether(
        () => readConfig(consumerConfig, { DATABASE_URL }),
        () => readConfig(z.object({ A: z.string(), LOG_LEVEL: z.string() }), { LOG_LEVEL: 'info' }),
        () => 'no configuration',
      );
    expect(read).toThrow(/RABBITMQ_URL: is not set(.|\n)*A: is not set/);
    expect(
      readTogether(
        () => 1,
        () => 'two',
      ),
    ).toEqual([1, 'two']);
  });
});

test('a batch as large as what the broker sends ahead is refused', () => {
  const environment = {
    DATABASE_URL,
    RABBITMQ_URL: 'amqp://h',
    CONSUMER_BATCH: '50',
    CONSUMER_PREFETCH: '50',
  };
  expect(() => readConfig(consumerConfigWith({}), environment)).toThrow(
    'CONSUMER_PREFETCH: must be greater than CONSUMER_BATCH',
  );
  expect(readConfig(consumerConfigWith({}), { ...environment, CONSUMER_PREFETCH: '51' })).toMatchObject({
    CONSUMER_BATCH: 50,
  });
});

test('a variable of blanks is as one that is not set, of whatever kind', () => {
  const blank = {
    PORT: ' ',
    HOST: '  ',
    AUTH: '\t',
    LEAVE_AFTER: ' ',
    LOG_LEVEL: ' \n',
    CARD_TOKEN_KEY: ' ',
  };
  const config = readConfig(apiConfig, { DATABASE_URL, DATABASE_PASSWORD: ' ', ...blank });
  expect(config).toEqual(readConfig(apiConfig, { DATABASE_URL }));
  expect(config).toMatchObject({ PORT: 8000, HOST: '127.0.0.1' });
  expect(message(apiConfig, { DATABASE_URL: ' ' })).toContain('DATABASE_URL: is not set; set it to e.g.');
  const environment = { PORT: ' ', HOST: '', AUTH: 'none' };
  forgetBlanks(environment);
  expect(environment).toEqual({ AUTH: 'none' });
});

test.each(['0x1F90', '1e4', ' 8000', '8000 ', '+8000', '-1', '8000.0', '8_000', '٨', 'Infinity', '65536'])(
  'a number is decimal digits: %p is none',
  (PORT) =>
    expect(message(apiConfig, { DATABASE_URL, PORT })).toBe(
      'Bad configuration:\n  PORT: must be a whole number from 0 to 65535',
    ),
);
