import { z } from 'zod';
import { announce } from '../../shared/events/announce';
import { newId } from '../../shared/ids';
import { amountAsNumber, formatPrice } from '../../shared/money';
import { insertIntoOutbox, makeEvents } from '../../shared/outbox/write-outbox';
import { email, id, text } from '../http/fields';
import { route } from '../http/route';
import { deliveryAddress, lines, placedAnswer } from './fields';
import { priceLines } from './price-lines';

const body = z.strictObject({
  restaurant_id: id,
  items: lines,
  customer_id: text(64).optional().meta({ description: "The caller's own name for the customer; opaque" }),
  email: email.optional(),
  delivery_address: deliveryAddress.optional(),
});

export const placeOrder = route({
  method: 'post',
  path: '/orders',
  summary: 'Place an order',
  description:
    'Answers as soon as the order is committed. Whether the stock suffices is decided a moment later: the order becomes PREPARING, or CANCELLED with the reason OUT_OF_STOCK. Prices are those of the menu.',
  tag: 'Orders',
  body,
  answers: { 202: { description: 'Placed', schema: placedAnswer } },
  async handle({ body }, { database, log, origin }) {
    const { currency, lines, total } = await priceLines(database, body.restaurant_id, body.items);
    const orderId = newId();
    const placedAt = new Date();
    const events = makeEvents('order-api', [
      announce(origin, 'order.placed.v1', orderId, {
        order_id: orderId,
        restaurant_id: body.restaurant_id,
        customer_id: body.customer_id,
        items: lines.map((line) => ({ ...line, price: formatPrice(line.price) })),
        total_amount: amountAsNumber(total),
        currency,
        payment_method: 'CASH',
        placed_at: placedAt.toISOString(),
      }),
    ]);
    const lineRows = lines.map((line, position) => ({ ...line, position, price: formatPrice(line.price) }));
    const address = body.delivery_address === undefined ? null : JSON.stringify(body.delivery_address);
    // Order, lines, history and event in one statement: one transaction, one round trip.
    await database.$executeRaw`
      WITH placed AS (
        INSERT INTO orders (id, restaurant_id, customer_id, email, delivery_address, status, currency, total_amount,
          payment_method, correlation_id, created_at, placed_at, updated_at)
        VALUES (${orderId}::uuid, ${body.restaurant_id}::uuid, ${body.customer_id}, ${body.email}, ${address}::jsonb, 'PLACED',
          ${currency}, ${total.toFixed(2)}::numeric, 'CASH', ${origin.correlationid}, ${placedAt}::timestamptz,
          ${placedAt}::timestamptz, ${placedAt}::timestamptz)
      ), lines AS (
        INSERT INTO order_lines (order_id, menu_item_id, position, sku, name, price, quantity)
        SELECT ${orderId}::uuid, menu_item_id, position, sku, name, price, quantity
        FROM json_to_recordset(${JSON.stringify(lineRows)}::json)
          AS l (menu_item_id uuid, position int, sku text, name text, price numeric, quantity int)
      ), history AS (
        INSERT INTO order_status_history (order_id, to_status, actor, moved_at)
        VALUES (${orderId}::uuid, 'PLACED', 'CUSTOMER', ${placedAt}::timestamptz)
      )
      ${insertIntoOutbox(events)}`;
    log.info(
      { order_id: orderId, event_id: events[0]?.id, total_amount: amountAsNumber(total) },
      'order placed',
    );
    return {
      status: 202,
      headers: { Location: `/api/v1/orders/${orderId}` },
      body: {
        order_id: orderId,
        status: 'PLACED',
        total_amount: amountAsNumber(total),
        message: 'The order is placed; its stock is being reserved.',
      },
    };
  },
});
