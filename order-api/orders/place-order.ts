import { z } from 'zod';
import { amountAsNumber } from '../../shared/money';
import { customerFor } from '../access/own';
import { email, id, lines as manyLines, text } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { preferenceApplied } from '../http/prefer';
import { withHeaders, type Answer } from '../http/answer';
import { route } from '../http/route';
import { keptAnswers, whileInUse } from '../idempotency/kept-answers';
import { NO_CARDS } from './card-token';
import {
  deliveryAddress,
  expectedTotal,
  isObject,
  lines,
  metadata,
  payment,
  placedAnswer,
  reference,
} from './fields';
import type { NewOrder } from './new-order';
import { placedMessage } from './placed-event';
import { waitForDecision } from './wait-for-decision';

const body = z
  .strictObject({
    restaurant_id: id,
    items: lines,
    customer_id: text(64).optional().meta({
      description:
        "The caller's own name for the customer; opaque. A customer may leave it out, and name no other",
    }),
    email: email.optional(),
    delivery_address: deliveryAddress.optional(),
    reference: reference
      .optional()
      .meta({ description: "The caller's own number for it; it need not be unique" }),
    note: manyLines(500).optional().meta({ description: 'For the kitchen' }),
    metadata: metadata.optional().meta({ description: "The caller's own; shown, never interpreted" }),
    expected_total: expectedTotal.optional(),
    payment: payment.optional().meta({ description: 'Default: CASH' }),
    draft: z
      .boolean({ error: 'must be true or false' })
      .optional()
      .meta({ description: 'Creates a DRAFT, which can be changed and then approved; it is not announced' }),
  })
  .refine(({ draft, payment }) => draft !== true || payment?.method !== 'CARD', {
    path: ['payment'],
    error: 'a draft keeps no payment; send it with POST /orders/{id}/approve',
    when: isObject,
  });

const DRAFTED = 'The draft is kept; POST …/approve places it, at the prices of that moment.';

export const placeOrder = route({
  method: 'post',
  path: '/orders',
  name: 'placeOrder',
  example: {
    body: {
      restaurant_id: exampleIds.restaurant,
      items: [{ menu_item_id: exampleIds.item, quantity: 2 }],
      customer_id: 'customer-1',
      email: 'asha@example.com',
      delivery_address: '12 MG Road, Bengaluru',
      payment: { method: 'CASH' },
    },
  },
  summary: 'Place an order or create a draft',
  description:
    'Answers as soon as the order is committed. Whether the stock suffices, and the card is good, is decided a moment later: the order becomes PREPARING, or CANCELLED with the reason OUT_OF_STOCK or PAYMENT_FAILED. Prices are those of the menu.',
  tag: 'Orders',
  body,
  concerns: 'caller',
  prefers: true,
  afterwards: waitForDecision,
  answers: {
    200: {
      description: 'Decided, with `Prefer: wait`: where it stands',
      schema: placedAnswer,
      example: { status: 'PREPARING', version: 2, message: 'The order is PREPARING.' },
    },
    201: {
      description: 'Kept as a draft',
      schema: placedAnswer,
      example: { status: 'DRAFT', version: 1, message: DRAFTED },
    },
    202: {
      description: 'Placed',
      schema: placedAnswer,
      example: { status: 'PLACED', version: 1, message: placedMessage('CASH') },
    },
  },
  problems: {
    'price-changed': 'It comes to another sum than `expected_total`',
    'restaurant-closed': 'The restaurant takes no orders',
    'out-of-stock': 'With `Prefer: handling=strict`: there is too little in stock',
    ...NO_CARDS,
  },
  commitsKey: true,
  async handle({ body }, { caller, database, intake, backlog, key, preferences, log, origin }) {
    const customer_id = customerFor(caller, body.customer_id, { pointer: '#/customer_id' });
    if (!body.draft) {
      // An order that was placed before is no other one, however many wait by now.
      const before = backlog.isFull() && key ? (await keptAnswers(database, [key]))(key) : undefined;
      if (before instanceof Error) throw before;
      if (before) return before;
      backlog.refuseWhenFull();
    }
    const isStrict = preferences.isStrict && !body.draft;
    const applied = preferenceApplied(isStrict ? 'handling=strict' : undefined);
    const keyed = key && { key, answerFor };
    const taken = await whileInUse(() =>
      intake({ ...body, customer_id, origin, by: caller.id, isStrict, keyed }),
    );
    if ('before' in taken) return taken.before;
    const { order, event } = taken;
    const total_amount = amountAsNumber(order.total);
    if (event) log.info({ order_id: order.id, event_id: event.id, total_amount }, 'order placed');
    else log.info({ order_id: order.id, total_amount }, 'order drafted');
    return withHeaders(answerFor(order), applied);
  },
});

const answerFor = (order: NewOrder): Answer => ({
  status: order.status === 'DRAFT' ? 201 : 202,
  headers: { Location: `/api/v1/orders/${order.id}` },
  version: order.version,
  body: {
    order_id: order.id,
    status: order.status,
    total_amount: amountAsNumber(order.total),
    message: messageAbout(order),
    version: order.version,
  },
});

const messageAbout = ({ status, payment_method }: NewOrder) =>
  status === 'DRAFT' ? DRAFTED : placedMessage(payment_method);
