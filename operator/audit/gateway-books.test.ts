import { audit } from './audit';
import { simulatorBooks } from './simulator-books';
import { newId } from '../../shared/ids';
import { createTestDatabase, type TestDatabase } from '../../shared/testing/test-database';
import { runSimulator, type RunningSimulator } from '../../payment-simulator/testing/running-simulator';

let db: TestDatabase;
let simulator: RunningSimulator;
beforeAll(async () => (db = await createTestDatabase()));
beforeEach(async () => (simulator = await runSimulator()));
afterEach(() => simulator.stop());
afterAll(() => db.drop());

const money = { amount: '300.00', currency: 'INR' };

/** What the audit says of the books. */
async function compared(url = simulator.url) {
  const books = simulatorBooks(url);
  const report = await audit({ databaseUrl: db.url, only: ['gateway-books'], books });
  return report.checks[0]!;
}

/** Writes that payments of ours are authorised, as they are at the gateway. */
async function authorized(references: Map<string, string>): Promise<void> {
  for (const [orderId, gatewayReference] of references) {
    const id = newId();
    const facts = { orderId, currency: 'INR', amount: 300, gatewayReference };
    const whose = { restaurantId: newId(), correlationId: 'c', gateway: 'simulator' };
    await db.database.payment.create({ data: { id, ...facts, ...whose, state: 'AUTHORIZED' } });
    await db.database.paymentLedger.create({ data: { paymentId: id, ...facts, kind: 'AUTHORIZED' } });
  }
}

it('reads the books of a simulator, page by page, and says where they differ from ours', async () => {
  const references = new Map<string, string>();
  for (let n = 0; n < 12; n++) {
    const { id, order_id } = await simulator.open('300.00');
    await simulator.ask(id, 'authorize', { token: 'tok_approved' });
    references.set(order_id, id);
  }
  await authorized(references);
  await simulator.open('7.00'); // opened, and no more
  const page = simulatorBooks(simulator.url, 5).page;
  const walked = await audit({
    databaseUrl: db.url,
    only: ['gateway-books'],
    books: { name: 'simulator', page },
  });
  expect(walked.checks[0]).toMatchObject({ judged: 13, violations: 0 });
  expect(await compared()).toMatchObject({ judged: 13, violations: 0, warnings: 0 });

  const [[first, reference] = ['', ''], [second] = ['']] = references;
  await simulator.ask(reference, 'capture', money);
  const again = await simulator.open('300.00', second);
  await simulator.ask(again.id, 'authorize', { token: 'tok_approved' });
  const { violations, findings } = await compared();
  expect([violations, findings.map(({ problem }) => problem)]).toEqual([
    2,
    [
      `is AUTHORIZED with 0.00 captured here, and captured with 300.00 captured at the gateway as ${reference}`,
      `has 2 authorizations at the gateway: ${references.get(second)}, ${again.id}`,
    ],
  ]);
  expect(findings[0]?.subject).toBe(first);
});

it('says that it could not find out where nobody answers', async () => {
  const { url } = simulator;
  await simulator.stop();
  const gone = await compared(url);
  expect(gone).toMatchObject({
    violations: 0,
    unknown: `the simulator at ${url} could not be read: ECONNREFUSED`,
  });
  simulator = await runSimulator();
});
