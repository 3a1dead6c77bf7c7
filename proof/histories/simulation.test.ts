import fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { violations } from './invariants';
import { histories, moneyHistories, tell, type Step } from './steps';
import { World } from './world';

// npm run test:slow sets these two, and looks for new histories, many times as many; npm test lives the same ones each
// time. A failure names the seed that repeats it.
const minutes = Number(process.env.SIMULATION_MINUTES ?? 0);
const RUNS = minutes > 0 ? 60 : 20;
const anySeed = () => (minutes > 0 ? Math.floor(Math.random() * 2 ** 31) : 2026);
const firstSeed = Number(process.env.SIMULATION_SEED || anySeed());

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
  const subscribe = (consumer: string, ...types: string[]) =>
    types.map((eventType) => ({ consumer, eventType }));
  await db.database.subscription.createMany({
    data: [
      ...subscribe('inventory-service', 'order.placed.v1', 'order.cancelled.v1'),
      ...subscribe(
        'status-service',
        'inventory.deducted.success.v1',
        'order.cancellation.required.v1',
        'payment.authorized.v1',
        'payment.failed.v1',
      ),
      ...subscribe('payment-service', 'order.placed.v1', 'order.status.preparing.v1', 'order.cancelled.v1'),
    ],
  });
});
afterAll(() => db.drop());

async function live(steps: readonly Step[]): Promise<void> {
  await db.database.outboxEvent.deleteMany(); // a history that failed may have left some
  const world = await World.begin(db.database);
  for (const step of steps) await world.take(step);
  await world.settle();
  const found = await violations(world);
  if (found.length > 0) throw new Error(`\n${tell(steps)}\n\nand then:\n  ${found.join('\n  ')}\n`);
}

const anywhere = [
  ['breaks a promise', histories, RUNS],
  ['moves money twice, or leaves it', moneyHistories, 3 * RUNS],
] as const;

it.each(anywhere)(
  'no order of duplicates, delays, lost answers, redeliveries and crashes %s',
  async (_what, stories, runs) => {
    const until = Date.now() + (minutes * 60_000) / 2;
    let round = 0;
    do {
      await fc.assert(fc.asyncProperty(stories, live), { numRuns: runs, seed: firstSeed + round++ });
    } while (Date.now() < until);
    if (minutes > 0) console.info(`${round * runs} histories, seeds from ${firstSeed}`);
  },
  (minutes + 5) * 60_000,
);
