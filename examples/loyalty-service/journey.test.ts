import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { startMesh, type Mesh } from '../../shared/testing/mesh';
import { until } from '../../shared/testing/until';
import type { ServiceProcess } from '../../shared/testing/service-process';

// A mesh that has never heard of it, with a history and with customers who go on ordering, gets a loyalty-service.

const CUSTOMERS = ['c-asha', 'c/björn %', 'c-chen'];
let mesh: Mesh;
let menu: { restaurantId: string; itemId: string };
let loyalty: ServiceProcess;

beforeAll(async () => {
  mesh = await startMesh();
  // The database of the tests has the tables of every example; this one has not been asked for.
  await mesh.db.database.$executeRaw`DROP TABLE loyalty_movements, loyalty_payments`;
  await mesh.db.database
    .$executeRaw`DELETE FROM _prisma_migrations WHERE migration_name LIKE '%loyalty_points'`;
  menu = await mesh.addItem(10_000);
}, 60_000);
afterAll(() => mesh.stop());

const servers = () => ({
  PATH: process.env.PATH,
  DATABASE_URL: mesh.db.url,
  RABBITMQ_URL: mesh.broker.url,
});

/** A command of the project, on the servers of this mesh. */
async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [resolve('dist', command), ...args], {
    env: servers(),
    timeout: 60_000,
  });
  return stdout;
}

let ordered = 0;
/** An order of one to four dishes at 120.50; every fourth is paid in cash, every fifth is of nobody in particular. */
async function order(number = ordered++): Promise<string> {
  const { body } = await mesh.ask<{ order_id: string }>('POST', '/orders', {
    restaurant_id: menu.restaurantId,
    items: [{ menu_item_id: menu.itemId, quantity: 1 + (number % 4) }],
    customer_id: number % 5 === 4 ? undefined : CUSTOMERS[number % CUSTOMERS.length],
    payment: number % 4 === 3 ? { method: 'CASH' } : { method: 'CARD', token: 'tok_approved' },
  });
  return body.order_id;
}

const becomes = (orderId: string, ...states: string[]) =>
  until(`the payment of ${orderId} to be ${states.join(' or ')}`, async () => {
    const payment = await mesh.db.database.payment.findUnique({ where: { orderId } });
    return payment && states.includes(payment.state);
  });
const cancel = (orderId: string) => mesh.ask('POST', `/orders/${orderId}/cancel`);
const isByCard = (_: string, index: number) => index % 4 !== 3;

const points = async (customer: string) => {
  const response = await fetch(`${loyalty.url}/points/${encodeURIComponent(customer)}`);
  return ((await response.json()) as { points: number }).points;
};
/** By the payments themselves, which loyalty-service does not read. */
async function pointsByPayments(customer: string): Promise<number> {
  const [row] = await mesh.db.database.$queryRaw<{ points: number }[]>`
    SELECT coalesce(sum(floor(amount / 100)), 0)::int AS points FROM payments
    WHERE customer_id = ${customer} AND state = 'CAPTURED'`;
  return row?.points ?? -1;
}

/** One order after the other, each until it is prepared. */
function keepOrdering(): { stop: () => Promise<number> } {
  let isOver = false;
  const ordering = (async () => {
    let count = 0;
    for (; count < 500 && !isOver; count++) await mesh.reaches(await order(), 'PREPARING');
    return count;
  })();
  ordering.catch(() => undefined); // it is heard where it is stopped
  return { stop: () => ((isOver = true), ordering) };
}

const backfill = () => run('operator/backfill.js', '--service', 'loyalty-service', '--rate', '2000');

