import { once } from 'node:events';
import { writeSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { connect, type ChannelModel } from 'amqplib';
import { Client } from 'pg';
import { pause } from '../shared/service/pause';
import { SMTPServer } from 'smtp-server';
import { answering, startReceiver, type Receiver } from '../notification-service/testing/receivers';
import { makePartitions } from '../shared/history/partitions';
import { EVENTS_EXCHANGE } from '../shared/messaging/topology';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { startProxy, type TcpProxy } from '../shared/testing/tcp-proxy';
import { until } from '../shared/testing/until';
import { findPrometheus } from './find-prometheus';
import { startOwnBroker, type OwnBroker } from './own-broker';
import { startPrometheus, targetsOf, vhostOf, type OwnPrometheus } from './own-prometheus';

// Faults, brought about in a real mesh that a real Prometheus watches with the rules as they are delivered. Each has its
// alert within a minute and no other, the probes of just the right services say that they are not ready, and all is over
// when the fault is.

const ALERT_MS = 60_000;
/** What else follows would have come by then. */
const AFTER_MS = 20_000;
const OVER_MS = 240_000;
/** Looking takes from the work of those who are looked at. */
const LOOK_EVERY_MS = 300;

const tools = findPrometheus();
let broker: OwnBroker;
let mesh: Mesh;
let prometheus: OwnPrometheus;
let database: TcpProxy;
let mail: SMTPServer;
let mails: TcpProxy;
let receiver: Receiver;
let shop: { restaurantId: string; itemId: string };
let webhookId: string;

beforeAll(async () => {
  if (!tools) return;
  broker = await startOwnBroker();
  mail = new SMTPServer({ disabledCommands: ['AUTH', 'STARTTLS'], closeTimeout: 500 });
  mail.on('error', () => undefined);
  const listening = mail.listen(0, '127.0.0.1') as unknown as Server;
  await once(listening, 'listening');
  mails = await startProxy(`smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`);
  receiver = await startReceiver();
  receiver.answers = answering(200);
  mesh = await startMesh({
    broker: broker.urls,
    databaseUrl: async (url) => (database = await startProxy(url)).url,
    environment: {
      SMTP_URL: mails.url,
      MAIL_FROM: 'orders@example.com',
      WEBHOOK_ALLOW_PRIVATE: 'true',
    },
  });
  shop = await mesh.addItem(1_000_000);
  const added = await mesh.ask<{ webhook_id: string }>('POST', `/restaurants/${shop.restaurantId}/webhooks`, {
    url: receiver.url,
  });
  webhookId = added.body.webhook_id;
  prometheus = await startPrometheus(tools.prometheus, targetsOf(mesh, broker.urls.metrics), vhostOf(mesh));
  await mesh.reaches(await order(), 'PREPARING');
  await isWell();
  // Before it knew any target RabbitMQ was away, for all that Prometheus knew, and what follows from that is not told yet.
  const startIsOver = async () =>
    (await prometheus.query('max_over_time(ordermesh:servers_in_trouble[2m])')).length === 0;
  await until('the start to be over', startIsOver, OVER_MS);
  tell('', 'alert', 'after', 'over', 'fault', 'not ready meanwhile');
}, 180_000 + OVER_MS);

afterAll(async () => {
  await prometheus?.stop();
  await mesh?.stop();
  await database?.close();
  await receiver?.stop();
  await mails?.close();
  if (mail) await new Promise<void>((done) => mail.close(() => done()));
  await broker?.stop();
}, 60_000);

interface Fault {
  alert: string;
  /** The services whose probes say at some time that they are not ready, or do not answer. */
  notReady: readonly string[];
  /** Others that may, as chance has it. */
  perhaps?: readonly string[];
  /** Brings it about. @returns how to heal it */
  begin: () => Promise<() => Promise<unknown>>;
}

const order = async (more: Record<string, unknown> = {}) => {
  const { restaurantId: restaurant_id, itemId: menu_item_id } = shop;
  const body = { restaurant_id, items: [{ menu_item_id, quantity: 1 }], ...more };
  const answer = await mesh.ask<{ order_id: string }>('POST', '/orders', body);
  if (answer.status !== 202) throw new Error(`not placed: ${JSON.stringify(answer)}`);
  return answer.body.order_id;
};

/** Does it again and again until it is told to stop. */
function repeatedly(everyMs: number, work: () => Promise<unknown>): () => Promise<void> {
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      await work().catch(() => undefined); // that is what a fault is for
      await new Promise((next) => setTimeout(next, everyMs));
    }
  })();
  return async () => {
    stopped = true;
    await running;
  };
}

