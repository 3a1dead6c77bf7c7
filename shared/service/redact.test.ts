import { learnSecrets, redactError, redactLine, redactText, secretsOf } from './redact';

const SECRET = 'hunter#2/x';
beforeAll(() => {
  process.env.DATABASE_PASSWORD = SECRET; // read at the first redaction
});
afterAll(() => {
  delete process.env.DATABASE_PASSWORD;
});

const invalidUrl = (): unknown => {
  try {
    return new URL('amqp://u:pw-in-url#x@h');
  } catch (error) {
    return error;
  }
};

test('no secret is told by an error: message, stack, own fields, causes, gathered errors', () => {
  const deep = new Error('outer', {
    cause: Object.assign(new Error(`cause ${SECRET}`), { hint: `amqp://u:pw-in-url@h` }),
  });
  const error = Object.assign(new AggregateError([deep, invalidUrl()], 'at postgresql://u:pw-in-url@h/d'), {
    client: { connectionParameters: { password: 'pw-in-url', host: 'h' } },
    list: [{ issues: [{ code: 'x', input: 'pw-in-url' }] }],
    code: 'E1',
  });
  Object.assign(error, { self: error });
  const told = JSON.stringify(redactError(error));
  expect(told).not.toContain('pw-in-url');
  expect(told).not.toContain(SECRET);
  expect(told).toContain('"code":"E1"');
  expect(told).toContain('at postgresql://[redacted]@h/d');
  expect(told).toContain('ERR_INVALID_URL');
});

test('a password with / or # is hidden in a URL that is none', () => {
  expect(redactText('cannot read amqp://u:a#b/c@d@h/v, sorry')).toBe(
    'cannot read amqp://[redacted]@h/v, sorry',
  );
});

test('words that are no secret stay, though they are a password as well', () => {
  expect(secretsOf({ DATABASE_URL: 'postgresql://ordermesh:ordermesh@h/ordermesh' })).toEqual([]);
  expect(secretsOf({ DATABASE_URL: 'postgresql://u:p%40ssword@h/d' })).toEqual(
    expect.arrayContaining(['p%40ssword', 'p@ssword']),
  );
});

test('no credential of a caller is told, whatever it stands in', () => {
  const key = `om_live_${'a'.repeat(32)}_${'b'.repeat(49)}`;
  const token = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';
  const told = redactText(
    `with ${key}, ${token}, Authorization: Bearer c2VjcmV0 and bearer  x.y~z==; bearers stay`,
  );
  expect(told).toBe(
    'with [redacted], [redacted], Authorization: Bearer [redacted] and bearer  [redacted]; bearers stay',
  );
});

