import { runAnalytics } from '../analytics/run-analytics';
import { audit, type AuditReport } from './audit';
import { formatReport } from './format-report';
import { startMesh, type Mesh } from '../../shared/testing/mesh';

let mesh: Mesh;
beforeAll(async () => (mesh = await startMesh()), 60_000);
afterAll(() => mesh?.stop()); // there is none where it did not start

const LEAST_ORDERS = 80;
const MOST_ORDERS = 300;

/** Customers who order, change their minds and get their food, until told to stop. */
function keepBusy(restaurantId: string, itemId: string) {
  let going = true;
  let orders = 0;
  const customer = async (mind: number) => {
    for (let turn = mind; going; turn++) {
      // So many that no audit is quick, and not so many that each is slower than the last.
      if (orders >= MOST_ORDERS) return;
      const id = await mesh.place(restaurantId, itemId, 1 + (turn % 3));
      orders++;
      if (turn % 2 === 0) await mesh.ask('POST', `/orders/${id}/cancel`, {});
      else if (turn % 5 === 0) {
        await mesh.ask('POST', `/inventory/${itemId}/adjustments`, {
          delta: turn % 10 ? 4 : -2,
          reason: 'count',
        });
        await mesh.ask('PATCH', `/orders/${id}/status`, { status: 'OUT_FOR_DELIVERY' });
      }
    }
  };
  const done = Promise.all([0, 1, 2, 3].map(customer));
  return {
    orders: () => orders,
    stop: () => {
      going = false;
      return done;
    },
  };
}

const brokenPromises = (report: AuditReport) => report.checks.filter(({ violations }) => violations > 0);
const underWay = (report: AuditReport) => report.checks.reduce((sum, check) => sum + check.underWay, 0);

it('sees nothing wrong in a mesh at work, again and again, nor when it has come to rest', async () => {
  const { restaurantId, itemId } = await mesh.addItem(60); // soon sold out
  const databaseUrl = mesh.db.url;
  const busy = keepBusy(restaurantId, itemId);
  let sawWorkUnderWay = 0;
  try {
    for (let audits = 0; audits < 8 || busy.orders() < LEAST_ORDERS; audits++) {
      const report = await audit({ databaseUrl, rangeSize: 40 });
      expect(brokenPromises(report)).toEqual([]);
      if (underWay(report) > 0) sawWorkUnderWay++;
    }
  } finally {
    await busy.stop();
  }
  expect(sawWorkUnderWay).toBeGreaterThan(0);

  await mesh.quiet();
  // Without any grace: what is under way now would be late.
  const report = await audit({ databaseUrl, graceMs: 0 });
  expect(brokenPromises(report)).toEqual([]);
  expect(underWay(report)).toBe(0);
  expect(report.checks.find(({ name }) => name === 'totals')?.judged).toBe(busy.orders());
  expect(formatReport(report)).toMatch(/^ok +stock is never below zero +1 items$/m);
}, 240_000);

it('sees nothing wrong in reports that are rebuilt while orders come, and they say the same before and after', async () => {
  const { restaurantId, itemId } = await mesh.addItem(10_000);
  const before = await reports(restaurantId);
  const busy = keepBusy(restaurantId, itemId);
  const said: string[] = [];
  const stopping = new AbortController().signal;
  const run = { databaseUrl: () => mesh.db.url, print: (text: string) => void said.push(text), stopping };
  try {
    while (said.length < 2 || busy.orders() < LEAST_ORDERS)
      expect(await runAnalytics({ ...run, args: ['rebuild'] })).toBe(0);
  } finally {
    await busy.stop();
  }
  await mesh.quiet();
  expect(brokenPromises(await audit({ databaseUrl: mesh.db.url, graceMs: 0 }))).toEqual([]);
  const rebuilt = await reports(restaurantId);
  expect([before[0]!.orders, rebuilt[0]!.orders]).toEqual([0, busy.orders()]);
  await runAnalytics({ ...run, args: ['rebuild'] });
  expect(await reports(restaurantId)).toEqual(rebuilt);
}, 240_000);

/** Every report on a restaurant, of today and tomorrow; but for since when there is history. */
async function reports(restaurantId: string) {
  const [from, to] = [-1, 2].map(
    (days) => `${new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10)}T00:00:00Z`,
  );
  return Promise.all(
    ['summary', 'orders', 'items', 'lead-times', 'stock'].map(async (name) => {
      const path = `/analytics/${name}?restaurant_id=${restaurantId}&from=${from}&to=${to}`;
      const { body } = await mesh.ask<{ orders?: number; history_since?: string }>('GET', path);
      return { ...body, history_since: undefined };
    }),
  );
}
const DAY_MS = 86_400_000;
