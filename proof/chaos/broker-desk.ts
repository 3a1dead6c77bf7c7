import { EVENTS_EXCHANGE } from '../../shared/messaging/topology';

/** The broker's management API, with all rights: what an administrator does there. Each call is one request. */
export interface BrokerDesk {
  /** Everything that is bound to a queue or an exchange, as `source -> queue (key)`. */
  bindings(): Promise<Set<string>>;
  bind(queue: string, key: string): Promise<void>;
  /** From the events exchange. Fine when it is gone already, as are the others that take away. */
  unbind(queue: string, key: string): Promise<void>;
  deleteExchange(exchange: string): Promise<void>;
  deleteQueue(queue: string): Promise<void>;
  /** Whether a queue is on record and has no leader. */
  isLeaderless(queue: string): Promise<boolean>;
  setPolicy(name: string, queue: string, definition: Record<string, unknown>): Promise<void>;
  removePolicy(name: string): Promise<void>;
  /** Makes the user where there is none; what it may do otherwise stays the same. */
  setPassword(user: string, password: string): Promise<void>;
  /** Ends the connections of a user. The API knows of new ones only seconds later. */
  disconnect(user: string): Promise<void>;
  /** Into a queue, with headers that no client library could write. @returns whether the queue has it */
  publish(queue: string, id: string, body: Buffer, headers: Record<string, unknown>): Promise<boolean>;
  /** @throws while the broker is in alarm */
  assertNoAlarm(): Promise<void>;
  /** Messages by queue, ready or not acknowledged; a few seconds old. */
  totals(): Promise<Map<string, number>>;
}

const ANSWER_MS = 5_000;
const GONE = 404;

interface Binding {
  source: string;
  destination: string;
  routing_key: string;
}

export function brokerDesk(managementUrl: string): BrokerDesk {
  const { origin, username, password } = new URL(managementUrl);
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization = `Basic ${login.toString('base64')}`;

  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${origin}/api/${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    if (!response.ok && !(method === 'DELETE' && response.status === GONE))
      throw new Error(`${method} /api/${path}: ${response.status} ${text.slice(0, 200)}`);
    return (text && response.ok ? JSON.parse(text) : undefined) as T;
  }
  const remove = (path: string) => ask<undefined>('DELETE', path);
  const exchange = `e/${EVENTS_EXCHANGE}`;

  return {
    bindings: async () => {
      const all = await ask<Binding[]>('GET', 'bindings/%2F');
      // Those of the default exchange come and go with their queue.
      return new Set(all.filter(({ source }) => source !== '').map(nameOf));
    },
    bind: (queue, key) => ask('POST', `bindings/%2F/${exchange}/q/${queue}`, { routing_key: key }),
    unbind: (queue, key) => remove(`bindings/%2F/${exchange}/q/${queue}/${encodeURIComponent(key)}`),
    deleteExchange: (name) => remove(`exchanges/%2F/${name}`),
    deleteQueue: (queue) => remove(`queues/%2F/${queue}`),
    isLeaderless: async (queue) => {
      const all = await ask<{ name: string; leader?: string | null }[]>('GET', 'queues/%2F');
      return all.some(({ name, leader }) => name === queue && !leader);
    },
    setPolicy: (name, queue, definition) =>
      ask('PUT', `policies/%2F/${name}`, {
        pattern: `^${queue.replaceAll('.', '\\.')}$`,
        definition,
        'apply-to': 'queues',
      }),
    removePolicy: (name) => remove(`policies/%2F/${name}`),
    setPassword: (user, to) => ask('PUT', `users/${user}`, { password: to, tags: '' }),
    disconnect: async (user) => {
      const all = await ask<{ name: string; user: string }[]>('GET', 'connections');
      for (const one of all.filter((connection) => connection.user === user))
        await remove(`connections/${encodeURIComponent(one.name)}`);
    },
    publish: async (queue, id, body, headers) => {
      const { routed } = await ask<{ routed: boolean }>('POST', 'exchanges/%2F/amq.default/publish', {
        routing_key: queue,
        payload: body.toString('base64'),
        payload_encoding: 'base64',
        properties: { message_id: id, delivery_mode: 2, headers },
      });
      return routed;
    },
    assertNoAlarm: () => ask<unknown>('GET', 'health/checks/alarms').then(() => undefined),
    totals: async () => {
      const path = 'queues?disable_stats=true&enable_queue_totals=true';
      const queues = await ask<{ name: string; messages?: number }[]>('GET', path);
      return new Map(queues.map(({ name, messages }) => [name, messages ?? 0]));
    },
  };
}

const nameOf = ({ source, destination, routing_key: key }: Binding) => `${source} -> ${destination} (${key})`;
