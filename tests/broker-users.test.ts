import { resolve } from 'node:path';
import type { Channel, ChannelModel } from 'amqplib';
import { findBrokerUser } from '../scripts/users/find-broker-user';
import { openManagement } from '../scripts/users/management';
import { connectBroker } from '../shared/messaging/connect-broker';
import { declareMesh, discoverSubscriptions } from '../shared/messaging/declare-mesh';
import { EVENTS_EXCHANGE, serviceNames } from '../shared/messaging/topology';
import { makeLogins, type Logins } from '../shared/testing/logins';
import { createTestBroker, type TestBroker } from '../shared/testing/test-broker';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';
import { until } from '../shared/testing/until';

// What each user may do on the broker, tried as that user, with a client of a stranger.

let db: TestDatabase;
let broker: TestBroker;
let logins: Logins;
const open = new Map<string, ChannelModel>();
const subscriptions = discoverSubscriptions(resolve('dist'));
const consumers = subscriptions.map(({ service }) => service);

beforeAll(async () => {
  [db, broker] = await Promise.all([createTestDatabase(), createTestBroker()]);
  await declareMesh({ databaseUrl: db.url, rabbitmqUrl: broker.url, subscriptions });
  logins = await makeLogins(db, broker);
  for (const name of [...consumers, 'outbox-publisher', 'operator']) {
    const connection = await connectBroker(logins.rabbitmqUrl(name)!);
    connection.on('error', () => undefined);
    open.set(name, connection);
  }
}, 60_000);
afterAll(async () => {
  for (const connection of open.values()) await connection.close().catch(() => undefined);
  await db.drop();
  await logins.drop();
  await broker.drop();
});

/** On a channel of its own, for a refusal closes it. */
async function attempt(login: string, work: (channel: Channel) => unknown): Promise<string> {
  const channel = await open.get(login)!.createConfirmChannel();
  let closed: Error | undefined;
  channel.on('error', (error: Error) => (closed = error));
  try {
    await work(channel);
    await channel.waitForConfirms();
    await channel.close();
    return 'done';
  } catch (error) {
    return /ACCESS_REFUSED/.test(String(closed ?? error)) ? 'refused' : String(closed ?? error);
  }
}

const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum' } };

it('a consumer has its own queues and exchange', async () => {
  for (const { service, types } of subscriptions) {
    const { queue, exchange, deadLetterQueue } = serviceNames(service);
    for (const [what, work] of Object.entries<(channel: Channel) => unknown>({
      consume: (channel) => channel.consume(queue, () => undefined),
      read: (channel) => channel.get(deadLetterQueue),
      publish: (channel) => channel.publish(exchange, 'nowhere', Buffer.from('{}')),
      bind: (channel) => channel.bindQueue(queue, EVENTS_EXCHANGE, types[0]!),
      unbind: (channel) => channel.unbindQueue(queue, EVENTS_EXCHANGE, types[0]!),
      declare: (channel) => channel.assertQueue(`${queue}.retry.7s`, quorum),
      look: (channel) => channel.checkExchange(EVENTS_EXCHANGE),
    }))
      expect([service, what, await attempt(service, work)]).toEqual([service, what, 'done']);
  }
}, 60_000);

it('nobody but the relay writes the events exchange, or configures it', async () => {
  for (const login of [...consumers, 'operator'])
    for (const work of [
      (channel: Channel) => channel.publish(EVENTS_EXCHANGE, 'order.placed.v1', Buffer.from('{}')),
      (channel: Channel) => channel.assertExchange(EVENTS_EXCHANGE, 'topic', { durable: true }),
      (channel: Channel) => channel.deleteExchange(EVENTS_EXCHANGE),
      (channel: Channel) => channel.publish('', login, Buffer.from('{}')), // by way of the default exchange
    ])
      expect([login, await attempt(login, work)]).toEqual([login, 'refused']);
  const publish = (channel: Channel) =>
    channel.publish(EVENTS_EXCHANGE, 'nobody.takes.this.v1', Buffer.from('{}'));
  expect(await attempt('outbox-publisher', publish)).toBe('done');
}, 60_000);

