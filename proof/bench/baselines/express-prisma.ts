import { newId } from '../../../shared/ids';
import { openDatabase } from '../../../shared/service/database';
import { log, serve } from './serve';

// Placing an order as most people write it: the same validation, then one interactive transaction that looks
// the menu up, creates the order with its lines, and writes the event. The same client, adapter, pool and
// logging as order-api, and nothing done slower than Prisma does it. (It keeps no status history, does not
// notice an unknown item, and checks no event against its schema: all of that is to its advantage.)

const database = openDatabase({
  url: process.env.DATABASE_URL ?? '',
  poolSize: Number(process.env.DATABASE_POOL_SIZE ?? 10),
  applicationName: 'bench baseline',
  onIdleError: (error) => log.warn(error),
});

serve(({ restaurant_id, customer_id, items }) =>
  database.$transaction(async (tx) => {
    const ids = items.map((item) => item.menu_item_id ?? '');
    const menu = await tx.menuItem.findMany({ where: { restaurantId: restaurant_id, id: { in: ids } } });
    const lines = items.map(({ menu_item_id, quantity }, position) => {
      const { id, sku, name, price } = menu.find((item) => item.id === menu_item_id)!;
      return { menuItemId: id, sku, name, price, quantity, position };
    });
    const total = lines.reduce((sum, line) => sum + Number(line.price) * line.quantity, 0).toFixed(2);
    const placedAt = new Date();
    const order = await tx.order.create({
      data: {
        id: newId(),
        restaurantId: restaurant_id,
        customerId: customer_id,
        status: 'PLACED',
        currency: 'INR',
        totalAmount: total,
        correlationId: newId(),
        placedAt,
        lines: { createMany: { data: lines } },
      },
    });
    const eventId = newId();
    await tx.outboxEvent.create({
      data: {
        eventId,
        type: 'order.placed.v1',
        subject: order.id,
        correlationId: order.correlationId,
        body: {
          specversion: '1.0',
          id: eventId,
          source: '/order-api',
          type: 'order.placed.v1',
          subject: order.id,
          time: placedAt.toISOString(),
          datacontenttype: 'application/json',
          correlationid: order.correlationId,
          data: {
            order_id: order.id,
            restaurant_id,
            customer_id,
            items: lines.map((line) => ({ ...line, price: line.price.toFixed(2) })),
            total_amount: Number(total),
            currency: 'INR',
            payment_method: 'CASH',
            placed_at: placedAt.toISOString(),
          },
        },
      },
    });
    return { id: order.id, total };
  }),
);
