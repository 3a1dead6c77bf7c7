import { bookedAsKept } from './testing/booked';
import { analyticsPlants, countAll, handledBy, tellAlerts } from './testing/analytics-plants';
import { countOrders } from '../../analytics-service/count-orders';
import { countStockAlerts } from '../../analytics-service/count-stock-alerts';
import { anOrder, eventsOf } from '../../analytics-service/testing/told-orders';
import { anEvent, eventFrom } from '../../shared/testing/events';
import { paymentPlants } from './testing/payment-plants';
import { cardStories, stories } from './testing/stories';
import { newId } from '../../shared/ids';
import type { TestDatabase } from '../../shared/testing/test-database';
import { checkNames } from './audit';
import { checkOf, createUnguarded, writeAnew, violations, warnings, type Audited } from './testing/audited';

let db: TestDatabase;
let audited: Audited;
beforeAll(async () => (db = await createUnguarded()));
afterAll(() => db.drop());
beforeEach(async () => (audited = await writeAnew(db)));

const [dal, rice] = [0, 1];
const item = (index: number) => audited.history.items[index] ?? '';

it('passes a history in which every promise is kept, whatever the size of its ranges', async () => {
  audited.books = await bookedAsKept(db.database);
  for (const rangeSize of [1, 2, 1000]) {
    const report = await audited.run({ rangeSize });
    expect(report.checks.map(({ name }) => name).sort()).toEqual([...checkNames].sort());
    expect([violations(report), warnings(report), report.ok]).toEqual([[], [], true]);
    expect(checkOf(report, 'totals').judged).toBe(Object.keys(stories).length - 1);
    expect(checkOf(report, 'stock-not-negative').judged).toBe(2);
    expect(checkOf(report, 'adjustments-applied').judged).toBe(2);
    expect(checkOf(report, 'payment-moves').judged).toBe(Object.keys(cardStories).length);
    expect(checkOf(report, 'gateway-books')).toMatchObject({ judged: Object.keys(cardStories).length });
    expect(checkOf(report, 'events-handled').judged).toBe(await audited.db.database.eventLog.count());
  }
});

it('passes an empty database', async () => {
  await audited.sql(
    'TRUNCATE orders, menu_items, stock_levels, stock_movements, stock_reservations, event_log CASCADE',
  );
  await audited.sql(
    'TRUNCATE processed_events, adjustment_requests, adjustment_outcomes, payments, payment_moves, payment_ledger',
  );
  expect((await audited.run()).ok).toBe(true);
});

it('does not judge by what it does not know: a newer version may have added it', async () => {
  const { cancelled, delivered, cardPrepared } = audited.orders;
  await audited.sql(
    `UPDATE orders SET cancel_reason = 'GOODWILL' WHERE id = '${cancelled}'`,
    `UPDATE order_status_history SET reason = 'GOODWILL' WHERE order_id = '${cancelled}' AND reason IS NOT NULL`,
    `UPDATE order_status_history SET actor = 'COURIER' WHERE order_id = '${delivered}' AND to_status = 'DELIVERED'`,
    `UPDATE orders SET payment_method = 'WALLET' WHERE id = '${cardPrepared}'`,
  );
  const report = await audited.run();
  expect([violations(report), warnings(report)]).toEqual([[], []]);
});

