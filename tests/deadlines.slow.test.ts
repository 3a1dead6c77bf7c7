import { Client } from 'pg';
import { allServices, startMesh, type Mesh } from '../shared/testing/mesh';
import { checkLedger } from '../shared/testing/seed';
import type { ServiceProcess } from '../shared/testing/service-process';
import { until } from '../shared/testing/until';

// An order is not cancelled for a delay that the mesh itself has caused: docs/adr/0007.

const ORDERS = 150;
const DEADLINE_MS = 3_000;
const SWEEP_MS = 200;
const STOCK = 1_000;
/** More than the lease of an instance, and more than is allowed for what is on its way. */
const SECONDS_AWAY = 60;
/** Less than that lease, and more than that allowance. */
const SECONDS_AT_WORK = 40;

let mesh: Mesh;
let frozen: ServiceProcess[] = [];
afterEach(async () => {
  for (const one of frozen) wake(one);
  await mesh.stop();
});

/** @param query of the RABBITMQ_URL */
async function begin(query = ''): Promise<{ holder: ServiceProcess; itemId: string }> {
  mesh = await startMesh({
    // Without one of those that decide, the sweep would touch nothing.
    services: allServices.filter((name) => name !== 'notification-service'),
    environment: {
      ORDER_DEADLINE: `${DEADLINE_MS}ms`,
      ORDER_DEADLINE_EVERY: `${SWEEP_MS}ms`,
      CONSUMER_PREFETCH: '200', // more than there are: an instance with its hands full would say nothing
      RETRY_DELAYS: Array(20).fill('1s').join(), // for whom a lock was too long
    },
    rabbitmqUrl: async (url) => url + query,
  });
  const { restaurantId, itemId } = await mesh.addItem(STOCK);
  const holder = mesh.service('inventory-service');
  freeze(holder); // it is given all the same what comes now
  let placed = 0;
  const place = async () => {
    while (placed++ < ORDERS) await mesh.place(restaurantId, itemId);
  };
  await Promise.all([place(), place(), place(), place()]);
  await until('all to be with the broker', async () => (await mesh.db.database.outboxEvent.count()) === 0);
  expect(await statuses()).toEqual([`${ORDERS} PLACED`]);
  return { holder, itemId };
}

function freeze(one: ServiceProcess): void {
  process.kill(one.pid, 'SIGSTOP');
  frozen.push(one);
}
function wake(one: ServiceProcess): void {
  process.kill(one.pid, 'SIGCONT');
  frozen = frozen.filter((other) => other !== one);
}

/** As of a few seconds ago: the broker counts from time to time. */
const unacknowledged = async () => {
  const path = '/api/queues/{vhost}/inventory-service';
  return (await mesh.broker.manage<{ messages_unacknowledged?: number }>('GET', path))
    .messages_unacknowledged;
};

const statuses = async () => {
  const counts = await mesh.db.database.order.groupBy({ by: ['status', 'cancelReason'], _count: true });
  return counts.map(({ status, cancelReason, _count }) => `${_count} ${cancelReason ?? status}`);
};

/** The sweep has looked several times since all of them were placed so long ago. */
const sweptAfter = (ms: number) =>
  until('all to be overdue for a while', async () => {
    const [row] = await mesh.db.database.$queryRaw<{ ms: number }[]>`
      SELECT extract(epoch FROM now() - max(placed_at))::float8 * 1000 AS ms FROM orders`;
    return row && row.ms > ms + 5 * SWEEP_MS;
  });
/** ... and since now. */
async function sweptAgain(): Promise<void> {
  const from = Date.now();
  await until('some sweeps', () => Date.now() - from > 5 * SWEEP_MS);
}

/** Nobody gets at an item's stock until it is unlocked. */
async function lockStock(itemId: string): Promise<() => Promise<void>> {
  const holder = new Client({ connectionString: mesh.db.url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM stock_levels WHERE menu_item_id = $1 FOR UPDATE', [itemId]);
  return () => holder.end();
}

async function expectAllPrepared(itemId: string): Promise<void> {
  const undecided = async () => (await statuses()).filter((line) => line.includes('PLACED'));
  await until('all to be decided', async () => (await undecided()).length === 0, 90_000);
  expect(await statuses()).toEqual([`${ORDERS} PREPARING`]);
  expect(await mesh.available(itemId)).toBe(STOCK - ORDERS);
  await checkLedger(mesh.db.database);
}

/** As if all that is on record had been so much earlier, by the clock that the mesh goes by. */
async function turnBack(seconds: number, lease: number): Promise<void> {
  await mesh.db.database.$transaction([
    mesh.db.database.$executeRaw`
      UPDATE orders SET placed_at = placed_at - ${seconds}::float8 * interval '1 second'`,
    mesh.db.database.$executeRaw`
      UPDATE event_log SET published_at = published_at - ${seconds}::float8 * interval '1 second'`,
    mesh.db.database.$executeRaw`
      UPDATE consumer_progress SET caught_up_at = caught_up_at - ${seconds}::float8 * interval '1 second',
        updated_at = updated_at - ${lease}::float8 * interval '1 second' WHERE consumer = 'inventory-service'`,
  ]);
}

describe('a consumer, with all that it was given in its hands,', () => {
  it('is killed, and back after the deadline and its lease: no order is cancelled', async () => {
    const { holder, itemId } = await begin();
    await sweptAfter(DEADLINE_MS);
    await until('all to be in its hands', async () => (await unacknowledged()) === ORDERS);
    frozen = [];
    await holder.kill();
    await turnBack(SECONDS_AWAY, SECONDS_AWAY);
    await sweptAfter(SECONDS_AWAY * 1_000 + DEADLINE_MS);
    expect(await statuses()).toEqual([`${ORDERS} PLACED`]);
    const unlock = await lockStock(itemId); // or it would be through with them before the sweep looks
    await mesh.start('inventory-service');
    await until('it to have said how far it has come', () =>
      mesh.db.database.consumerProgress.count({
        where: { consumer: 'inventory-service', updatedAt: { gt: new Date(Date.now() - 5_000) } },
      }),
    );
    await sweptAgain();
    await unlock();
    await expectAllPrepared(itemId);
  }, 240_000);

  it('hangs beside an idle instance: no order is cancelled, and the other takes over', async () => {
    // The broker notices what has stopped after two of these.
    const { holder, itemId } = await begin('?heartbeat=4');
    await turnBack(SECONDS_AT_WORK, 0); // it had been at them for so long when it stopped
    await mesh.start('inventory-service');
    await expectAllPrepared(itemId);
    wake(holder);
    await until('it to work again', async () => (await fetch(`${holder.url}/readyz`)).ok);
    await expectAllPrepared(itemId);
  }, 240_000);
});
