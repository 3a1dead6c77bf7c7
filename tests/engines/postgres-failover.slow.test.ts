import { openDatabase, type Database } from '../../shared/service/database';
import { startMesh, type Mesh } from '../../shared/testing/mesh';
import { until } from '../../shared/testing/until';
import { audit, placeOrders } from '../flowing-orders';
import { migrate, startPostgresPair, type PostgresPair } from '../own-postgres-pair';

// A primary and a standby that has to confirm each commit; the primary is killed while orders are placed.

let pair: PostgresPair | undefined;
let mesh: Mesh;
let both = '';
let database: Database;

const open = (url: string) =>
  openDatabase({ url, poolSize: 5, applicationName: 'test', onIdleError: () => undefined });

const ordersAt = async (which: 'primary' | 'standby') =>
  Number((await pair![which].query<{ n: string }>('SELECT count(*) AS n FROM orders'))[0]!.n);

describe('PostgreSQL with a standby', () => {
  beforeAll(async () => {
    pair = await startPostgresPair();
    if (!pair) return;
    const { primary, standby } = pair;
    migrate(primary.url);
    await primary.query(`ALTER SYSTEM SET synchronous_standby_names = 'standby'`);
    await primary.query('SELECT pg_reload_conf()');
    await until('the standby to be synchronous', async () => {
      const [row] = await primary.query<{ state: string }>(
        'SELECT sync_state AS state FROM pg_stat_replication',
      );
      return row?.state === 'sync';
    });
    both = primary.url.replace(`:${primary.port}/`, `:${primary.port},127.0.0.1:${standby.port}/`);
    database = open(both);
    const db = { url: both, database, drop: () => database.$disconnect() };
    mesh = await startMesh({ db, environment: { DATABASE_READ_URL: standby.url } });
  }, 180_000);

  afterAll(async () => {
    await mesh?.stop();
    await pair?.stop();
  }, 60_000);

  test('what no standby has confirmed is not taken for done, also where somebody ends the wait', async () => {
    if (!pair) return;
    const { primary, standby } = pair;
    await primary.query('CREATE TABLE waited (n int)');
    standby.freeze();
    try {
      const writing = database.$executeRaw`INSERT INTO waited VALUES (${1})`;
      const outcome = writing.then(String, (error: Error) => error.message);
      await until('the wait to be ended', async () => {
        const ended = await primary.query(
          `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query ~ 'waited'`,
        );
        return ended.length > 0;
      });
      expect(await outcome).toContain('no standby has confirmed');
    } finally {
      standby.thaw();
    }
    expect(await database.$executeRaw`INSERT INTO waited VALUES (${2})`).toBe(1);
  }, 60_000);

  test('every order that was accepted is at the standby when that takes over', async () => {
    if (!pair) return;
    const { primary, standby } = pair;
    const { restaurantId, itemId } = await mesh.addItem(100_000);
    const orders = placeOrders(mesh, restaurantId, itemId);
    try {
      await orders.flows();
      await primary.crash();
      await standby.query('SELECT pg_promote()');
      await orders.flows();

      // The old one comes back as it was, and takes itself for the primary: nobody listens to it.
      await primary.start();
      const before = await ordersAt('primary');
      await mesh.service('order-api').stop();
      await Promise.all(
        ['order-api', 'inventory-service', 'outbox-publisher'].map((name) => mesh.start(name)),
      );
      await orders.flows();
      expect(await ordersAt('primary')).toBe(before);
      await primary.crash();

      // A server that only reads for a while, as one that was demoted: its sessions are given up.
      await standby.query('ALTER SYSTEM SET default_transaction_read_only = on');
      await standby.query('SELECT pg_reload_conf()');
      const failed = orders.failures.length;
      await until('orders to be refused', () => orders.failures.length > failed + 5);
      await standby.query('ALTER SYSTEM RESET default_transaction_read_only');
      await standby.query('SELECT pg_reload_conf()');
      await orders.flows();
    } finally {
      await orders.stop();
    }
    await mesh.quiet();
    const kept = await database.order.findMany({
      where: { id: { in: orders.accepted } },
      select: { status: true },
    });
    expect(kept).toHaveLength(orders.accepted.length);
    expect(kept.filter(({ status }) => status !== 'PREPARING')).toEqual([]);
    await audit(standby.url, mesh.broker.url);
    console.log(`${orders.accepted.length} orders accepted over a failover, ${orders.failures.length} not`);
  }, 240_000);
});
