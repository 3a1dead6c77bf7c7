import { z } from 'zod';
import { moveOrders } from '../../shared/lifecycle/move-orders';
import type { OrderStatus } from '../../shared/lifecycle/order-lifecycle';
import { amountAsNumber, type Decimal } from '../../shared/money';
import { writeOutbox } from '../../shared/outbox/write-outbox';
import type { ModelTx } from '../../shared/service/database';
import { id } from '../http/fields';
import { exampleIds } from '../http/live-examples';
import { preferenceApplied } from '../http/prefer';
import { route, type RouteContext } from '../http/route';
import { insertCards, NO_CARDS, refuseCardForNothing, sealCard } from './card-token';
import { lockOrder, notADraft, type LockedOrder } from './drafts';
import { approvedAnswer, expectedTotal, payment, type Payment } from './fields';
import { lineRows, rowsOf } from './new-order';
import { announcePlaced, placedMessage } from './placed-event';
import { visibleShortages } from './visible-shortages';
import { priceAgain, refuseOtherTotal } from './price-lines';
import { waitForDecision } from './wait-for-decision';

interface Approval {
  status: OrderStatus;
  version: number;
  method: string;
  total: Decimal;
  /** Of the event, where it was this approval that placed the order. */
  eventId?: string;
}

export const approveOrder = route({
  method: 'post',
  path: '/orders/{id}/approve',
  name: 'approveOrder',
  example: { params: { id: exampleIds.draftToApprove }, body: { payment: { method: 'CASH' } } },
  summary: 'Place a draft',
  description:
    'At the names and prices of the menu as it is now. Approving it again changes nothing and answers where the order stands.',
  tag: 'Orders',
  params: z.object({ id }),
  concerns: { order: 'id' },
  body: z.strictObject({
    payment: payment.optional().meta({ description: 'Default: CASH' }),
    expected_total: expectedTotal.optional(),
  }),
  bodyOptional: true,
  versioned: true,
  prefers: true,
  afterwards: waitForDecision,
  answers: {
    200: {
      description: 'Decided, with `Prefer: wait`: where it stands',
      schema: approvedAnswer,
      example: { status: 'PREPARING', version: 3, message: 'The order is PREPARING.' },
    },
    202: {
      description: 'Placed, now or earlier',
      schema: approvedAnswer,
      example: { status: 'PLACED', message: placedMessage('CASH') },
    },
  },
  problems: {
    'not-a-draft': 'It is no draft',
    'not-orderable': '`items` lists what cannot be ordered any more',
    'price-changed': 'It comes to another sum than `expected_total`',
    'restaurant-closed': 'The restaurant takes no orders',
    'out-of-stock': 'With `Prefer: handling=strict`: there is too little in stock',
    ...NO_CARDS,
  },
  async handle({ params, body }, context) {
    const { status, version, total, method, eventId } = await context.database.$transaction(async (tx) => {
      const order = await lockOrder(tx, params.id);
      context.preconditions.check(order.version);
      return order.status === 'DRAFT' ? approve(tx, order, body, context) : approvedBefore(tx, order);
    });
    if (eventId)
      context.log.info(
        { order_id: params.id, event_id: eventId, total_amount: amountAsNumber(total) },
        'draft approved',
      );
    return {
      status: 202,
      headers: {
        Location: `/api/v1/orders/${params.id}`,
        ...preferenceApplied(eventId && context.preferences.isStrict ? 'handling=strict' : undefined),
      },
      version,
      body: {
        order_id: params.id,
        status,
        version,
        total_amount: amountAsNumber(total),
        message: eventId
          ? placedMessage(method)
          : `The order was approved before, to be paid by ${method}, and is ${status}; nothing was done.`,
        payment_method: method,
      },
    };
  },
});

async function approve(
  tx: ModelTx,
  order: LockedOrder,
  { payment, expected_total }: { payment?: Payment | undefined; expected_total?: Decimal | undefined },
  { caller, origin, cardTokenKey, backlog, preferences }: RouteContext,
): Promise<Approval> {
  backlog.refuseWhenFull();
  const priced = await priceAgain(tx, order.id);
  const [short] = preferences.isStrict ? await visibleShortages(tx, [priced.lines]) : [];
  if (short) throw short;
  refuseOtherTotal(expected_total, priced);
  refuseCardForNothing(payment, priced.total);
  const method = payment?.method ?? 'CASH';
  const cards = sealCard(order.id, payment, cardTokenKey);
  const placedAt = new Date();
  await tx.$executeRaw`
    WITH lines AS (
      UPDATE order_lines SET sku = l.sku, name = l.name, price = l.price FROM ${lineRows(rowsOf(priced.lines, order.id))}
      WHERE order_lines.order_id = l.order_id AND order_lines.menu_item_id = l.menu_item_id
    ), cards AS (${insertCards(cards)})
    UPDATE orders SET currency = ${priced.currency}, total_amount = ${priced.total.toFixed(2)}::numeric,
      payment_method = ${method}, correlation_id = ${origin.correlationid}
    WHERE id = ${order.id}::uuid`;
  const asked = { orderId: order.id, actor: 'CUSTOMER', by: caller.id, origin } as const;
  const move = { ...asked, to: 'PLACED', onlyFrom: 'DRAFT' } as const;
  const [outcome] = await moveOrders(tx, [move], { movedAt: placedAt });
  if (outcome?.kind !== 'moved') throw new Error(`draft ${order.id} changed under its lock`);
  const { version } = outcome;
  const placed = { ...order, ...priced, version, payment_method: method };
  const [event] = await writeOutbox(tx, 'order-api', [announcePlaced(origin, placed, placedAt)]);
  return { status: 'PLACED', version, method, total: priced.total, eventId: event?.id };
}

/**
 * Where an order stands that somebody else has approved. Asked after the lock, in a statement of its own: one
 * that waited for the lock would still see the history as it was when it began.
 */
async function approvedBefore(tx: ModelTx, order: LockedOrder): Promise<Approval> {
  const approvals = await tx.orderStatusHistory.count({
    where: { orderId: order.id, fromStatus: 'DRAFT', toStatus: 'PLACED' },
  });
  if (approvals === 0) throw notADraft(order.status, 'only a DRAFT can be approved');
  return {
    status: order.status,
    version: order.version,
    method: order.payment_method,
    total: order.total_amount,
  };
}