/** A session of somebody's with PostgreSQL, not by way of the proxy. */
async function session(...statements: string[]): Promise<Client> {
  const client = new Client({ connectionString: mesh.db.url });
  client.on('error', () => undefined);
  await client.connect();
  for (const statement of statements) await client.query(statement);
  return client;
}

const holding = async (lock: string) => {
  const client = await session('BEGIN', lock);
  return () => client.end();
};

async function restart(service: string): Promise<void> {
  await mesh.start(service);
  prometheus.setTargets(targetsOf(mesh, broker.urls.metrics));
}

const stranger = async (): Promise<ChannelModel> => {
  const connection = await connect(mesh.broker.url);
  connection.on('error', () => undefined);
  return connection;
};

/** Takes a binding away again and again; those of all who subscribe, unless a queue is given. */
async function unbinding(type: string, queue?: string): Promise<() => Promise<void>> {
  const subscribed = await mesh.db.database.subscription.findMany({
    where: { eventType: type, until: null },
  });
  const queues = queue ? [queue] : subscribed.map(({ consumer }) => consumer);
  const connection = await stranger();
  const channel = await connection.createChannel();
  const stop = repeatedly(20, () =>
    Promise.all(queues.map((name) => channel.unbindQueue(name, EVENTS_EXCHANGE, type))),
  );
  return async () => {
    await stop();
    await connection.close();
  };
}

const CONSUMERS = [
  'analytics-service',
  'inventory-service',
  'notification-service',
  'payment-service',
  'status-service',
];

