import { Client } from 'pg';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { OUTBOX_CHANNEL } from '../shared/outbox/wake-relay';
import { startService, type ServiceProcess } from '../shared/testing/service-process';
import { until } from '../shared/testing/until';
import { createRelayWorld, firstArrivals, troubles, type RelayWorld } from './testing/relay-world';

// A stopped process keeps its connections, and with them its lock: the kernel answers for it.

// They spend their time waiting for PostgreSQL's time-outs: all at once, on servers of their own.

const TAKEOVER_MS = 15_000;

/** A world of its own, with relays that are processes. */
interface Stage {
  world: RelayWorld;
  relay(database?: string): Promise<ServiceProcess>;
  freeze(one: ServiceProcess): void;
  wake(one: ServiceProcess): void;
  emptied(withinMs?: number): Promise<unknown>;
  close(): Promise<void>;
}

async function openStage(): Promise<Stage> {
  const world = await createRelayWorld();
  const relays: ServiceProcess[] = [];
  const frozen = new Set<ServiceProcess>();
  const wake = (one: ServiceProcess) => {
    process.kill(one.pid, 'SIGCONT');
    frozen.delete(one);
  };
  return {
    world,
    relay: async (database = world.db.url) => {
      const environment = { DATABASE_URL: database, RABBITMQ_URL: world.broker.url };
      const started = await startService('outbox-publisher', environment);
      relays.push(started);
      return started;
    },
    freeze: (one) => {
      process.kill(one.pid, 'SIGSTOP');
      frozen.add(one);
    },
    wake,
    emptied: (withinMs) =>
      until('the outbox to be empty', async () => (await world.waiting()) === 0, withinMs),
    close: async () => {
      frozen.forEach(wake); // a stopped process does not even end
      await Promise.all(relays.map((one) => one.kill()));
      await world.close();
    },
  };
}

const ready = async ({ url }: ServiceProcess) => (await fetch(`${url}/readyz`)).ok;
const owns = ({ log }: ServiceProcess) =>
  log.findLast(({ msg }) => /^(owns|gave) the outbox|database is away/.test(msg))?.msg === 'owns the outbox';
const inOrder = (events: readonly Event[], received: readonly Event[]) =>
  expect(firstArrivals(received)).toEqual(firstArrivals(events));

