import { countOrders } from '../../../analytics-service/count-orders';
import { countStockAlerts } from '../../../analytics-service/count-stock-alerts';
import type { OrderEvent } from '../../../analytics-service/order-facts';
import { EVERYWHERE } from '../../../shared/analytics/read-models';
import { groupBy } from '../../../shared/group-by';
import { anEvent } from '../../../shared/testing/events';
import type { Audited } from './audited';
import { stories } from './stories';

/** What analytics-service would have counted of the orders that are there, which it has subscribed to before. */
export async function countAll({ db: { database }, history }: Audited): Promise<void> {
  await history.write();
  const orders = await database.order.findMany({
    include: { lines: true, history: { orderBy: { id: 'asc' } } },
  });
  const events = orders
    .filter(({ placedAt }) => placedAt !== null)
    .flatMap((order): OrderEvent[] => {
      const facts = { order_id: order.id, restaurant_id: order.restaurantId };
      const money = { total_amount: Number(order.totalAmount), currency: order.currency };
      const items = order.lines.map(({ menuItemId, name, quantity, price }) => ({
        menu_item_id: menuItemId,
        name,
        quantity,
        price: price.toFixed(2),
      }));
      const moves = order.history.filter(({ toStatus }) => !['DRAFT', 'PLACED'].includes(toStatus));
      const placed_at = order.placedAt!.toISOString();
      return [
        anEvent('order.placed.v1', order.id, {
          ...facts,
          ...money,
          items,
          payment_method: 'CASH',
          placed_at,
        }),
        ...moves.map(({ toStatus, fromStatus, reason, movedAt }) => {
          const type =
            toStatus === 'CANCELLED' ? 'order.cancelled.v1' : `order.status.${toStatus.toLowerCase()}.v1`;
          const move = {
            previous_status: fromStatus,
            actor: 'STAFF',
            changed_at: movedAt.toISOString(),
            status: toStatus,
          };
          return anEvent(type as 'order.cancelled.v1', order.id, {
            ...facts,
            ...money,
            ...move,
            items,
            reason: reason as 'STAFF',
          } as never);
        }),
      ];
    });
  for (const some of groupBy(events, ({ type }) => type).values())
    await database.$transaction((tx) => countOrders(tx, some));
  await database.$executeRaw`
    INSERT INTO subscriptions (consumer, event_type, since) VALUES ('analytics-service', 'order.placed.v1', ${history.at}::timestamptz - interval '1 ms')`;
  await database.$executeRaw`
    INSERT INTO processed_events (consumer, event_id, type, subject)
    SELECT 'analytics-service', event_id, type, subject FROM event_log WHERE type = 'order.placed.v1'`;
}

/** Each makes a report say something else than the orders; what it answers is all that the audit may name. */
export function analyticsPlants(audited: () => Audited): Record<string, () => Promise<string[]>> {
  const spoil = async (statement: string) => {
    await countAll(audited());
    await audited().sql(statement);
  };
  const restaurant = () => audited().history.restaurantId;
  return {
    'the smallest unit of money too little in one minute': async () => {
      await spoil(`UPDATE analytics_sales SET amount = amount - 0.01
        WHERE grain = 1 AND restaurant_id <> '${EVERYWHERE}' AND outcome = 'PLACED'`);
      return [`analytics-sales: ${restaurant()}`];
    },
    'an item sold once more than it was': async () => {
      await spoil(`UPDATE analytics_item_sales SET ordered = ordered + 1
        WHERE grain = 15 AND menu_item_id = '${audited().history.items[0]}'`);
      return [`analytics-items: ${restaurant()}`];
    },
    'an order in another bin': async () => {
      await spoil(`UPDATE analytics_lead_times SET bin = bin + 1
        WHERE grain = 1440 AND stage = 'placed_to_delivered' AND restaurant_id <> '${EVERYWHERE}'`);
      return [`analytics-lead-times: ${restaurant()}`, `analytics-lead-times: ${restaurant()}`];
    },
    'an open order that is none': async () => {
      await spoil(
        `INSERT INTO analytics_open_orders SELECT id, '${restaurant()}', 'NOWHERE', 1 FROM analytics_generations`,
      );
      return [`analytics-open-orders: ${restaurant()}`];
    },
    'an order that is something else than is counted': async () => {
      const { delivered } = audited().orders;
      await spoil(`UPDATE orders SET currency = 'EUR' WHERE id = '${delivered}'`);
      return [`analytics-orders: ${delivered}`];
    },
    'a placed order that was never counted': async () => {
      await countAll(audited());
      const id = audited().history.order(cancelledFirst);
      await audited().sql(handledBy(id));
      return [`analytics-orders: ${id}`];
    },
    'a stock alert that was handled and is not kept': async () => {
      await countAll(audited());
      const [item] = await tellAlerts(audited());
      await audited().sql(`DELETE FROM analytics_stock_alerts WHERE kind = 'LOW'`);
      return [`analytics-stock: ${item}`];
    },
    'a stock alert that was never told, and one that was told otherwise': async () => {
      await countAll(audited());
      const [item, other] = await tellAlerts(audited());
      await audited().sql(
        `UPDATE analytics_stock_alerts SET available_qty = available_qty + 1 WHERE kind = 'LOW'`,
        `INSERT INTO analytics_stock_alerts SELECT generation, gen_random_uuid(), event_source, kind, restaurant_id, '${other}', 0, now()
         FROM analytics_stock_alerts WHERE kind = 'OUT'`,
      );
      return [`analytics-stock: ${item}`, `analytics-stock: ${other}`];
    },
    'a rebuild that was interrupted': async () => {
      await spoil(`INSERT INTO analytics_generations (id, state) VALUES (2, 'BUILDING')`);
      return ['analytics-rebuilt: 2'];
    },
  };
}

const { cancelledFirst } = stories;

/** An item that ran low and out, as the history and analytics-service know it. @returns it, and another */
export async function tellAlerts({ db: { database }, history }: Audited): Promise<readonly [string, string]> {
  const [item = '', other = ''] = history.items;
  const facts = {
    menu_item_id: item,
    restaurant_id: history.restaurantId,
    name: 'Dal',
    low_stock_threshold: 5,
  };
  for (const [type, available_qty] of [
    ['inventory.low_stock.v1', 3],
    ['inventory.out_of_stock.v1', 0],
  ] as const) {
    const event = anEvent(type, item, { ...facts, available_qty }, { source: '/inventory-service' });
    const { id: eventId, subject, correlationid: correlationId, time } = event;
    const row = { eventId, type, subject, correlationId, body: event as object, createdAt: time };
    await database.eventLog.create({ data: row });
    await database.processedEvent.create({ data: { consumer: 'analytics-service', eventId, type, subject } });
    await countStockAlerts(database as never, [event]);
  }
  return [item, other];
}

/** As if analytics-service had handled that an order was placed. */
export const handledBy = (
  orderId: string,
) => `INSERT INTO processed_events (consumer, event_id, type, subject)
  SELECT 'analytics-service', event_id, type, subject FROM event_log WHERE subject = '${orderId}' AND type = 'order.placed.v1'`;