/** In an order in which none is hidden by the one before: what follows from a fault is not told for a minute or two after. */
const faults: Record<string, Fault> = {
  'a message is no event': {
    alert: 'DeadLetters',
    notReady: [],
    begin: async () => {
      mesh.broker.channel.sendToQueue('inventory-service', Buffer.from('not JSON'));
      return () => mesh.broker.take('inventory-service.dlq');
    },
  },
  'the gateway refuses a capture for good': {
    alert: 'PaymentInReview',
    notReady: [],
    begin: async () => {
      const id = await order({ payment: { method: 'CARD', token: 'tok_capture_refused' } });
      await until('the review', () =>
        mesh.db.database.payment.count({ where: { orderId: id, state: 'REVIEW' } }),
      );
      return () =>
        mesh.db.database.payment.updateMany({
          where: { orderId: id },
          data: { state: 'CAPTURED', reviewOperation: null },
        });
    },
  },
  'the mail server is away': {
    alert: 'ChannelFailing',
    notReady: [],
    begin: async () => {
      mails.takeAway();
      for (const name of ['maya', 'noor', 'omar', 'pia']) await order({ email: `${name}@example.com` });
      return async () => mails.bringBack();
    },
  },
  'a webhook is gone': {
    alert: 'WebhookDisabled',
    notReady: [],
    begin: async () => {
      receiver.answers = answering(410);
      await order();
      return async () => {
        receiver.answers = answering(200);
        const path = `/restaurants/${shop.restaurantId}/webhooks/${webhookId}`;
        await mesh.ask('PATCH', path, { paused: false });
      };
    },
  },
  'a binding is deleted again and again': {
    alert: 'BindingMissing',
    notReady: ['analytics-service'],
    begin: async () => {
      const heal = await unbinding('order.placed.v1', 'analytics-service');
      const stop = repeatedly(500, order);
      return async () => {
        await stop();
        await heal();
      };
    },
  },
  'somebody holds a lock on the stock': {
    alert: 'ConsumerLag',
    notReady: ['inventory-service'],
    begin: async () => {
      const heal = await holding('LOCK TABLE stock_levels IN EXCLUSIVE MODE');
      await order();
      return heal;
    },
  },
  'the only relay hangs': {
    alert: 'OutboxOld',
    notReady: ['outbox-publisher'],
    begin: async () => {
      const { pid } = mesh.service('outbox-publisher');
      process.kill(pid, 'SIGSTOP');
      await order();
      return async () => process.kill(pid, 'SIGCONT');
    },
  },
  'the only analytics-service is killed': {
    alert: 'QueueWithoutConsumer',
    notReady: ['analytics-service'],
    begin: async () => {
      await mesh.service('analytics-service').kill();
      return () => restart('analytics-service');
    },
  },
  'an order is left in PLACED': {
    alert: 'OrdersStuck',
    notReady: [],
    begin: async () => {
      const id = await order();
      await mesh.reaches(id, 'PREPARING');
      const client = await session();
      await client.query(
        `UPDATE orders SET status = 'PLACED', placed_at = now() - interval '6 minutes' WHERE id = $1`,
        [id],
      );
      return async () => {
        await client.query(`UPDATE orders SET status = 'PREPARING' WHERE id = $1`, [id]);
        await client.end();
      };
    },
  },
  'order-api is killed': {
    alert: 'ServiceDown',
    notReady: ['order-api'],
    begin: async () => {
      await mesh.service('order-api').kill();
      return () => restart('order-api');
    },
  },
  'no queue takes requests for adjustments': {
    alert: 'UnroutableEvents',
    notReady: ['outbox-publisher'],
    // A binding that is back for a moment lets an event through to one of the two.
    perhaps: ['inventory-service', 'notification-service'],
    begin: async () => {
      const heal = await unbinding('inventory.adjustment.requested.v1');
      const stop = repeatedly(500, () =>
        mesh.ask('POST', `/inventory/${shop.itemId}/adjustments`, { delta: 1, reason: 'a delivery' }),
      );
      return async () => {
        await stop();
        await heal();
      };
    },
  },
  'a stranger has taken a message': {
    alert: 'UnacknowledgedMessages',
    // It says that an event never came, and has it sent again.
    notReady: ['notification-service'],
    begin: async () => {
      const connection = await stranger();
      const channel = await connection.createChannel();
      await channel.prefetch(1);
      const taken = new Promise<void>((done) => void channel.consume('notification-service', () => done()));
      for (let placed = 0; placed < 3; placed += 1) await order();
      await taken;
      return () => connection.close();
    },
  },
  'the gateway does not answer': {
    alert: 'GatewayFailing',
    notReady: [],
    begin: async () => {
      const { pid } = mesh.service('payment-simulator');
      process.kill(pid, 'SIGSTOP');
      await order({ payment: { method: 'CARD', token: 'tok_approved' } });
      return async () => process.kill(pid, 'SIGCONT');
    },
  },
  'somebody holds a lock that every request waits for': {
    alert: 'PoolExhausted',
    notReady: ['order-api'],
    begin: async () => {
      const heal = await holding('LOCK TABLE restaurants IN ACCESS EXCLUSIVE MODE');
      const stops = Array.from({ length: 30 }, () => repeatedly(10, () => mesh.ask('GET', '/restaurants')));
      return async () => {
        await heal();
        await Promise.all(stops.map((stop) => stop()));
      };
    },
  },
  'a table is not vacuumed': {
    alert: 'DeadTuples',
    notReady: [],
    begin: async () => {
      const old = await session(
        'BEGIN ISOLATION LEVEL REPEATABLE READ',
        'SELECT count(*) FROM crash_suspects',
      );
      const writer = await session(
        `INSERT INTO crash_suspects (consumer, event_id) SELECT 'nobody', gen_random_uuid() FROM generate_series(1, 600000)`,
        'DELETE FROM crash_suspects',
      );
      return async () => {
        await old.end();
        await writer.query('VACUUM crash_suspects');
        await writer.end();
      };
    },
  },
  'the partition of tomorrow is dropped': {
    alert: 'PartitionMissing',
    notReady: [],
    begin: async () => {
      const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
      const client = await session(`DROP TABLE event_log_${tomorrow}`);
      return async () => {
        await makePartitions(client);
        await client.end();
      };
    },
  },
  'RabbitMQ has a memory alarm': {
    alert: 'BrokerAlarm',
    notReady: ['outbox-publisher'],
    begin: async () => {
      await broker.control('set_vm_memory_high_watermark', '0');
      const stop = repeatedly(2_000, order);
      return async () => {
        await stop();
        await broker.control('set_vm_memory_high_watermark', '0.4');
      };
    },
  },
  'PostgreSQL cannot be reached': {
    alert: 'DatabaseDown',
    notReady: [...CONSUMERS, 'order-api', 'outbox-publisher'],
    begin: async () => {
      database.takeAway();
      return async () => database.bringBack();
    },
  },
  'RabbitMQ is killed': {
    alert: 'BrokerDown',
    notReady: [...CONSUMERS, 'outbox-publisher'],
    begin: async () => {
      await broker.crash();
      await order();
      return async () => {
        await broker.startAgain();
        await mesh.broker.reconnect();
      };
    },
  },
};

