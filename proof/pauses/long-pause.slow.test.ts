import { pausePart, resumePart } from '../../operator/mesh/parts';
import { pace } from '../../operator/command-line/pace';
import { allServices, startMesh, type Mesh } from '../../shared/testing/mesh';
import { checkLedger } from '../../shared/testing/seed';
import { until } from '../../shared/testing/until';

// Orders that come for longer than their deadline while what decides them is paused: none is cancelled for it, and all are
// decided within a quarter of the pause after it. TEST_PAUSE_SECONDS and TEST_PAUSE_RATE make it longer and busier.

const SECONDS = Number(process.env.TEST_PAUSE_SECONDS ?? 45);
const RATE = Number(process.env.TEST_PAUSE_RATE ?? 20);
const DEADLINE_MS = SECONDS * 750;
/** The ramp, and what a busy machine needs to hear of the resumption. */
const BEGIN_MS = 30_000;

let mesh: Mesh;
beforeAll(async () => {
  mesh = await startMesh({
    services: allServices.filter((name) => !['notification-service', 'analytics-service'].includes(name)),
    environment: { ORDER_DEADLINE: `${DEADLINE_MS}ms`, ORDER_DEADLINE_EVERY: '250ms' },
  });
}, 120_000);
afterAll(() => mesh?.stop());

it(
  `a pause of ${SECONDS} s at ${RATE} orders a second times out no order`,
  async () => {
    const orders = SECONDS * RATE;
    const { restaurantId, itemId } = await mesh.addItem(orders);
    const { database } = mesh.db;
    await pausePart(database, 'inventory-service', 'asha', 'stock take');
    await until('the pause to be heard', async () => {
      const response = await fetch(`${mesh.service('inventory-service').url}/readyz`);
      return ((await response.json()) as { paused?: object[] }).paused;
    });
    const turn = pace(RATE, new AbortController().signal);
    const placing: Promise<string>[] = [];
    const startedAt = Date.now();
    for (let n = 0; n < orders; n++) {
      await turn();
      placing.push(mesh.place(restaurantId, itemId));
    }
    await Promise.all(placing);
    await until(
      'the oldest to be overdue',
      () => Date.now() - startedAt > DEADLINE_MS * 1.2,
      DEADLINE_MS * 2 + 1_000,
    );
    expect(await statuses()).toEqual({ PLACED: orders });
    const resumedAt = Date.now();
    await resumePart(database, 'inventory-service', 'asha');
    const withinMs = BEGIN_MS + (Date.now() - startedAt) / 4;
    await until('all to be prepared', async () => (await statuses()).PREPARING === orders, withinMs);
    expect(await statuses()).toEqual({ PREPARING: orders });
    await checkLedger(database);
    if (process.env.TEST_PAUSE_SECONDS)
      console.log(`${orders} orders drained within ${((Date.now() - resumedAt) / 1_000).toFixed(1)} s`);
  },
  SECONDS * 4_000 + 180_000,
);

async function statuses(): Promise<Record<string, number>> {
  const groups = await mesh.db.database.order.groupBy({ by: ['status'], _count: true });
  return Object.fromEntries(groups.map(({ status, _count }) => [status, _count]));
}