/** Each breaks one promise; what it answers is all that the audit may name. */
const plants: Record<string, () => Promise<string[]>> = {
  'stock below zero': async () => {
    const id = newId();
    await audited.sql(
      `INSERT INTO menu_items (id, restaurant_id, name, price) VALUES ('${id}', '${audited.history.restaurantId}', 'Naan', 1)`,
      `INSERT INTO stock_levels (menu_item_id, available) VALUES ('${id}', -1)`,
      `INSERT INTO stock_movements (menu_item_id, kind, delta, balance) VALUES ('${id}', 'OPENING', -1, -1)`,
    );
    return [`stock-not-negative: ${id}`, `stock-not-negative: ${id}`];
  },
  'stock that its ledger does not explain': async () => {
    await audited.sql(
      `UPDATE stock_levels SET available = available + 1 WHERE menu_item_id = '${item(rice)}'`,
    );
    return [`stock-equals-ledger: ${item(rice)}`];
  },
  'a stock row that is gone': async () => {
    await audited.sql(`DELETE FROM stock_levels WHERE menu_item_id = '${item(rice)}'`);
    return [`stock-equals-ledger: ${item(rice)}`];
  },
  'a balance that does not follow from the one before': async () => {
    await audited.sql(`UPDATE stock_movements SET balance = balance + 1
      WHERE id = (SELECT max(id) FROM stock_movements WHERE menu_item_id = '${item(rice)}')`);
    return [`ledger-balances: ${item(rice)}`];
  },
  'a second opening': async () => {
    await audited.sql(
      `INSERT INTO stock_movements (menu_item_id, kind, delta, balance)
      SELECT menu_item_id, 'OPENING', 0, available FROM stock_levels WHERE menu_item_id = '${item(dal)}'`,
    );
    return [`ledger-openings: ${item(dal)}`];
  },
  'an item without an opening': async () => {
    const id = newId();
    await audited.sql(
      `INSERT INTO menu_items (id, restaurant_id, name, price) VALUES ('${id}', '${audited.history.restaurantId}', 'Naan', 1)`,
    );
    return [`ledger-openings: ${id}`];
  },
  'an item that was sold out without a word, and one that was told of twice': async () => {
    const [silent, loud] = [newId(), newId()];
    await audited.sql(
      ...[dal, rice].map(
        (index) => `INSERT INTO stock_movements (menu_item_id, kind, delta, balance, adjustment_id, caused_by)
          SELECT menu_item_id, 'RESTORATION', -available, 0, NULL, '${[silent, loud][index]}' FROM stock_levels WHERE menu_item_id = '${item(index)}'`,
      ),
      `UPDATE stock_levels SET available = 0`,
    );
    for (const _ of [1, 2]) {
      const event = audited.history.published('inventory.out_of_stock.v1', item(rice));
      await audited.sql(`UPDATE event_log SET causation_id = '${loud}' WHERE event_id = '${event}'`);
    }
    return [dal, rice].map((index) => `stock-outs-announced: ${item(index)}`);
  },
  'an order that holds less than its lines': async () => {
    await audited.sql(
      `UPDATE order_lines SET quantity = 2, price = 50 WHERE order_id = '${audited.orders.onItsWay}' AND menu_item_id = '${item(rice)}'`,
    );
    return [`held-stock: ${audited.orders.onItsWay}`];
  },
  'a prepared order without stock': async () => {
    const { stock: _, ...story } = stories.prepared;
    const id = audited.history.order({ ...story, reservation: undefined });
    return [`held-stock: ${id}`];
  },
  'a placed order that holds a part': async () => {
    const id = audited.history.order({ ...stories.placed, reservation: 'DEDUCTED' });
    audited.history.stock('DEDUCTION', item(dal), -2, { orderId: id });
    await audited.sql(`UPDATE orders SET placed_at = now() WHERE id = '${id}'`);
    return [`held-stock: ${id}`];
  },
  'a draft that holds stock': async () => {
    const id = audited.history.order({
      ...stories.draft,
      moves: [['DRAFT', 'STAFF']],
      reservation: 'DEDUCTED',
      stock: [-1],
    });
    return [`held-stock: ${id}`];
  },
  'a cancelled order that holds stock': async () => {
    const id = audited.history.order({ ...stories.cancelled, reservation: 'DEDUCTED', stock: [-1] });
    return [`cancelled-stock: ${id}`];
  },
  'a reservation that the ledger does not bear out': async () => {
    await audited.sql(
      `UPDATE stock_reservations SET state = 'REJECTED' WHERE order_id = '${audited.orders.delivered}'`,
      `DELETE FROM stock_reservations WHERE order_id = '${audited.orders.onItsWay}'`,
      `UPDATE stock_reservations SET state = 'DEDUCTED' WHERE order_id = '${audited.orders.cancelledFirst}'`,
    );
    const { delivered, onItsWay, cancelledFirst } = audited.orders;
    return [delivered, onItsWay, cancelledFirst].map((id) => `reservations: ${id}`);
  },
  'stock taken twice and given back twice': async () => {
    const id = audited.history.order({ ...stories.cancelled, stock: [-1, -1, 1, 1] });
    return [`stock-once: ${id}`, `stock-once: ${id}`];
  },
  'stock of nobody': async () => {
    const id = newId();
    audited.history.stock('DEDUCTION', item(dal), -1, { orderId: id });
    await audited.sql(`INSERT INTO stock_reservations (order_id, state) VALUES ('${id}', 'DEDUCTED')`);
    return [`stock-owners: ${id}`];
  },
  'moves that the lifecycle does not know': async () => {
    const { delivered, onItsWay, prepared, cancelled } = audited.orders;
    await audited.sql(
      `UPDATE order_status_history SET actor = 'CUSTOMER' WHERE order_id = '${delivered}' AND to_status = 'DELIVERED'`,
      `UPDATE order_status_history SET from_status = 'DRAFT' WHERE order_id = '${onItsWay}' AND from_status IS NULL`,
      `UPDATE order_status_history SET from_status = 'OUT_FOR_DELIVERY' WHERE order_id = '${cancelled}' AND to_status = 'CANCELLED'`,
      `DELETE FROM order_status_history WHERE order_id = '${prepared}' AND to_status = 'PREPARING'`,
      `INSERT INTO order_status_history (order_id, from_status, to_status, actor) VALUES ('${prepared}', 'PLACED', 'PREPARING', 'STAFF')`,
    );
    return [delivered, onItsWay, cancelled, prepared].map((id) => `moves-legal: ${id}`);
  },
  'versions with a gap, or with more or fewer of them than changes': async () => {
    const { delivered, prepared, cancelled } = audited.orders;
    await audited.sql(
      `UPDATE order_status_history SET version = 7 WHERE order_id = '${delivered}' AND to_status = 'DELIVERED'`,
      `UPDATE orders SET version = version + 1 WHERE id = '${prepared}'`,
      `UPDATE orders SET version = version - 1 WHERE id = '${cancelled}'`,
    );
    return [delivered, prepared, cancelled].map((id) => `versions-gapless: ${id}`);
  },
  'a status that is not where its history ends': async () => {
    await audited.sql(`UPDATE orders SET status = 'DELIVERED' WHERE id = '${audited.orders.prepared}'`);
    return [`status-history: ${audited.orders.prepared}`];
  },
  'a reason that its history does not give': async () => {
    await audited.sql(`UPDATE orders SET cancel_reason = 'STAFF' WHERE id = '${audited.orders.short}'`);
    return [`cancel-reasons: ${audited.orders.short}`];
  },
  'a reason that its actor cannot have': async () => {
    await audited.sql(
      `UPDATE orders SET cancel_reason = 'TIMEOUT' WHERE id = '${audited.orders.cancelled}'`,
      `UPDATE order_status_history SET reason = 'TIMEOUT' WHERE order_id = '${audited.orders.cancelled}' AND reason IS NOT NULL`,
    );
    return [`cancel-reasons: ${audited.orders.cancelled}`];
  },
  'a total that its lines do not make': async () => {
    await audited.sql(`UPDATE orders SET total_amount = 300.01 WHERE id = '${audited.orders.draft}'`);
    return [`totals: ${audited.orders.draft}`];
  },
  'a move that was never announced, and one announced twice': async () => {
    const { prepared, delivered } = audited.orders;
    await audited.sql(`DELETE FROM event_log WHERE subject = '${prepared}' AND type = 'order.placed.v1'`);
    audited.history.published('order.placed.v1', delivered);
    return [prepared, delivered].map((id) => `moves-announced: ${id}`);
  },
  'an order about which nothing happens any more': async () => {
    const id = audited.history.order(stories.placed);
    return [`placed-orders: ${id}`];
  },
  'an event that one of its subscribers never handled': async () => {
    const id = audited.history.published('order.status.preparing.v1', newId(), {
      butNotBy: ['notification-service'],
    });
    return [`events-handled: ${id}`];
  },
  'an event that waits to be published': async () => [
    `outbox: ${audited.history.waiting('order.status.preparing.v1', newId())}`,
  ],
  'the same news told twice': async () => {
    const eventId = newId();
    for (const id of [newId(), newId()])
      await audited.sql(`INSERT INTO notifications (id, event_id, event_type, audience, restaurant_id, title, text, correlation_id, batch_id)
        VALUES ('${id}', '${eventId}', 't', 'CUSTOMER', '${newId()}', 't', 't', 'c', '${newId()}')`);
    return [`notifications-once: ${eventId}`];
  },
  'adjustments that did something else than was asked for': async () => {
    const [smaller, refused, unheard] = [
      audited.history.adjustment(7, 'APPLIED'),
      audited.history.adjustment(-1, 'REJECTED'),
      newId(),
    ];
    await audited.sql(`UPDATE adjustment_requests SET delta = 8 WHERE id = '${smaller}'`);
    audited.history.stock('ADJUSTMENT', item(dal), -1, { adjustmentId: refused });
    audited.history.stock('ADJUSTMENT', item(dal), -1, { adjustmentId: unheard });
    return [smaller, refused, unheard].map((id) => `adjustments-applied: ${id}`);
  },
  'an adjustment without an outcome': async () => [`adjustments-settled: ${audited.history.adjustment(3)}`],
  'a dead letter that nobody decides about': async () => {
    const event = await givenUp('25 hours');
    return [`dead-letters-decided: ${event}`, `events-handled: ${event}`];
  },
  'a dead letter that vanished from its queue': async () => {
    const event = await givenUp('1 hour');
    audited.queues = { read: () => Promise.resolve(new Map()) };
    return [`dead-letters-kept: ${event}`, `events-handled: ${event}`];
  },
  ...paymentPlants(() => audited),
  ...analyticsPlants(() => audited),
};