it('a consumer does nothing to another', async () => {
  const asked = consumers.flatMap((login, index) => {
    const other = serviceNames(consumers[(index + 1) % consumers.length]!);
    const own = serviceNames(login);
    const attempts: Record<string, (channel: Channel) => unknown> = {
      publish: (channel) => channel.publish(other.exchange, 'work', Buffer.from('{}')),
      consume: (channel) => channel.consume(other.queue, () => undefined),
      read: (channel) => channel.get(other.deadLetterQueue),
      purge: (channel) => channel.purgeQueue(other.queue),
      delete: (channel) => channel.deleteQueue(other.deadLetterQueue),
      'delete its exchange': (channel) => channel.deleteExchange(other.exchange),
      declare: (channel) => channel.assertQueue(`${other.queue}.retry.9s`, quorum),
      'declare anything': (channel) => channel.assertQueue('mine', quorum),
      'declare an exchange': (channel) => channel.assertExchange('mine', 'fanout'),
      'bind its queue': (channel) => channel.bindQueue(other.queue, own.exchange, 'work'),
      'unbind its queue': (channel) => channel.unbindQueue(other.queue, EVENTS_EXCHANGE, 'order.placed.v1'),
      'bind from its exchange': (channel) => channel.bindQueue(own.queue, other.exchange, 'work'),
      'dead-letter into it': (channel) =>
        channel.assertQueue(`${own.queue}.retry.8s`, {
          durable: true,
          arguments: { ...quorum.arguments, 'x-dead-letter-exchange': other.exchange },
        }),
    };
    return Object.entries(attempts).map(([what, work]) => ({ login, what, work }));
  });
  for (const { login, what, work } of asked)
    expect([login, what, await attempt(login, work)]).toEqual([login, what, 'refused']);
}, 60_000);

it('a consumer takes only the types that it has a handler for, or once had', async () => {
  const bind = (login: string, key: string) =>
    attempt(login, (channel) => channel.bindQueue(login, EVENTS_EXCHANGE, key));
  const all = [...new Set(subscriptions.flatMap(({ types }) => types))];
  for (const { service, types } of subscriptions)
    for (const key of [...all.filter((type) => !types.includes(type)), '#', '*.*.v1', 'order.#'])
      expect([service, key, await bind(service, key)]).toEqual([service, key, 'refused']);
  // It unbinds by itself what a newer version takes no more.
  await db.database.subscription.create({
    data: { consumer: consumers[0]!, eventType: 'old.type.v1', until: new Date() },
  });
  await logins.run('--only', 'rabbitmq');
  expect(
    await until('the new right', async () => (await bind(consumers[0]!, 'old.type.v1')) === 'done'),
  ).toBe(true);
}, 60_000);

it('operators read dead letters and give services their messages again, and nothing more', async () => {
  const [service = ''] = consumers;
  const { queue, exchange, deadLetterQueue } = serviceNames(service);
  const attempts: [string, string, (channel: Channel) => unknown][] = [
    ['done', 'read', (channel) => channel.get(deadLetterQueue)],
    ['done', 'replay', (channel) => channel.publish(exchange, 'nowhere', Buffer.from('{}'))],
    ['done', 'count', (channel) => channel.checkQueue(queue)],
    ['refused', 'consume', (channel) => channel.consume(queue, () => undefined)],
    ['refused', 'declare', (channel) => channel.assertQueue('mine', quorum)],
    ['refused', 'delete', (channel) => channel.deleteQueue(deadLetterQueue)],
  ];
  for (const [outcome, what, work] of attempts)
    expect([what, await attempt('operator', work)]).toEqual([what, outcome]);
});

it('the relay reads nothing, and order-api has no user', async () => {
  const [service = ''] = consumers;
  for (const work of [
    (channel: Channel) => channel.get(serviceNames(service).queue),
    (channel: Channel) => channel.bindQueue(service, EVENTS_EXCHANGE, 'order.placed.v1'),
    (channel: Channel) => channel.publish(service, 'work', Buffer.from('{}')),
    (channel: Channel) => channel.assertQueue('mine', quorum),
  ])
    expect(await attempt('outbox-publisher', work)).toBe('refused');
  expect(logins.names).toContain('order-api');
  expect(logins.rabbitmqUrl('order-api')).toBeUndefined();
});

const userAt = (user: string) => `/api/users/${user}`;
const roles = async (like: string) =>
  db.database.$queryRawUnsafe('SELECT rolname FROM pg_roles WHERE rolname LIKE $1', like);

it('a user’s tag opens nothing', async () => {
  const user = `${logins.prefix}operator`;
  expect(await broker.manage('GET', userAt(user))).toMatchObject({ tags: ['ordermesh'] });
  const { password } = new URL(logins.rabbitmqUrl('operator')!);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const api = new URL('/api/whoami', process.env.TEST_RABBITMQ_MANAGEMENT_URL);
  [api.username, api.password] = ['', ''];
  expect((await fetch(api, { headers: { authorization } })).status).toBe(401);
});

