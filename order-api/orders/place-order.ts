import { z } from 'zod';
import { newId } from '../../shared/ids';
import { amountAsNumber } from '../../shared/money';
import { insertIntoOutbox, makeEvents } from '../../shared/outbox/write-outbox';
import { email, id, text } from '../http/fields';
import { route, type Answer, type RouteContext } from '../http/route';
import { CARDS_OR_DATABASE, keepCardToken, refuseCardForNothing } from './card-token';
import { deliveryAddress, isObject, lines, payment, placedAnswer, type Payment } from './fields';
import { beginHistory, withNewOrder, type NewOrder } from './new-order';
import { announcePlaced, placedMessage } from './placed-event';
import { priceLines } from './price-lines';

const body = z
  .strictObject({
    restaurant_id: id,
    items: lines,
    customer_id: text(64).optional().meta({ description: "The caller's own name for the customer; opaque" }),
    email: email.optional(),
    delivery_address: deliveryAddress.optional(),
    payment: payment.optional().meta({ description: 'CASH if absent' }),
    draft: z
      .boolean({ error: 'must be true or false' })
      .optional()
      .meta({ description: 'Keeps it as a DRAFT, to be changed and then approved; nobody is told of it' }),
  })
  .refine(({ draft, payment }) => draft !== true || payment?.method !== 'CARD', {
    path: ['payment'],
    error: 'a draft keeps no payment; send it with POST /orders/{id}/approve',
    when: isObject,
  });

export const placeOrder = route({
  method: 'post',
  path: '/orders',
  summary: 'Place an order, or draft one',
  description:
    'Answers as soon as the order is committed. Whether the stock suffices, and the card is good, is decided a moment later: the order becomes PREPARING, or CANCELLED with the reason OUT_OF_STOCK or PAYMENT_FAILED. Prices are those of the menu.',
  tag: 'Orders',
  body,
  answers: {
    201: { description: 'Kept as a draft', schema: placedAnswer },
    202: { description: 'Placed', schema: placedAnswer },
  },
  problems: { 503: CARDS_OR_DATABASE },
  async handle({ body }, context) {
    const priced = await priceLines(context.database, body.restaurant_id, body.items);
    refuseCardForNothing(body.payment, priced.total);
    const order: NewOrder = {
      ...body,
      ...priced,
      id: newId(),
      status: body.draft ? 'DRAFT' : 'PLACED',
      payment_method: body.payment?.method ?? 'CASH',
      created_at: new Date(),
      origin: context.origin,
    };
    return body.draft ? keepDraft(order, context) : place(order, body.payment, context);
  },
});

async function place(order: NewOrder, payment: Payment | undefined, context: RouteContext): Promise<Answer> {
  const { database, log, origin, cardTokenKey } = context;
  const events = makeEvents('order-api', [announcePlaced(origin, order, order.created_at)]);
  // Order, lines, card token, history and event in one statement: one transaction, one round trip.
  await database.$executeRaw`
    ${withNewOrder(order)}, history AS (${beginHistory(order)}) ${keepCardToken(order.id, payment, cardTokenKey)}
    ${insertIntoOutbox(events)}`;
  log.info(
    { order_id: order.id, event_id: events[0]?.id, total_amount: amountAsNumber(order.total) },
    'order placed',
  );
  return answer(202, order, placedMessage(order.payment_method));
}

/** A draft is nobody's business yet: no event. */
async function keepDraft(order: NewOrder, { database, log }: RouteContext): Promise<Answer> {
  await database.$executeRaw`${withNewOrder(order)} ${beginHistory(order)}`;
  log.info({ order_id: order.id, total_amount: amountAsNumber(order.total) }, 'order drafted');
  return answer(201, order, 'The draft is kept; POST …/approve places it, at the prices of that moment.');
}

const answer = (status: number, order: NewOrder, message: string): Answer => ({
  status,
  headers: { Location: `/api/v1/orders/${order.id}` },
  body: { order_id: order.id, status: order.status, total_amount: amountAsNumber(order.total), message },
});