it('has every customer’s points right, for what they paid before it was there, during, and after', async () => {
  const before = await Promise.all(Array.from({ length: 16 }, () => order()));
  await Promise.all(before.filter(isByCard).map((id) => becomes(id, 'CAPTURED')));
  const [early, late] = before.filter(isByCard);
  await cancel(early!); // paid and refunded before it is there
  await becomes(early!, 'REFUNDED');
  await mesh.quiet();

  const going = keepOrdering();
  expect(await run('scripts/migrate.js', 'loyalty-service')).toMatch(/Applied \d{14}_loyalty_points\n/);
  await cancel(late!); // paid before, and refunded perhaps before the backfill tells of the payment
  loyalty = await mesh.start('loyalty-service');
  expect(await backfill()).toMatch(/^[1-9]\d* sent to loyalty-service/);
  expect(await going.stop()).toBeGreaterThan(5);
  await mesh.reaches(await order(), 'PREPARING');
  await until('every payment to be settled', async () => {
    const open = { notIn: ['CAPTURED', 'REFUNDED'] };
    return (await mesh.db.database.payment.count({ where: { state: open } })) === 0;
  });
  await mesh.quiet();

  const expected = await Promise.all(CUSTOMERS.map(pointsByPayments));
  expect(Math.min(...expected)).toBeGreaterThan(5);
  expect(await Promise.all(CUSTOMERS.map(points))).toEqual(expected);
  expect(await backfill()).toMatch(/^0 sent to loyalty-service/);
  expect(await run('operator/audit.js', '--simulator', mesh.service('payment-simulator').url)).toContain(
    'kept',
  );
}, 120_000);

const isDeclared = async () =>
  (await mesh.db.database.subscription.count({ where: { consumer: 'loyalty-service', until: null } })) > 0;

it('stays declared when the mesh is set up without asking for it, and ends when it is sent away', async () => {
  expect(await run('scripts/migrate.js')).toContain('loyalty-service takes part');
  expect(await isDeclared()).toBe(true);
  expect(await run('scripts/migrate.js', '--without', 'loyalty-service')).not.toContain('takes part');
  expect(await isDeclared()).toBe(false);
  await loyalty.stop();
  await becomes(await order(0), 'CAPTURED');
  await mesh.quiet();
  expect((await mesh.broker.channel.checkQueue('loyalty-service')).messageCount).toBe(0);
});

it('is declared again by npm start, which runs it beside the mesh', async () => {
  const started = spawn(process.execPath, [resolve('dist/scripts/start.js'), 'loyalty-service'], {
    env: servers(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(started, 'exit');
  let said = '';
  started.stderr.on('data', (text) => (said += String(text)));
  try {
    const [, url] = await until('it to run', () => /running: loyalty-service \((\S+)readyz\)/.exec(said));
    expect(said).toContain('loyalty-service takes part');
    // What was paid while it did not take part.
    expect(await backfill()).toMatch(/^[1-9]\d* sent to loyalty-service/);
    await becomes(await order(0), 'CAPTURED');
    await mesh.quiet();
    expect(await (await fetch(`${url}points/${CUSTOMERS[0]}`)).json()).toMatchObject({
      customer_id: CUSTOMERS[0],
      points: await pointsByPayments(CUSTOMERS[0]!),
    });
  } finally {
    started.kill('SIGINT');
  }
  expect(await exited).toEqual([0, null]);
});

it('is not sent away by a set-up that began before it was declared', async () => {
  const { database } = mesh.db;
  await run('scripts/migrate.js', '--without', 'loyalty-service');
  const setUp = await database.$transaction(
    async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(1835365224, 1953460335)`; // the one of all set-ups
      const running = run('scripts/migrate.js');
      await until('the set-up to wait', async () => {
        const waiting = await database.$queryRaw<unknown[]>`
          SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 1835365224 AND NOT granted`;
        return waiting.length > 0;
      });
      const rows = ['payment.completed.v1', 'payment.refunded.v1'].map((eventType) => ({ eventType }));
      await database.subscription.createMany({
        data: rows.map((row) => ({ ...row, consumer: 'loyalty-service' })),
      });
      return { running };
    },
    { timeout: 40_000 },
  );
  expect(await setUp.running).toContain('loyalty-service takes part');
  expect(await isDeclared()).toBe(true);
});
