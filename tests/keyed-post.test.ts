import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { newId } from '../shared/ids';
import { seedMenu } from '../shared/testing/seed';
import { startService, type ServiceProcess } from '../shared/testing/service-process';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';

// An order-api is killed at every packet that it exchanges with PostgreSQL while it places an order under a key. Whoever
// asks again, of another instance, gets one answer and has one order.

/** A proxy that can end its client at the n-th packet, before or after the packet got through. */
interface Tripwire {
  port: number;
  /** @param kill ends the client; called once, at the packet */
  arm(packet: number, passes: boolean, kill: () => void): void;
  /** Whether the packet has come. */
  tripped(): boolean;
  server: Server;
}

async function startTripwire(target: URL): Promise<Tripwire> {
  let left = Infinity;
  let passes = true;
  let kill: () => void = () => undefined;
  const forward = (to: Socket) => (chunk: Buffer) => {
    left -= 1;
    if (left !== 0) return void to.write(chunk);
    if (passes) to.write(chunk);
    kill();
  };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    client.on('data', forward(upstream));
    upstream.on('data', forward(client));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    arm: (packet, through, end) => {
      left = packet;
      passes = through;
      kill = end;
    },
    tripped: () => left <= 0,
    server,
  };
}

let db: TestDatabase;
let restaurantId: string;
let steady: ServiceProcess;
let tripwire: Tripwire;
beforeAll(async () => {
  db = await createTestDatabase();
  ({ restaurantId } = await seedMenu(db.database, [1_000_000]));
  tripwire = await startTripwire(new URL(db.url));
  steady = await startService('order-api', { DATABASE_URL: db.url });
});
afterAll(async () => {
  await steady?.stop();
  tripwire?.server.close();
  await db?.drop();
});

const startVictim = () => {
  const url = new URL(db.url);
  url.host = `127.0.0.1:${tripwire.port}`;
  return startService('order-api', { DATABASE_URL: url.toString(), DATABASE_POOL_SIZE: '2' });
};

async function place(url: string, key: string) {
  const response = await fetch(`${url}/api/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({
      restaurant_id: restaurantId,
      items: [{ sku: 'DISH-1', quantity: 1 }],
      reference: key,
    }),
  });
  return {
    status: response.status,
    replayed: response.headers.get('idempotent-replayed'),
    text: await response.text(),
  };
}

/** More packets than the exchange has. */
const MOST = 12;

it('places one order, whatever packet it is killed at, and gives one answer', async () => {
  const outcomes = { nothing: 0, committed: 0, answered: 0 };
  for (const passes of [false, true]) {
    for (let packet = 1; packet <= MOST; packet += 1) {
      const victim = await startVictim();
      await place(victim.url, newId()); // its statements are prepared, its connections open
      const key = newId();
      tripwire.arm(packet, passes, () => process.kill(victim.pid, 'SIGKILL'));
      const first = await place(victim.url, key).catch(() => undefined);
      const tripped = tripwire.tripped();
      tripwire.arm(Infinity, true, () => undefined);
      const second = await place(steady.url, key);
      const third = await place(steady.url, key);
      expect([second.status, third.status, third.replayed]).toEqual([202, 202, 'true']);
      expect(third.text).toBe(second.text);
      const orders = await db.database.order.findMany({ where: { reference: key } });
      expect(orders.map(({ id }) => id)).toEqual([
        (JSON.parse(second.text) as { order_id: string }).order_id,
      ]);
      expect(await db.database.outboxEvent.count({ where: { subject: orders[0]!.id } })).toBe(1);
      if (first) {
        expect(second).toEqual({ ...first, replayed: 'true' });
        outcomes.answered += 1;
      } else outcomes[second.replayed ? 'committed' : 'nothing'] += 1;
      await victim.kill();
      if (!tripped) break; // the exchange is over by then
    }
  }
  // It was met before the commit, and between the commit and the answer.
  expect(outcomes.nothing).toBeGreaterThan(0);
  expect(outcomes.committed).toBeGreaterThan(0);
  expect(outcomes.answered).toBeGreaterThan(0);
});