const scenarios: Record<string, (stage: Stage) => Promise<void>> = {
  'a stopped owner is replaced, does no harm when it wakes, and takes over from the other in its turn':
    async (stage) => {
      const { world, relay, freeze, wake, emptied } = stage;
      const { received } = await world.listen();
      const [first, second] = [await relay(), await relay()];
      await until('the first to own', () => owns(first));
      expect(owns(second)).toBe(false);
      const orders = [newId(), newId(), newId()];
      const events = await world.write(orders, 600);
      await until('some', () => received.length > 50);
      freeze(first);
      events.push(...(await world.write(orders, 600)));
      await emptied(TAKEOVER_MS);
      inOrder(events, received);

      const before = received.length;
      wake(first);
      await until('the first to stand by', async () => !owns(first) && (await ready(first)));
      events.push(...(await world.write(orders, 60)));
      await emptied();
      await until('them', () => new Set(received.map(({ id }) => id)).size === events.length);
      inOrder(events, received);
      // What was in its socket when it was stopped may be repeated, and that alone: nothing was read anew.
      expect(received.length - before).toBeLessThan(60 + 1_000);

      freeze(second);
      events.push(...(await world.write(orders, 60)));
      await emptied(TAKEOVER_MS);
      inOrder(events, received);
    },

  'an owner that is stopped in the middle of reading is replaced': async (stage) => {
    const { world, relay, freeze, wake, emptied } = stage;
    const admin = new Client({ connectionString: world.db.url });
    await admin.connect();
    try {
      const first = await relay();
      const { received } = await world.listen();
      // While it sends rows to who does not read, a session is neither idle nor to be cancelled.
      const sending = async () => {
        const { rows } = await admin.query(
          `SELECT FROM pg_stat_activity WHERE application_name = 'outbox-publisher' AND wait_event = 'ClientWrite' AND datname = current_database()`,
        );
        return rows.length > 0;
      };
      const caught = until('it to be caught', async () => {
        await admin.query(
          `INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
         SELECT gen_random_uuid(), 'odd.v1', 's', 'c', ('{"x":"' || repeat(md5(n::text), 125000) || '"}')::json FROM generate_series(1, 8) n`,
        );
        await admin.query(`NOTIFY ${OUTBOX_CHANNEL}`);
        for (let look = 0; look < 200; look++) {
          if (!(await sending())) continue;
          freeze(first);
          for (let again = 0; again < 50; again++)
            if (!(await sending())) {
              wake(first);
              return false;
            }
          return true;
        }
        return false;
      });
      await caught;
      const second = await relay();
      const [event] = await world.write([newId()], 1);
      await emptied(TAKEOVER_MS);
      await until('the event', () => received.some(({ id }) => id === event!.id));
      await until('the second to own', () => owns(second)); // its log comes with a delay
      wake(first);
      await until('the first to stand by', async () => !owns(first) && (await ready(first)));
    } finally {
      await admin.end();
    }
  },

  'an owner that no timeout of PostgreSQL ends is ended by the standby': async (stage) => {
    const { world, emptied } = stage;
    const silent = new Client({ connectionString: world.db.url });
    silent.on('error', () => undefined);
    await silent.connect();
    await silent.query('SELECT pg_advisory_lock($1, $2)', [0x6d657368, 0x72656c79]);
    const standby = world.begin();
    await until('it to stand by', () => troubles(standby) === '');
    await world.write([newId()], 5);
    await until('it to see that nothing is done', () => troubles(standby).includes('has done nothing for'));
    await emptied(TAKEOVER_MS);
    await until('it to be ready', () => troubles(standby) === '');
    await silent.end();
  },

  'the only relay goes on when it wakes, without its session': async (stage) => {
    const { world, relay, freeze, wake, emptied } = stage;
    const only = await relay();
    const { received } = await world.listen();
    freeze(only);
    const events = await world.write([newId()], 20);
    const sessions = () => world.db.database.$queryRaw<unknown[]>`
    SELECT pid FROM pg_stat_activity WHERE application_name = 'outbox-publisher' AND datname = current_database()`;
    await until('PostgreSQL to end its session', async () => (await sessions()).length === 0, TAKEOVER_MS);
    wake(only);
    await emptied();
    await until('them', () => received.length === events.length);
    await until('it to be ready', () => ready(only));
    expect(await only.stop()).toBe(0);
  },

  'an owner whom RabbitMQ confirms nothing, and whose window is full, keeps its session': async (stage) => {
    const { world, emptied } = stage;
    const rabbitmq = await world.proxyTo(world.broker.url);
    await world.start({ rabbitmq: rabbitmq.url }, { batchSize: 10, window: 20 });
    const sessions = () => world.db.database.$queryRaw<unknown[]>`
      SELECT pid FROM pg_stat_activity WHERE application_name = 'outbox-publisher' AND datname = current_database()`;
    const before = await sessions();
    rabbitmq.hold();
    await world.write([newId()], 60);
    const heldAt = performance.now();
    await until('longer than a session may be silent', async () => {
      expect(await sessions()).toEqual(before);
      return performance.now() - heldAt > 10_000;
    });
    rabbitmq.release();
    await emptied();
  },

  'a network that swallows packets takes the ownership away, and a standby has it': async (stage) => {
    const { world, relay, emptied } = stage;
    const { received } = await world.listen();
    const database = await world.proxyTo(world.db.url);
    const first = await relay(database.url);
    const second = await relay();
    database.hold();
    const events = await world.write([newId()], 20);
    await emptied(TAKEOVER_MS);
    await until('the first to say so', async () => !(await ready(first)));
    await until('the second to own', () => owns(second)); // its log comes with a delay
    database.release();
    await until('the first to stand by', () => ready(first));
    expect(received).toHaveLength(events.length);
  },
};

const runs: Record<string, Promise<void>> = {};
beforeAll(() => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    runs[name] = inItsOwnWorld(scenario);
    runs[name].catch(() => undefined); // its test awaits it
  }
});

async function inItsOwnWorld(scenario: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await openStage();
  try {
    await scenario(stage);
  } finally {
    await stage.close();
  }
}

it.each(Object.keys(scenarios))('%s', (name) => runs[name]);