describe('what the query of a URL names as a secret', () => {
  it.each([
    'token',
    'access_token',
    'refresh_token',
    'id_token',
    'accessToken',
    'csrfmiddlewaretoken',
    'client_secret',
    'secretKey',
    'sslpassword',
    'passwd',
    'user-pwd',
    'apikey',
    'x-api-key',
    'api_key',
    'api.key',
    'api%5Fkey',
    'X-Amz-Signature',
    'X-Amz-Credential',
    'sig',
    'auth',
    'oauth',
    'auth_key',
    'Authorization',
    'user[password]',
    '%61ccess%5Ftoken',
    'cl%69ent_se%63ret',
  ])('is hidden: %s', (name) => {
    expect(redactText(`at https://h/x?a=1&${name}=S3%2fx&b=2 it`)).toBe(
      `at https://h/x?a=1&${name}=[redacted]&b=2 it`,
    );
    for (const before of ['?', '#', '?a=1;', '?a=1&amp;'])
      expect(redactText(`${before}${name}=S`)).toBe(`${before}${name}=[redacted]`);
  });

  it.each(['author', 'authority', 'design', 'signal', 'sort', 'passenger', 'key', 'api=1&key'])(
    'and not what only looks like it: %s',
    (name) => {
      const url = `https://h/x?${name}=S&b=token`;
      expect(redactText(url)).toBe(url);
    },
  );

  it('in a line of the log, which stays JSON', () => {
    const line = JSON.stringify({
      msg: 'no "http://h/?access_token=S" nor\n?sig=S\nhere',
      path: '/?auth=S\\',
    });
    expect(JSON.parse(redactLine(line))).toEqual({
      msg: 'no "http://h/?access_token=[redacted]" nor\n?sig=[redacted]\nhere',
      path: '/?auth=[redacted]',
    });
  });

  it('is looked for in no time in a text that was made to be slow', () => {
    const text = `${`?${'to'.repeat(2_000)}=`.repeat(50)}?${'auth'.repeat(100_000)}`;
    const from = performance.now();
    redactText(text);
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});

describe('a secret is found again', () => {
  const PASSWORD = 'p"ä s/w#rd&\\x';
  const OLD_KEY = Buffer.alloc(32, 7).toString('base64');
  const NEW_KEY = Buffer.alloc(32, 8).toString('base64');
  afterAll(() => learnSecrets({ DATABASE_PASSWORD: SECRET }));
  beforeAll(() =>
    learnSecrets({
      SMTP_URL: 'smtp://shop:smtp-pass%40word@mail.example:587',
      DATABASE_URL: 'postgresql://localhost/d?user=u&password=in-the-query',
      RABBITMQ_URL: 'amqp://u:first-broker@a:5672,amqp://u:second-broker@b:5672',
      RABBITMQ_PASSWORD: PASSWORD,
      CARD_TOKEN_KEY: `${NEW_KEY},${OLD_KEY}`,
      SLACK_WEBHOOK_URL: 'https://hooks.slack.com/services/T000/B000/slackpart123',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=otel-value-1,authorization=Bearer%20otel-value-2',
    }),
  );

  const base64 = (text: string) => Buffer.from(text).toString('base64');
  it.each([
    ['as it is', PASSWORD, PASSWORD],
    ['in a URL', encodeURIComponent(PASSWORD), encodeURIComponent(PASSWORD)],
    ['in a URL, as URL writes it', new URL(`amqp://u:${encodeURIComponent(PASSWORD)}@h`).password, '%20s'],
    ['in JSON', JSON.stringify({ a: PASSWORD }), 'w#rd'],
    ['in JSON within JSON', JSON.stringify(JSON.stringify(encodeURIComponent(PASSWORD))), 'w%23rd'],
    ['in base64', base64('smtp-pass@word'), base64('smtp-pass@word').slice(0, 8)],
    ['in base64, as SMTP has it', base64('\0shop\0smtp-pass@word'), 'c210cC1wYXNz'],
    ['in base64, behind a longer name', base64('\0shop.\0smtp-pass@word'), 'NtdHAtcGFzc0B3b3'],
    ['as one of several keys', `the key ${OLD_KEY}`, OLD_KEY],
    ['in the query of a URL', 'in-the-query', 'in-the-query'],
    ['of the second broker', 'password second-broker', 'second-broker'],
    ['of Slack: the path', '/services/T000/B000/slackpart123', 'slackpart123'],
    ['of Slack: its end', 'no slackpart123', 'slackpart123'],
    ['as a header', 'otel-value-1', 'otel-value-1'],
    ['as a header, decoded', 'Bearer otel-value-2', 'otel-value-2'],
  ])('%s', (_, text, part) => {
    expect(text).toContain(part);
    expect(redactText(text)).not.toContain(part);
    expect(redactText(text)).toContain('[redacted]');
  });

  it('in a line of the log, which stays JSON', () => {
    const line = JSON.stringify({
      level: 'info',
      port: 5672,
      msg: `no ${PASSWORD}`,
      path: '/x?token=t0ken&a=1',
    });
    expect(JSON.parse(redactLine(line))).toEqual({
      level: 'info',
      port: 5672,
      msg: 'no [redacted]',
      path: '/x?token=[redacted]&a=1',
    });
  });
});

test('a number that is a password is not looked for in whole lines, which would be JSON no more', () => {
  learnSecrets({ DATABASE_PASSWORD: '12345678', RABBITMQ_PASSWORD: 'info' });
  const line = '{"level":"info","port":12345678}';
  expect(redactLine(line)).toBe(line);
  expect(redactText('it is 12345678')).toBe('it is [redacted]');
  learnSecrets({ DATABASE_PASSWORD: SECRET });
});
