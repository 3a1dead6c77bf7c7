import { newId } from '../shared/ids';
import { startMesh, type Mesh } from '../shared/testing/mesh';
import { until } from '../shared/testing/until';

// A known journey, and what every service's /metrics says of it afterwards.

let mesh: Mesh;
let restaurantId: string;
let itemId: string;
let sold: string;

interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function parse(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
      return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
    });
}

async function scrape(service: string): Promise<Sample[]> {
  const response = await fetch(`${mesh.service(service).url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return parse(await response.text());
}

/** The sum of a metric's samples with these labels. */
const valueOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}) => {
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
};

beforeAll(async () => {
  mesh = await startMesh();
  ({ restaurantId, itemId } = await mesh.addItem(100));
  const [first, second, card] = [
    await mesh.place(restaurantId, itemId),
    await mesh.place(restaurantId, itemId),
    await mesh.place(restaurantId, itemId, 1, 'tok_approved'),
  ];
  const short = await mesh.place(restaurantId, itemId, 1_000);
  for (const id of [first, second, card]) await mesh.reaches(id, 'PREPARING');
  await mesh.reaches(short, 'CANCELLED');
  sold = first;
  for (const status of ['OUT_FOR_DELIVERY', 'DELIVERED'])
    await mesh.ask('PATCH', `/orders/${sold}/status`, { status });
  await mesh.ask('GET', `/orders/${newId()}`);
  await fetch(`${mesh.service('order-api').url}/api/v1/${newId()}`);
  mesh.broker.channel.sendToQueue('inventory-service', Buffer.from('not JSON'));
  mesh.broker.channel.sendToQueue('inventory-service', Buffer.from('{}'), { type: `${newId()}.v1` });
  await mesh.quiet();
  await until('the captured payment', () =>
    mesh.db.database.payment.count({ where: { orderId: card, state: 'CAPTURED' } }),
  );
  await mesh.quiet();
}, 120_000);
afterAll(() => mesh?.stop());

it('order-api: requests by route and status, orders by status, the stages that it ends', async () => {
  const samples = await scrape('order-api');
  const requests = (labels: Record<string, string>) =>
    valueOf(samples, 'http_request_duration_seconds_count', labels);
  expect(requests({ method: 'POST', route: '/api/v1/orders', status: '202' })).toBe(4);
  expect(requests({ method: 'PATCH', route: '/api/v1/orders/{id}/status', status: '200' })).toBe(2);
  expect(requests({ method: 'GET', route: '/api/v1/orders/{id}', status: '404' })).toBe(1);
  expect(requests({ method: 'GET', route: 'other', status: '404' })).toBe(1);
  expect(valueOf(samples, 'http_request_duration_seconds_sum', { route: '/api/v1/orders' })).toBeGreaterThan(
    0,
  );
  const statuses = ['PLACED', 'PREPARING', 'DELIVERED', 'CANCELLED'];
  expect(statuses.map((status) => valueOf(samples, 'ordermesh_orders', { status }))).toEqual([
    undefined,
    2,
    1,
    1,
  ]);
  expect(valueOf(samples, 'ordermesh_order_stage_seconds_count', { stage: 'preparing_to_delivered' })).toBe(
    1,
  );
  expect(valueOf(samples, 'ordermesh_orders_oldest_placed_seconds')).toBe(0);
  expect(valueOf(samples, 'ordermesh_outbox_oldest_seconds')).toBe(0);
  // No id of anything is a label of anything.
  for (const { labels } of samples)
    expect(Object.values(labels).filter((value) => /[\da-f]{8}-[\da-f]{4}-/.test(value))).toEqual([]);
});

it('the relay: what was published, and that nothing waits', async () => {
  const samples = await scrape('outbox-publisher');
  const { database } = mesh.db;
  const logged = await database.eventLog.groupBy({ by: ['type'], _count: true });
  expect(logged.length).toBeGreaterThan(5);
  for (const { type, _count } of logged)
    expect([
      type,
      valueOf(samples, 'ordermesh_events_published_total', { type, outcome: 'published' }),
    ]).toEqual([type, _count]);
  expect(valueOf(samples, 'ordermesh_outbox_waiting')).toBe(0);
  expect(valueOf(samples, 'ordermesh_outbox_oldest_seconds')).toBe(0);
  expect(valueOf(samples, 'ordermesh_database_lock_waiting')).toBe(0);
  // Once it has been refused for the first time it is too late to begin with 0.
  expect(
    valueOf(samples, 'ordermesh_events_published_total', { type: 'order.placed.v1', outcome: 'returned' }),
  ).toBe(0);
});

it('the relay: of the consumers, the history and PostgreSQL', async () => {
  const isBehind = ({ name }: { name: string }) => name === 'ordermesh_consumer_behind_seconds';
  // One that has just begun has still to find out how far it has come.
  const samples = await until('all consumers', async () => {
    const read = await scrape('outbox-publisher');
    return read.filter(isBehind).length === 5 && read;
  });
  const behind = samples.filter(isBehind);
  expect(new Set(behind.map(({ labels }) => labels.consumer))).toEqual(
    new Set([
      'analytics-service',
      'inventory-service',
      'notification-service',
      'payment-service',
      'status-service',
    ]),
  );
  for (const { value } of behind) expect(value).toBeLessThan(30);
  const recorded = await mesh.db.database.subscription.count({ where: { until: null } });
  expect(valueOf(samples, 'ordermesh_bindings_recorded')).toBe(recorded);
  for (const table of ['event_log', 'processed_events'])
    expect([6, 7]).toContain(valueOf(samples, 'ordermesh_history_days_ahead', { table })); // 6 from midnight on
  // Statistics are seconds late.
  expect(valueOf(samples, 'ordermesh_table_live_tuples', { table: 'orders' })).toBeGreaterThanOrEqual(0);
  expect(
    samples.filter(({ labels }) => labels.table && /_\d{8}$/.test(labels.table)), // a partition is no label
  ).toEqual([]);
  expect(valueOf(samples, 'ordermesh_database_connections')).toBeGreaterThan(6);
  expect(valueOf(samples, 'ordermesh_database_size_bytes')).toBeGreaterThan(1_000_000);
  expect(valueOf(samples, 'ordermesh_database_activity', { kind: 'commits' })).toBeGreaterThan(0);
});

it('a consumer: what it handled, how long that took and came after, and its dead letters', async () => {
  const all = { consumer: 'inventory-service' };
  const samples = await until('its dead letters', async () => {
    const read = await scrape('inventory-service');
    return valueOf(read, 'ordermesh_dead_letters', { service: 'inventory-service' }) === 2 && read;
  });
  const placed = { ...all, type: 'order.placed.v1' };
  const events = (labels: Record<string, string>) =>
    valueOf(samples, 'ordermesh_consumer_events_total', labels);
  expect(events({ ...placed, outcome: 'handled' })).toBe(4);
  expect(events({ ...all, type: 'unknown', outcome: 'dead_lettered' })).toBe(2);
  expect(valueOf(samples, 'ordermesh_consumer_lag_seconds_count', placed)).toBe(4);
  expect(valueOf(samples, 'ordermesh_consumer_unacknowledged', all)).toBe(0);
  expect(valueOf(samples, 'ordermesh_consumer_missed_total', all)).toBe(0);
  const batches = valueOf(samples, 'ordermesh_consumer_handling_seconds_count', placed) ?? 0;
  expect(batches).toBeGreaterThanOrEqual(1);
  expect(batches).toBeLessThanOrEqual(4);
  expect(valueOf(samples, 'ordermesh_consumer_batch_size_sum', all)).toBe(5); // and one order.cancelled
  // Apart: all of the first may be in use while the second is not.
  expect(valueOf(samples, 'ordermesh_database_pool_size', { pool: 'inventory-service' })).toBe(7);
  expect(valueOf(samples, 'ordermesh_database_pool_size', { pool: 'inventory-service batches' })).toBe(1);
  expect(valueOf(samples, 'ordermesh_database_pool_waiting', { pool: 'inventory-service' })).toBe(0);
  await until('its event loop to be measured, from the first scrape on', async () => {
    const lag = valueOf(await scrape('inventory-service'), 'nodejs_eventloop_lag_p99_seconds');
    return lag !== undefined && lag > 0;
  });
});

it('status-service: how long orders took to be PREPARING; payment-service: what it asked the gateway', async () => {
  const status = await scrape('status-service');
  expect(valueOf(status, 'ordermesh_order_stage_seconds_count', { stage: 'placed_to_preparing' })).toBe(3);
  const payment = await scrape('payment-service');
  expect(valueOf(payment, 'ordermesh_payments_in_review')).toBe(0);
  const calls = (operation: string) =>
    valueOf(payment, 'ordermesh_gateway_calls_total', { operation, outcome: 'done' });
  expect(['open', 'authorize', 'capture', 'refund'].map(calls)).toEqual([1, 1, 1, undefined]);
  await until(
    'it to have looked for dead letters',
    async () =>
      valueOf(await scrape('payment-service'), 'ordermesh_dead_letters', { service: 'payment-service' }) ===
      0,
  );
});

it('notification-service: its lanes, and the webhooks that were disabled', async () => {
  const samples = await scrape('notification-service');
  expect(valueOf(samples, 'ordermesh_notification_lanes_failing', { channel: 'webhook' })).toBe(0);
  for (const reason of ['failing', 'gone'])
    expect(valueOf(samples, 'ordermesh_webhooks_disabled', { reason })).toBe(0);
});