/** Told as it happens, because it takes long. */
const tell = (...columns: string[]) =>
  writeSync(
    2,
    `${[2, 23, 6, 6, 50].map((width, at) => (columns[at] ?? '').padEnd(Number(width))).join(' ')} ${columns[5] ?? ''}\n`,
  );

const firing = async () =>
  [...new Set((await prometheus.firing()).map(({ alertname = '' }) => alertname))].sort();

/** Who says at the moment that they are not ready, or nothing. The stand-in for a gateway is no part of the mesh. */
async function notReady(): Promise<string[]> {
  const services = [...new Set(mesh.processes.map(({ name }) => name))].filter(
    (name) => name !== 'payment-simulator',
  );
  const answers = await Promise.all(
    services.map(async (name) => {
      const url = `${mesh.service(name).url}/readyz`;
      const isReady = await fetch(url, { signal: AbortSignal.timeout(3_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
      return isReady ? undefined : name;
    }),
  );
  return answers.filter((name) => name !== undefined);
}

async function isWell(): Promise<void> {
  const trouble = async () => {
    await pause(LOOK_EVERY_MS);
    return [...(await firing()), ...(await notReady())];
  };
  await until('all to be well', async () => (await trouble()).length === 0, OVER_MS).catch(async () => {
    throw new Error(`still not well: ${(await trouble()).join(', ')}`);
  });
}

(tools ? describe : describe.skip)('a fault has its alert within a minute, and no other', () => {
  it.each(Object.entries(faults))(
    '%s',
    async (name, { alert, notReady: expected, perhaps = [], begin }) => {
      await isWell();
      const fired = new Set<string>();
      const seen = new Set<string>();
      let after = NaN;
      let over = NaN;
      const heal = await begin();
      const since = Date.now();
      const watch = async () => {
        await pause(LOOK_EVERY_MS);
        for (const one of await firing()) fired.add(one);
        for (const one of await notReady()) seen.add(one);
        if (fired.has(alert) && Number.isNaN(after)) after = Date.now() - since;
        return fired.has(alert);
      };
      try {
        await until(`the alert ${alert}`, watch, ALERT_MS).catch(() => undefined);
        const enough = Date.now() + AFTER_MS;
        await until(
          'what else might come',
          async () => (await watch()) && Date.now() > enough,
          AFTER_MS * 2,
        ).catch(() => undefined);
      } finally {
        await heal();
      }
      const healedAt = Date.now();
      await isWell().finally(() => {
        over = Date.now() - healedAt;
        const others = [...fired].filter((one) => one !== alert);
        const isFine = fired.has(alert) && others.length === 0;
        const seconds = [after, over].map((ms) => (ms / 1_000).toFixed(1));
        const also = others.length > 0 ? `; also ${others.join(', ')}` : '';
        tell(isFine ? 'ok' : 'no', alert, ...seconds, name, `${[...seen].sort().join(', ') || '-'}${also}`);
      });
      const counted = [...seen].filter((one) => !perhaps.includes(one));
      expect({ fired: [...fired], notReady: counted.sort() }).toEqual({
        fired: [alert],
        notReady: [...expected].sort(),
      });
      expect(after).toBeLessThanOrEqual(ALERT_MS);
    },
    ALERT_MS + AFTER_MS + 2 * OVER_MS,
  );
});