it('a user of somebody else’s is told from the mesh’s own', async () => {
  const user = `${logins.prefix}strange`;
  const management = openManagement(process.env.TEST_RABBITMQ_MANAGEMENT_URL!, broker.url);
  const look = () => findBrokerUser(management, user, 'inventory-service', 'go away');
  expect(await look()).toBe(false);
  const own = await management.find<object[]>(`users/${logins.prefix}inventory-service/permissions`);
  const keys = await management.find<object[]>(`users/${logins.prefix}inventory-service/topic-permissions`);
  const make = async (tags: string, permissions: object, ...more: object[]) => {
    await broker.manage('PUT', userAt(user), { password: 'secret', tags });
    await broker.manage('PUT', `/api/topic-permissions/{vhost}/${user}`, { ...keys![0] });
    await broker.manage('PUT', `/api/permissions/{vhost}/${user}`, { ...own![0], ...permissions });
    for (const one of more)
      await broker.manage('PUT', `/api/topic-permissions/{vhost}/${user}`, { ...keys![0], ...one });
  };
  const refused = (why: string) =>
    expect(look()).rejects.toThrow(
      `There is a user ${user} at RabbitMQ already, and not of this mesh (${why}): go away.`,
    );
  const elsewhere = await createTestBroker();
  try {
    await make('', {});
    expect(await look()).toBe(true); // as earlier versions made it
    await make('ordermesh', { read: '.*' });
    expect(await look()).toBe(true); // its rights are put right
    await make('administrator', {});
    await refused('its tags: administrator');
    await make('ordermesh,monitoring', {});
    await refused('its tags: ordermesh, monitoring');
    await make('', { read: '.*' });
    await refused('it has not the tag ordermesh');
    await make('', {}, { exchange: 'other' });
    await refused('it has not the tag ordermesh');
    await broker.manage('DELETE', userAt(user));
    await broker.manage('PUT', userAt(user), { password: 'secret', tags: '' });
    await refused('it has not the tag ordermesh');
    await make('ordermesh', {});
    await elsewhere.manage('PUT', `/api/permissions/{vhost}/${user}`, { ...own![0] });
    const { pathname } = new URL(elsewhere.url);
    await refused(`it has rights in the virtual host ${pathname.slice(1)}`);
  } finally {
    await broker.manage('DELETE', userAt(user));
    await elsewhere.drop();
  }
}, 30_000);

it('somebody else’s user is neither taken over nor deleted, and nothing is changed for it', async () => {
  const prefix = `${logins.prefix}two-`;
  const user = `${prefix}status-service`;
  await broker.manage('PUT', userAt(user), { password: 'secret', tags: 'administrator' });
  try {
    const before = await broker.manage('GET', userAt(user));
    for (const [more, advice] of [
      [[], 'choose other names with --prefix, or delete it'],
      [['--remove', 'status-service'], 'nothing was removed'],
    ] as const)
      await expect(logins.run('--prefix', prefix, ...more)).rejects.toMatchObject({
        stderr: expect.stringContaining(
          `There is a user ${user} at RabbitMQ already, and not of this mesh (its tags: administrator): ${advice}.\n`,
        ) as string,
      });
    expect(await broker.manage('GET', userAt(user))).toEqual(before);
    expect(await roles(`${prefix}%`)).toEqual([]);
  } finally {
    await broker.manage('DELETE', userAt(user));
  }
}, 30_000);

it('users that earlier versions made are given their tag, or ended', async () => {
  const names = logins.names.filter((name) => logins.rabbitmqUrl(name));
  const forget = () =>
    Promise.all(
      names.map((name) =>
        broker.manage('PUT', userAt(logins.prefix + name), { password: 'secret', tags: '' }),
      ),
    );
  await forget();
  await logins.run();
  for (const name of names)
    expect(await broker.manage('GET', userAt(logins.prefix + name))).toMatchObject({ tags: ['ordermesh'] });
  await forget();
  const said = await logins.run(...names.flatMap((name) => ['--remove', name]));
  expect(said.match(/ is gone$/gm)).toHaveLength(names.length);
  for (const name of names)
    await expect(broker.manage('GET', userAt(logins.prefix + name))).rejects.toThrow('404');
  expect(await logins.run('--remove', names[0]!)).toContain('There was no login');
}, 30_000);
