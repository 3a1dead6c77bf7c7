import { randomBytes } from 'node:crypto';
import { connect, type Channel, type ChannelModel, type GetMessage } from 'amqplib';
import { until } from './until';

/** A virtual host of its own on the run's RabbitMQ, with a client of a stranger on it. */
export interface TestBroker {
  url: string;
  /** A channel of a foreign client: no code of the project's behind it. */
  readonly channel: Channel;
  /** Gives the foreign client a new connection, after the broker was away. */
  reconnect(): Promise<void>;
  /** Asks the management API; the path begins with `/api/`, `{vhost}` stands for the virtual host. */
  manage<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Takes the next message of a queue, waiting for it. */
  take(queue: string, withinMs?: number): Promise<GetMessage>;
  /**
   * Whether nothing is ready in a queue. A message is taken to find out: the counts that the broker
   * gives of a quorum queue are seconds old.
   */
  isEmpty(queue: string): Promise<boolean>;
  /** Closes every connection to the virtual host from the broker's side, as an operator would. */
  cutConnections(): Promise<number>;
  drop(): Promise<void>;
}

const setting = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with npm test, which starts the servers`);
  return value;
};

/** @param server another RabbitMQ than the run's */
export async function createTestBroker(
  server = { amqp: setting('TEST_RABBITMQ_URL'), management: setting('TEST_RABBITMQ_MANAGEMENT_URL') },
): Promise<TestBroker> {
  const vhost = `test-${randomBytes(6).toString('hex')}`;
  const amqp = new URL(server.amqp);
  const user = decodeURIComponent(amqp.username);
  amqp.pathname = `/${vhost}`;
  const manage = <T>(method: string, path: string, body?: unknown) =>
    request<T>(server.management, method, path.replaceAll('{vhost}', vhost), body);
  await manage('PUT', '/api/vhosts/{vhost}');
  await manage('PUT', `/api/permissions/{vhost}/${encodeURIComponent(user)}`, {
    configure: '.*',
    write: '.*',
    read: '.*',
  });

  let connection: ChannelModel;
  let channel: Channel;
  const open = async () => {
    connection = await until('the virtual host to let us in', () =>
      connect(amqp.toString(), { clientProperties: { connection_name: 'stranger' } }),
    );
    connection.on('error', () => undefined);
    channel = await connection.createChannel();
    channel.on('error', () => undefined);
  };
  await open();

  return {
    url: amqp.toString(),
    get channel() {
      return channel;
    },
    reconnect: open,
    manage,
    take: (queue, withinMs) =>
      until(`a message in ${queue}`, () => channel.get(queue, { noAck: true }), withinMs),
    isEmpty: async (queue) => (await channel.get(queue, { noAck: true })) === false,
    cutConnections: async () => {
      const all = await manage<
        {
          name: string;
          vhost: string;
          user_provided_name?: string;
          client_properties?: { connection_name?: string };
        }[]
      >('GET', '/api/vhosts/{vhost}/connections');
      const others = all.filter((one) => one.client_properties?.connection_name !== 'stranger');
      for (const one of others)
        await manage('DELETE', `/api/connections/${encodeURIComponent(one.name)}`).catch(() => undefined);
      return others.length;
    },
    drop: async () => {
      await connection.close().catch(() => undefined);
      await manage('DELETE', '/api/vhosts/{vhost}');
    },
  };
}

async function request<T>(management: string, method: string, path: string, body?: unknown): Promise<T> {
  const url = new URL(management);
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString('base64')}`;
  const response = await fetch(new URL(path, url.origin), {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}
