import { announce, type Announcement, type Origin } from '../shared/events/announce';
import { amountAsNumber, Decimal } from '../shared/money';
import { writeOutbox } from '../shared/outbox/write-outbox';
import type { Prisma, Tx } from '../shared/service/database';
import type { Finding } from './ask-gateway';
import type { GatewayPayment } from './gateway/gateway';
import type { PaymentCause } from './payment-lifecycle';
import { forgetTokens, lockPayments, movePayments, type News, type Payment } from './payments';

type LedgerKind = 'AUTHORIZED' | 'CAPTURED' | 'VOIDED' | 'REFUNDED';

interface Entry {
  kind: LedgerKind;
  amount: Decimal.Value;
}

/**
 * Records what the gateway has: the payment's move, what is new in the ledger, and the events about it, in
 * the caller's transaction. What was recorded before is neither recorded nor announced again.
 * @returns the payment as it is now, and whether it moved
 */
export async function settlePayment(
  tx: Tx,
  orderId: string,
  finding: Finding,
  operator?: News['operator'],
): Promise<{ payment: Payment; moved: boolean } | undefined> {
  const payment = (await lockPayments(tx, [orderId])).get(orderId);
  if (!payment) return undefined;
  const wasAuthorizing = payment.state === 'AUTHORIZING';
  const moved = (await movePayments(tx, [{ payment, ...finding, operator }])).length > 0;
  if (moved && wasAuthorizing) await forgetTokens(tx, [orderId]);
  const found = finding.found ? entriesOf(finding.found) : [];
  const isNew = await record(tx, payment, operator ? settledEntries(payment, finding.cause) : found);
  const announcements = [
    ...(finding.cause === 'mismatch' ? [] : isNew.map((entry) => announceEntry(payment, entry))),
    ...(moved && finding.cause === 'declined' ? [announceFailure(payment, finding)] : []),
    // Recorded when it went into review, and only now believed.
    ...(operator && finding.cause === 'authorized' && isNew.length === 0
      ? [announceEntry(payment, { kind: 'AUTHORIZED', amount: payment.amount })]
      : []),
  ];
  await writeOutbox(tx, 'payment-service', announcements);
  return { payment, moved };
}

/** What there is of money in a payment at the gateway. */
function entriesOf({ status, authorized, captured, refunded }: GatewayPayment): Entry[] {
  const entries: Entry[] = [
    { kind: 'AUTHORIZED', amount: authorized },
    { kind: 'CAPTURED', amount: captured },
    { kind: 'VOIDED', amount: status === 'voided' ? authorized : 0 },
    { kind: 'REFUNDED', amount: refunded },
  ];
  return entries.filter(({ amount }) => new Decimal(amount).gt(0));
}

const SETTLED: Partial<Record<PaymentCause, LedgerKind>> = {
  authorized: 'AUTHORIZED',
  captured: 'CAPTURED',
  voided: 'VOIDED',
  refunded: 'REFUNDED',
};

/** An operator speaks for the whole amount. */
function settledEntries(payment: Payment, cause: PaymentCause): Entry[] {
  const kind = SETTLED[cause];
  return kind ? [{ kind, amount: payment.amount }] : [];
}

/** @returns those that the ledger did not have */
async function record(tx: Tx, payment: Payment, entries: readonly Entry[]): Promise<Entry[]> {
  if (entries.length === 0) return [];
  const rows = entries.map(({ kind, amount }) => ({ kind, amount: new Decimal(amount).toFixed(2) }));
  const isNew = await tx.$queryRaw<{ kind: LedgerKind; amount: Prisma.Decimal }[]>`
    INSERT INTO payment_ledger (payment_id, order_id, kind, amount, currency, gateway_reference)
    SELECT ${payment.id}::uuid, ${payment.order_id}::uuid, kind, amount, ${payment.currency}, ${payment.gateway_reference}
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS e (kind text, amount numeric)
    ON CONFLICT (payment_id, kind) DO NOTHING
    RETURNING kind, amount`;
  return entries.flatMap(({ kind }) => isNew.filter((entry) => entry.kind === kind));
}

const originOf = (payment: Payment): Origin => ({
  correlationid: payment.correlation_id,
  causationid: payment.caused_by ?? undefined,
  traceparent: payment.traceparent ?? undefined,
});

const factsOf = (payment: Payment, amount: Decimal.Value) => ({
  payment_id: payment.id,
  order_id: payment.order_id,
  restaurant_id: payment.restaurant_id,
  customer_id: payment.customer_id,
  amount: amountAsNumber(amount),
  currency: payment.currency,
  gateway: payment.gateway ?? 'none',
  gateway_reference: payment.gateway_reference,
});

function announceEntry(payment: Payment, { kind, amount }: Entry): Announcement {
  const facts = factsOf(payment, amount);
  const [origin, now] = [originOf(payment), new Date().toISOString()];
  switch (kind) {
    case 'AUTHORIZED':
      return announce(origin, 'payment.authorized.v1', payment.order_id, { ...facts, authorized_at: now });
    case 'CAPTURED':
      return announce(origin, 'payment.completed.v1', payment.order_id, { ...facts, captured_at: now });
    case 'VOIDED':
      return announce(origin, 'payment.voided.v1', payment.order_id, { ...facts, voided_at: now });
    case 'REFUNDED':
      return announce(origin, 'payment.refunded.v1', payment.order_id, { ...facts, refunded_at: now });
  }
}

const announceFailure = (payment: Payment, { declineCode }: Finding): Announcement =>
  announce(originOf(payment), 'payment.failed.v1', payment.order_id, {
    ...factsOf(payment, payment.amount),
    decline_code: declineCode ?? 'declined',
    failed_at: new Date().toISOString(),
  });
