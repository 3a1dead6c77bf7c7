import { Client } from 'pg';
import type { Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import { startService, type ServiceProcess } from '../shared/testing/service-process';
import { until } from '../shared/testing/until';
import { createRelayWorld, firstArrivals, troubles, type RelayWorld } from './testing/relay-world';

// A stopped process keeps its connections, and with them its lock: the kernel answers for it.

let world: RelayWorld;
let relays: ServiceProcess[] = [];
beforeEach(async () => {
  world = await createRelayWorld();
});
afterEach(async () => {
  frozen.forEach(wake); // a stopped process does not even end
  await Promise.all(relays.map((relay) => relay.kill()));
  relays = [];
  await world.close();
});

const TAKEOVER_MS = 15_000;

async function relay(database = world.db.url): Promise<ServiceProcess> {
  const started = await startService('outbox-publisher', {
    DATABASE_URL: database,
    RABBITMQ_URL: world.broker.url,
  });
  relays.push(started);
  return started;
}
const frozen = new Set<ServiceProcess>();
function freeze(one: ServiceProcess): void {
  process.kill(one.pid, 'SIGSTOP');
  frozen.add(one);
}
function wake(one: ServiceProcess): void {
  process.kill(one.pid, 'SIGCONT');
  frozen.delete(one);
}
const ready = async ({ url }: ServiceProcess) => (await fetch(`${url}/readyz`)).ok;
const owns = ({ log }: ServiceProcess) =>
  log.findLast(({ msg }) => /^(owns|gave) the outbox|database is away/.test(msg))?.msg === 'owns the outbox';

const emptied = (withinMs?: number) =>
  until('the outbox to be empty', async () => (await world.waiting()) === 0, withinMs);
const inOrder = (events: readonly Event[], received: readonly Event[]) =>
  expect(firstArrivals(received)).toEqual(firstArrivals(events));

it('a stopped owner is replaced, does no harm when it wakes, and takes over from the other in its turn', async () => {
  const { received } = await world.listen();
  const [first, second] = [await relay(), await relay()];
  expect([owns(first), owns(second)]).toEqual([true, false]);
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
});

it('an owner that is stopped in the middle of reading is replaced', async () => {
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
      for (let look = 0; look < 200; look++) {
        if (!(await sending())) continue;
        freeze(first);
        for (let again = 0; again < 50; again++) if (!(await sending())) return void wake(first);
        return true;
      }
      return false;
    });
    await caught;
    const second = await startService('outbox-publisher', {
      DATABASE_URL: world.db.url,
      RABBITMQ_URL: world.broker.url,
    });
    relays.push(second);
    const [event] = await world.write([newId()], 1);
    await emptied(TAKEOVER_MS);
    await until('the event', () => received.some(({ id }) => id === event!.id));
    expect(owns(second)).toBe(true);
    wake(first);
    await until('the first to stand by', async () => !owns(first) && (await ready(first)));
  } finally {
    await admin.end();
  }
});

it('an owner that no timeout of PostgreSQL ends is ended by the standby', async () => {
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
});

it('the only relay goes on when it wakes, without its session', async () => {
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
});

it('a network that swallows packets takes the ownership away, and a standby has it', async () => {
  const { received } = await world.listen();
  const database = await world.proxyTo(world.db.url);
  const first = await relay(database.url);
  const second = await relay();
  database.hold();
  const events = await world.write([newId()], 20);
  await emptied(TAKEOVER_MS);
  await until('the first to say so', async () => !(await ready(first)));
  expect(owns(second)).toBe(true);
  database.release();
  await until('the first to stand by', () => ready(first));
  expect(received).toHaveLength(events.length);
});
