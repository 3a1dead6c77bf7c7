import { groupBy } from '../../shared/group-by';
import { Decimal } from '../../shared/money';
import type { World } from './world';

const EVENTS: Record<string, string> = {
  AUTHORIZED: 'payment.authorized.v1',
  CAPTURED: 'payment.completed.v1',
  VOIDED: 'payment.voided.v1',
  REFUNDED: 'payment.refunded.v1',
};

/** @returns what is wrong with the money once everything has come to its end */
export async function paymentViolations({
  database,
  orders: orderIds,
  published,
  gateway,
}: World): Promise<string[]> {
  const own = { where: { orderId: { in: orderIds } } };
  const [orders, payments, ledger, moves, tokens] = await Promise.all([
    database.order.findMany({ where: { id: { in: orderIds } } }),
    database.payment.findMany(own),
    database.paymentLedger.findMany(own),
    database.paymentMove.findMany({ ...own, orderBy: { id: 'asc' } }),
    database.cardToken.findMany(own),
  ]);
  const found: string[] = tokens.map(({ orderId }) => `the card token of order ${orderId} is still there`);
  const held = groupBy(gateway.payments, (one) => one.orderId);

  for (const order of orders) {
    const payment = payments.find((one) => one.orderId === order.id);
    const name = `order ${String.fromCharCode(65 + orderIds.indexOf(order.id))} (${order.status}, payment ${payment?.state})`;
    const there = held.get(order.id) ?? [];
    if (order.paymentMethod === 'CASH') {
      if (payment && payment.state !== 'CANCELLED') found.push(`${name} pays cash`);
      if (there.length > 0) found.push(`${name} pays cash and is at the gateway`);
      continue;
    }
    const once = there.every(({ done }) => Object.values(done).every((times) => times <= 1));
    const withMoney = there.filter(({ done }) => done.authorized > 0);
    if (!once || withMoney.length > 1)
      found.push(`${name} was paid more than once: ${JSON.stringify(there)}`);
    const [gone] = [withMoney[0] ?? there[0]];
    const review = payment?.state === 'REVIEW';
    const status = gone?.status ?? 'open';
    if (order.status === 'CANCELLED' && ['authorized', 'captured'].includes(status) && !review)
      found.push(`${name} is ${status} at the gateway`);
    if (['PREPARING', 'OUT_FOR_DELIVERY', 'DELIVERED'].includes(order.status)) {
      if (!gone || !order.totalAmount.eq(gone.authorized)) found.push(`${name} is not authorised`);
      if (gone && !review && !order.totalAmount.eq(gone.captured)) found.push(`${name} is not captured`);
    }
    const entries = ledger.filter((one) => one.orderId === order.id);
    const entered = (kind: string) => entries.find((one) => one.kind === kind)?.amount ?? new Decimal(0);
    for (const [kind, amount] of [
      ['AUTHORIZED', gone?.authorized ?? 0],
      ['CAPTURED', gone?.captured ?? 0],
      ['VOIDED', status === 'voided' ? (gone?.authorized ?? 0) : 0],
      ['REFUNDED', gone?.refunded ?? 0],
    ] as const)
      if (!new Decimal(amount).eq(entered(kind).toString()))
        found.push(
          `${name} has ${amount} ${kind} at the gateway and ${entered(kind).toString()} in the ledger`,
        );
    const announced = (type: string) =>
      new Set(published.filter((one) => one.type === type && one.subject === order.id).map(({ id }) => id))
        .size;
    for (const [kind, type] of Object.entries(EVENTS)) {
      const due = entries.filter((one) => one.kind === kind).length;
      if (announced(type) !== due)
        found.push(`${name} has ${announced(type)} × ${type}, and ${due} entries for it`);
    }
    const declined = moves.filter((one) => one.orderId === order.id && one.cause === 'declined').length;
    if (announced('payment.failed.v1') !== declined)
      found.push(`${name} has ${declined} declines and ${announced('payment.failed.v1')} events`);
    const last = moves.filter((one) => one.orderId === order.id).at(-1)?.toState;
    if (last !== payment?.state) found.push(`${name} has moves that end in ${last}`);
  }
  return found;
}
