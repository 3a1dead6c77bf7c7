import {
  addressOf,
  brokerUrl,
  databaseAndBroker,
  databaseUrl,
  managementUrls,
  serverUrls,
} from './server-urls';

const mesh = {
  api_url: '',
  database_url: 'postgresql://mesh/db',
  rabbitmq_url: 'amqp://mesh',
  management_url: null,
  services: {},
};
const sources = (environment: Record<string, string>, running = true) => ({
  environment,
  readMesh: () => (running ? mesh : undefined),
});

test('a command works on the servers that are given, else on the running mesh’s', () => {
  expect(brokerUrl('npm run x', sources({ RABBITMQ_URL: 'amqps://given/vhost' }))).toBe(
    'amqps://given/vhost',
  );
  expect(brokerUrl('npm run x', sources({}))).toBe('amqp://mesh');
  expect(databaseUrl('npm run x', sources({ DATABASE_URL: 'postgresql://given/db' }))).toBe(
    'postgresql://given/db',
  );
  expect(serverUrls('npm run x', sources({}))).toEqual({
    databaseUrl: 'postgresql://mesh/db',
    rabbitmqUrl: 'amqp://mesh',
  });
});

test('the management API is the one that is named, also by a file; else each node’s', () => {
  const at = 'amqp://u@[::1]:5672,two:5672,two:5673/v';
  const usual = ['http://[::1]:15672', 'http://two:15672'];
  expect(managementUrls(at, sources({ RABBITMQ_URL: at }))).toEqual(usual);
  expect(managementUrls(at, sources({ RABBITMQ_URL: at, RABBITMQ_MANAGEMENT_URL: '' }))).toEqual(usual);
  expect(managementUrls(at, sources({ RABBITMQ_MANAGEMENT_URL: 'http://m:1' }))).toEqual(['http://m:1']);
  const encrypted = 'amqps://u:p@mq/';
  expect(managementUrls(encrypted, sources({ RABBITMQ_URL: encrypted }))).toEqual(['https://mq:15671']);
  expect(() => managementUrls(at, sources({ RABBITMQ_MANAGEMENT_URL_FILE: '/no/such' }))).toThrow(
    'RABBITMQ_MANAGEMENT_URL_FILE names a file that does not exist: /no/such',
  );
});

test('it never mixes a given server with one of the running mesh', () => {
  expect(() => serverUrls('npm run x', sources({ DATABASE_URL: 'postgresql://given/db' }))).toThrow(
    'npm run x needs RABBITMQ_URL too: set both, or neither.',
  );
  expect(() => databaseAndBroker('npm run x', sources({ RABBITMQ_URL: 'amqp://given' }))).toThrow(
    'npm run x needs DATABASE_URL too: set both, or neither.',
  );
  expect(() => databaseUrl('npm run x', sources({ RABBITMQ_URL: 'amqp://given' }))).toThrow(
    'npm run x needs DATABASE_URL too: set both, or neither.',
  );
  expect(() => brokerUrl('npm run x', sources({ DATABASE_URL: 'postgresql://given/db' }))).toThrow(
    'npm run x needs RABBITMQ_URL too: set both, or neither.',
  );
});

test('a command that can do without the broker takes none of another mesh', () => {
  const given = 'postgresql://given/db';
  const none = { databaseUrl: given, rabbitmqUrl: undefined };
  expect(databaseAndBroker('npm run x', sources({ DATABASE_URL: given }))).toEqual(none);
  expect(databaseAndBroker('npm run x', sources({ DATABASE_DIRECT_URL: given }))).toEqual(none);
  expect(
    databaseAndBroker('npm run x', sources({ DATABASE_URL: given, RABBITMQ_URL: 'amqp://given' })),
  ).toEqual({ databaseUrl: given, rabbitmqUrl: 'amqp://given' });
  expect(databaseAndBroker('npm run x', sources({})).rabbitmqUrl).toBe('amqp://mesh');
});

test('it says what to set when there is nothing to work on', () => {
  expect(() => brokerUrl('npm run x', sources({}, false))).toThrow(
    'set RABBITMQ_URL, or run it while "npm start"',
  );
  expect(() => serverUrls('npm run x', sources({}, false))).toThrow('set DATABASE_URL and RABBITMQ_URL');
  expect(() => brokerUrl('npm run x', sources({ RABBITMQ_URL: 'http://x' }))).toThrow('amqp://');
});

test('an address has no login in it', () => {
  expect(addressOf('postgresql://user:secret@[::1]:5432/ordermesh?sslmode=require')).toBe(
    '[::1]:5432/ordermesh',
  );
});
