import { causedBy } from '../shared/events/announce';
import { known } from '../shared/events/growing';
import type { Handler, HandlerTable } from '../shared/messaging/handler';
import { beginPayments } from './begin-payment';
import { forgetTokens, lockPayments, movePayments } from './payments';

/** An order is placed: where a card pays for it, the intent to have it authorised is recorded. */
const requestAuthorization: Handler<'order.placed.v1'> = async (tx, events) => {
  const byCard = events.filter((event) => known(event.data, 'payment_method') === 'CARD');
  await beginPayments(tx, 'AUTHORIZING', byCard);
  return [];
};

/** An order is being prepared: its card is to be charged. */
const requestCapture: Handler<'order.status.preparing.v1'> = async (tx, events) => {
  const byCard = events.filter((event) => known(event.data, 'payment_method') !== 'CASH');
  if (byCard.length === 0) return [];
  const payments = await lockPayments(
    tx,
    byCard.map((event) => event.data.order_id),
  );
  const news = byCard.flatMap((event) => {
    const payment = payments.get(event.data.order_id);
    // Orders from before there were payments say no method, and none is owed.
    if (!payment && event.data.payment_method === undefined) return [];
    // Out of turn: the ladder of retries gives the authorisation time to come.
    if (!payment || payment.state === 'AUTHORIZING')
      throw new Error(`no authorisation is known for order ${event.data.order_id}`);
    return [{ payment, cause: 'order_preparing', origin: causedBy(event) } as const];
  });
  await movePayments(tx, news);
  return [];
};

/** An order is cancelled: what is held or taken for it goes back, and what was not asked yet never will be. */
const undoPayment: Handler<'order.cancelled.v1'> = async (tx, events) => {
  const byCard = events.filter((event) => known(event.data, 'payment_method') !== 'CASH');
  if (byCard.length === 0) return [];
  await beginPayments(tx, 'CANCELLED', byCard);
  const orderIds = byCard.map((event) => event.data.order_id);
  const payments = await lockPayments(tx, orderIds);
  const news = byCard.flatMap((event) => {
    const payment = payments.get(event.data.order_id);
    return payment ? [{ payment, cause: 'order_cancelled', origin: causedBy(event) } as const] : [];
  });
  await movePayments(tx, news);
  await forgetTokens(tx, orderIds);
  return [];
};

/** What payment-service handles: the routing, the bindings and the documentation. */
export const handlers = {
  'order.placed.v1': requestAuthorization,
  'order.status.preparing.v1': requestCapture,
  'order.cancelled.v1': undoPayment,
} satisfies HandlerTable;
