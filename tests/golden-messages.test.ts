import { join, resolve } from 'node:path';
import { UnknownValueError } from '../shared/events/growing';
import { orderIdOf, type Event } from '../shared/events/envelope';
import { newId } from '../shared/ids';
import type { HandlerTable } from '../shared/messaging/handler';
import { foldersWith } from '../shared/service/service-folders';
import { eventIn, goldenMessages, growingMembers, withData, type Golden } from '../shared/testing/golden';
import { handle } from '../shared/testing/handle';
import { createTestDatabase, type TestDatabase } from '../shared/testing/test-database';

// Every consumer, given what was published once and what a later version may publish.

const root = resolve(__dirname, '..');
const consumers = foldersWith('handlers.ts', root).map(({ name, path }) => ({
  name,
  handlers: (require(join(root, path, 'handlers')) as { handlers: HandlerTable }).handlers,
}));

/** Who decides by which member, and so waits for a version that knows its value. Everybody else goes on. */
const decidesBy: Record<string, readonly string[]> = {
  'payment-service': [
    'order.placed.v1 payment_method',
    'order.status.preparing.v1 payment_method',
    'order.cancelled.v1 payment_method',
  ],
};

const deliveries = consumers.flatMap(({ name: consumer, handlers }) =>
  goldenMessages
    .filter(({ type }) => handlers[type] !== undefined)
    .map((golden) => ({ consumer, handlers, name: golden.name, golden })),
);
const grown = deliveries.flatMap((delivery) =>
  growingMembers(delivery.golden).map((member) => ({ ...delivery, member })),
);

let db: TestDatabase;
beforeAll(async () => void (db = await createTestDatabase()));
afterAll(() => db.drop());

/** The state of affairs in which the message comes: its order is placed and paid. */
async function prepare(event: Event): Promise<void> {
  await db.database.$executeRaw`
    TRUNCATE restaurants, menu_items, stock_levels, stock_movements, stock_reservations, adjustment_outcomes, orders,
      order_lines, order_status_history, order_state_tracking, payments, payment_moves, notifications,
      notification_batches, processed_events, outbox_events, analytics_orders, analytics_sales, analytics_item_sales,
      analytics_lead_times, analytics_open_orders, analytics_stock_alerts CASCADE`;
  const orderId = orderIdOf(event);
  const { restaurant_id: restaurantId } = event.data as { restaurant_id?: string };
  if (!orderId || !restaurantId || event.type === 'order.placed.v1') return;
  const facts = { restaurantId, currency: 'INR', correlationId: event.correlationid };
  await db.database.restaurant.create({ data: { id: restaurantId, name: 'Tandoor' } });
  await db.database.order.create({
    data: { id: orderId, status: 'PLACED', paymentMethod: 'CARD', totalAmount: '241.00', ...facts },
  });
  await db.database.payment.create({
    data: { id: newId(), orderId, amount: '241.00', state: 'AUTHORIZED', ...facts },
  });
}

/** What the consumer leaves behind: in its tables, and in the outbox. */
async function effects(): Promise<unknown> {
  const rows = await db.database.$queryRaw<unknown[]>`
    SELECT (SELECT json_agg(json_build_array(order_id, state)) FROM stock_reservations) AS reservations,
      (SELECT json_agg(json_build_array(status, cancel_reason)) FROM orders) AS orders,
      (SELECT json_agg(json_build_array(order_id, state)) FROM payments) AS payments,
      (SELECT json_agg(json_build_array(audience, title) ORDER BY audience) FROM notifications) AS notifications,
      (SELECT json_agg(json_build_array(placed_at IS NULL, cancel_reason)) FROM analytics_orders) AS counted,
      (SELECT json_agg(json_build_array(kind, available_qty)) FROM analytics_stock_alerts) AS alerts,
      (SELECT json_agg(json_build_array(type, subject) ORDER BY seq) FROM outbox_events) AS announced`;
  return rows[0];
}

async function handled(consumer: string, handlers: HandlerTable, body: Buffer): Promise<unknown> {
  const event = eventIn(body);
  await prepare(event);
  const fresh = await handle(db.database, consumer, handlers, event);
  expect(fresh.size).toBe(1);
  return effects();
}

test('every consumer is among them', () => {
  expect(consumers.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'analytics-service',
      'inventory-service',
      'notification-service',
      'payment-service',
      'status-service',
    ]),
  );
  const subscribed = consumers.flatMap(({ name, handlers }) =>
    Object.keys(handlers).map((type) => `${name} ${type}`),
  );
  const covered = new Set(deliveries.map(({ consumer, golden }) => `${consumer} ${golden.type}`));
  expect(subscribed.filter((one) => !covered.has(one))).toEqual([]);
});

test.each(deliveries)('$consumer handles $name', async ({ consumer, handlers, golden }) => {
  await handled(consumer, handlers, golden.body);
});

describe.each(grown)(
  '$consumer, given $name with a new $member',
  ({ consumer, handlers, golden, member }) => {
    const newer = (one: Golden) => withData(one, { [member]: 'ADDED_LATER' });
    const decides = decidesBy[consumer]?.includes(`${golden.type} ${member}`) ?? false;

    if (decides)
      test('waits for a version that knows it', async () => {
        const before = eventIn(golden.body);
        await prepare(before);
        const untouched = await effects();
        const error = await handle(db.database, consumer, handlers, eventIn(newer(golden))).catch(
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(UnknownValueError);
        expect(error).toHaveProperty('message', expect.stringContaining(`${member} is "ADDED_LATER"`));
        expect(await effects()).toEqual(untouched);
      });
    else
      test('goes on as ever', async () => {
        const asEver = JSON.stringify(await handled(consumer, handlers, golden.body));
        const now = JSON.stringify(await handled(consumer, handlers, newer(golden)));
        // Handed on, it is what it was; all the rest is the same.
        const { [member]: value } = (JSON.parse(golden.body.toString()) as { data: Record<string, string> })
          .data;
        expect(now.replaceAll('ADDED_LATER', value ?? '')).toBe(asEver);
      });
  },
);

test('nobody is said to decide who does not', () => {
  const all = new Set(grown.map(({ consumer, golden: { type }, member }) => `${consumer} ${type} ${member}`));
  const named = Object.entries(decidesBy).flatMap(([consumer, members]) =>
    members.map((one) => `${consumer} ${one}`),
  );
  expect(named.filter((one) => !all.has(one))).toEqual([]);
});
