import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { declareMesh, discoverSubscriptions } from '../messaging/declare-mesh';
import { foldersWith } from '../service/service-folders';
import { makeLogins, type Logins } from './logins';
import { startService, type ServiceProcess } from './service-process';
import { createTestBroker, type TestBroker } from './test-broker';
import { createTestDatabase, type TestDatabase } from './test-database';
import { until } from './until';

/** Every service at the root. */
export const allServices = foldersWith('main.js', resolve('dist')).flatMap(({ name, isExample }) =>
  isExample ? [] : [name],
);

/** All services as processes, on a database and a virtual host of their own. */
export interface Mesh {
  db: TestDatabase;
  broker: TestBroker;
  /** Where each service has one of its own. */
  logins: Logins | undefined;
  /** Every process started, the dead included. */
  processes: ServiceProcess[];
  /** The latest process of a service. */
  service(name: string): ServiceProcess;
  /** Starts one (more) of a service. */
  start(name: string): Promise<ServiceProcess>;
  /** Asks order-api; the path begins after `/api/v1`. */
  ask<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: T }>;
  /** A restaurant with one item of so much stock. */
  addItem(availableQty: number): Promise<{ restaurantId: string; itemId: string }>;
  /** Places an order and answers its id; with a card token, one that is paid by card. */
  place(restaurantId: string, itemId: string, quantity?: number, token?: string): Promise<string>;
  /** Waits until an order has a status. */
  reaches(orderId: string, status: string): Promise<void>;
  available(itemId: string): Promise<number>;
  /** Waits until no event is under way any more. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

export interface MeshOptions {
  services?: readonly string[];
  /** Given to every process. */
  environment?: Record<string, string>;
  /** Instead of the virtual host's own: a proxy before it, say. */
  rabbitmqUrl?: (url: string) => Promise<string>;
  databaseUrl?: (url: string) => Promise<string>;
  /** Gives each service a login of its own, with the rights that it needs and no other. */
  ownLogins?: boolean;
  /** A migrated database of the test's own. */
  db?: TestDatabase;
  /** A RabbitMQ of the test's own. */
  broker?: { amqp: string; management: string };
}

export async function startMesh(options: MeshOptions = {}): Promise<Mesh> {
  const [db, broker] = await Promise.all([
    options.db ?? createTestDatabase(),
    createTestBroker(options.broker),
  ]);
  await declareMesh({
    databaseUrl: db.url,
    rabbitmqUrl: broker.url,
    subscriptions: discoverSubscriptions(resolve('dist')),
  });
  const logins = options.ownLogins ? await makeLogins(db, broker) : undefined;
  const environment: Record<string, string> = {
    DATABASE_URL: (await options.databaseUrl?.(db.url)) ?? db.url,
    RABBITMQ_URL: (await options.rabbitmqUrl?.(broker.url)) ?? broker.url,
    DATABASE_POOL_SIZE: '8',
    CARD_TOKEN_KEY: randomBytes(32).toString('base64'),
    ...options.environment,
  };
  const processes: ServiceProcess[] = [];
  const service = (name: string) => {
    const found = processes.findLast((one) => one.name === name);
    if (!found) throw new Error(`no ${name} was started`);
    return found;
  };
  const mesh: Mesh = {
    db,
    broker,
    logins,
    processes,
    service,
    start: async (name) => {
      const started = await startService(name, { ...environment, ...urlsOf(logins, name) });
      processes.push(started);
      if (name === 'payment-simulator') environment.PAYMENT_SIMULATOR_URL = started.url;
      return started;
    },
    ask: async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const response = await fetch(`${service('order-api').url}/api/v1${path}`, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as T };
    },
    addItem: async (available_qty) => {
      const restaurant = await mesh.ask<{ restaurant_id: string }>('POST', '/inventory/add/restaurant', {
        name: 'Tandoor',
      });
      const restaurantId = restaurant.body.restaurant_id;
      const item = await mesh.ask<{ menu_item_id: string }>('POST', `/inventory/add/${restaurantId}/item`, {
        name: 'Dal',
        price: '120.50',
        available_qty,
      });
      return { restaurantId, itemId: item.body.menu_item_id };
    },
    place: async (restaurant_id, menu_item_id, quantity = 1, token) => {
      const order = await mesh.ask<{ order_id: string }>('POST', '/orders', {
        restaurant_id,
        items: [{ menu_item_id, quantity }],
        payment: token ? { method: 'CARD', token } : undefined,
      });
      if (order.status !== 202) throw new Error(`not placed: ${JSON.stringify(order)}`);
      return order.body.order_id;
    },
    reaches: async (orderId, status) => {
      await until(
        `order ${orderId} to be ${status}`,
        async () => (await db.database.order.findUnique({ where: { id: orderId } }))?.status === status,
        30_000,
      );
    },
    available: async (itemId) =>
      (await db.database.stockLevel.findUniqueOrThrow({ where: { menuItemId: itemId } })).available,
    quiet: () => quiet(db),
    stop: async () => {
      await Promise.all(processes.map((one) => one.stop()));
      await db.drop();
      await logins?.drop();
      await broker.drop();
    },
  };
  try {
    const services = options.services ?? allServices;
    // First, because payment-service has to be told where it is.
    if (services.includes('payment-simulator')) await mesh.start('payment-simulator');
    await Promise.all(
      services.filter((name) => name !== 'payment-simulator').map((name) => mesh.start(name)),
    );
  } catch (error) {
    await mesh.stop().catch(() => undefined); // what kept it from starting is the error to show
    throw error;
  }
  return mesh;
}

/** A service without a login at a server is given one that cannot log in. */
function urlsOf(logins: Logins | undefined, service: string): Record<string, string> {
  if (!logins?.names.includes(service)) return {};
  return {
    DATABASE_URL: logins.databaseUrl(service),
    RABBITMQ_URL: logins.rabbitmqUrl(service) ?? 'amqp://nobody@127.0.0.1:1',
  };
}

/** Nothing waits in the outbox, and every published event was handled by all who had subscribed to it. */
async function quiet(db: TestDatabase): Promise<void> {
  await until(
    'the mesh to be quiet',
    async () => {
      const [row] = await db.database.$queryRaw<{ waiting: bigint; unhandled: bigint }[]>`
        SELECT (SELECT count(*) FROM outbox_events) AS waiting,
          (SELECT count(*) FROM event_log e JOIN subscriptions s ON s.event_type = e.type AND s.until IS NULL
           WHERE NOT EXISTS (SELECT FROM processed_events p WHERE p.consumer = s.consumer AND p.event_id = e.event_id)) AS unhandled`;
      return row && row.waiting + row.unhandled === 0n;
    },
    60_000,
  );
}
