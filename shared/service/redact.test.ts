import { redactError, redactText, secretsOf } from './redact';

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