/** An event that notification-service has put into its dead-letter queue. */
async function givenUp(ago: string): Promise<string> {
  const about = `subject = '${audited.orders.delivered}' AND type = 'order.placed.v1'`;
  await audited.sql(`DELETE FROM processed_events WHERE consumer = 'notification-service' AND ${about}`);
  const [logged] = await db.database.$queryRawUnsafe<{ id: string }[]>(
    `SELECT event_id::text AS id FROM event_log WHERE ${about}`,
  );
  const event = logged!.id;
  await audited.sql(`INSERT INTO delivery_failures (consumer, event_id, attempt, reason, error, outcome, failed_at)
    VALUES ('notification-service', '${event}', 6, 'handler_failed', 'x', 'DEAD_LETTERED', now() - interval '${ago}')`);
  return event;
}

it.each(Object.entries(plants))('names %s, and nothing else', async (_name, plant) => {
  const planted = await plant();
  const report = await audited.run();
  expect(report.ok).toBe(false);
  expect(violations(report).sort()).toEqual(planted.sort());
});

it('judges reports by what they can know: not before there was history, and not what is under way', async () => {
  await countAll(audited);
  const report = await audited.run();
  expect([violations(report), warnings(report)]).toEqual([[], []]);
  await tellAlerts(audited);
  expect(violations(await audited.run())).toEqual([]);
  expect(checkOf(report, 'analytics-sales').judged).toBeGreaterThan(10);
  const early = audited.history.order(stories.cancelledFirst);
  await audited.sql(`UPDATE orders SET placed_at = placed_at - interval '1 day' WHERE id = '${early}'`);
  await audited.sql(handledBy(early));
  expect(violations(await audited.run())).toEqual([]);
  const young = audited.history.order(stories.cancelledFirst);
  await audited.sql(`DELETE FROM event_log WHERE subject = '${young}' AND type = 'order.placed.v1'`);
  audited.history.published('order.placed.v1', young, { at: new Date() });
  const underWay = await audited.run();
  expect(violations(underWay)).toEqual([]);
  expect(checkOf(underWay, 'analytics-orders').underWay).toBe(1);
});

it('is made of whatever a stranger has told: amounts that no table of ours holds, and alerts of nobody', async () => {
  await countAll(audited);
  const line = { menu_item_id: newId(), quantity: 1_000_000_000, price: `${'9'.repeat(300)}.99` };
  const [placed] = eventsOf(anOrder({ lines: [line] }));
  const id = newId();
  const facts = {
    menu_item_id: id,
    restaurant_id: newId(),
    name: 'x',
    low_stock_threshold: 5,
    available_qty: 2,
  };
  await countOrders(db.database as never, [eventFrom(placed!, { total_amount: 1e300 })]);
  await countStockAlerts(db.database as never, [
    anEvent('inventory.low_stock.v1', id, facts, { source: '/elsewhere' }),
  ]);
  const report = await audited.run();
  expect(violations(report)).toEqual([]);
  expect(warnings(report).sort()).toEqual([`analytics-orders: ${placed!.subject}`, `analytics-stock: ${id}`]);
});

it('has a plant for every check', () => {
  const source = Object.values(plants).map(String).join();
  expect(checkNames.filter((name) => !source.includes(name))).toEqual([]);
});
