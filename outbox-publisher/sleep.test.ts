import { newId } from '../shared/ids';
import { RELAY_SLEEPS } from '../shared/outbox/wake-relay';
import { insertIntoOutbox, makeEvents } from '../shared/outbox/write-outbox';
import { until } from '../shared/testing/until';
import { connectOwner, disconnect } from './ownership';
import { createSleep } from './sleep';
import { createRelayWorld, restored, type RelayWorld } from './testing/relay-world';

let world: RelayWorld;
beforeEach(async () => {
  world = await createRelayWorld();
});
afterEach(() => world.close());

const never = new AbortController().signal;
const oneEvent = () => insertIntoOutbox(makeEvents('inventory-service', [restored(newId(), 1)]));
const sleeps = async () => {
  const rows = await world.db.database.$queryRaw<unknown[]>`
    SELECT FROM pg_locks l WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
      AND classid = ${RELAY_SLEEPS[0]}::bigint::oid AND objid = ${RELAY_SLEEPS[1]}::bigint::oid
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  return rows.length > 0;
};
const asleep = () => until('the relay to sleep', sleeps);

describe('a relay with nothing to do', () => {
  it('sleeps, and is woken by who writes to the outbox', async () => {
    const { received } = await world.listen();
    await world.start();
    const took: number[] = [];
    for (let n = 1; n <= 5; n++) {
      await asleep();
      const from = performance.now();
      await world.write([newId()], 1);
      await until('it', () => received.length === n);
      took.push(performance.now() - from);
    }
    // Milliseconds, where the machine is not busy; by itself it would have looked after a second.
    expect(took.sort((a, b) => a - b)[2]).toBeLessThan(500);
  });

  it('finds by itself what others write in another way', async () => {
    const { received } = await world.listen();
    await world.start();
    await asleep();
    await world.db.database.$executeRaw`
      INSERT INTO outbox_events (event_id, type, subject, correlation_id, body)
      VALUES (${newId()}::uuid, 'odd.v1', 's', 'c', '{}'::json)`;
    await until('it', () => received.length === 1);
  });

  it('is thought to sleep by nobody once it has given the outbox up, and reads at once when it owns it again', async () => {
    const rabbitmq = await world.proxyTo(world.broker.url);
    const { received } = await world.listen();
    await world.start({ rabbitmq: rabbitmq.url });
    await asleep();
    rabbitmq.takeAway();
    await until('nobody to sleep', async () => !(await sleeps()));
    const events = await world.write([newId()], 3);
    rabbitmq.bringBack();
    await until('them', () => received.length === events.length);
  });
});

it('does not fall asleep while somebody writes, and reads once more when it does', async () => {
  const client = await connectOwner(world.db.url, () => undefined);
  const sleep = createSleep(client);
  await world.db.database.$transaction(async (tx) => {
    await tx.$executeRaw(oneEvent());
    expect(await sleep.goOn(never)).toBe(false);
  });
  expect(await sleep.goOn(never)).toBe(true);

  await world.db.database.$executeRaw(oneEvent()); // before it sleeps on: it is told all the same
  const from = performance.now();
  expect(await sleep.goOn(never)).toBe(true);
  expect(performance.now() - from).toBeLessThan(800);
  await sleep.end();
  expect(await sleeps()).toBe(false);
  await disconnect(client);
});

it('is woken when it is to stop, and when its connection ends', async () => {
  const client = await connectOwner(world.db.url, () => undefined);
  const sleep = createSleep(client);
  await sleep.goOn(never);
  const from = performance.now();
  await sleep.goOn(AbortSignal.abort());
  const slept = sleep.goOn(never);
  await world.db.database.$queryRaw`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'outbox-publisher' AND datname = current_database()`;
  await slept;
  expect(performance.now() - from).toBeLessThan(800);
  await disconnect(client);
});
