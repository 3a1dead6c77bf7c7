import { announce, type Announcement, type Origin } from '../shared/events/announce';
import { amountAsNumber, Decimal } from '../shared/money';
import { writeOutbox } from '../shared/outbox/write-outbox';
import type { Prisma, Tx } from '../shared/service/database';
import type { TraceContext } from '../shared/tracing/trace-context';
import type { Finding } from './ask-gateway';
import type { GatewayPayment } from './gateway/gateway';
import type { PaymentCause } from '../shared/payment/payment-lifecycle';
import { forgetTokens, lockPayments, movePayments, type News, type Payment } from './payments';

type LedgerKind = 'AUTHORIZED' | 'CAPTURED' | 'VOIDED' | 'REFUNDED';

interface Entry {
  kind: LedgerKind;
  amount: Decimal.Value;
  currency: string;
}

/**
 * Records what the gateway has: the payment's move, what is new in the ledger, and the events about it, in
 * the caller's transaction. What was recorded before is neither recorded nor announced again.
 *
 * A finding is about the payment as it was when the gateway was asked. Where it has moved on meanwhile, because
 * somebody else was quicker or the order was cancelled, whoever works on it now asks for himself.
 * @param asked the payment as it was then; for an operator, as it was looked at
 * @param within what the gateway was asked under, where that is traced
 * @returns the payment as it is now, and whether it moved
 */
export async function settlePayment(
  tx: Tx,
  asked: Pick<Payment, 'order_id' | 'state' | 'round'>,
  finding: Finding,
  operator?: News['operator'],
  within?: TraceContext,
): Promise<{ payment: Payment; moved: boolean } | undefined> {
  const orderId = asked.order_id;
  const payment = (await lockPayments(tx, [orderId])).get(orderId);
  if (!payment) return undefined;
  if (payment.state !== asked.state || payment.round !== asked.round) return { payment, moved: false };
  const wasAuthorizing = payment.state === 'AUTHORIZING';
  const moved = (await movePayments(tx, [{ payment, ...finding, operator }])).length > 0;
  if (moved && wasAuthorizing) await forgetTokens(tx, [orderId]);
  const kind = SETTLED[finding.cause];
  const entries = operator ? await settledEntries(tx, payment, kind) : entriesOf(finding.found);
  const isNew = await record(tx, payment, entries);
  const believed: readonly Entry[] = SILENT.has(finding.cause)
    ? []
    : // What was recorded when it went into review is announced when an operator believes it.
      operator && isNew.length === 0
      ? entries
      : isNew;
  const announcements = [
    ...believed.map((entry) => announceEntry(payment, entry, within)),
    ...(moved && finding.cause === 'declined' ? [announceFailure(payment, finding, within)] : []),
  ];
  await writeOutbox(tx, 'payment-service', announcements);
  return { payment, moved };
}

/** With these nothing is to follow from what the gateway has: it is entered and not announced. */
const SILENT: ReadonlySet<PaymentCause> = new Set(['mismatch', 'declined']);

/** What there is of money in a payment at the gateway; a refund counts when it is whole. */
function entriesOf(found: GatewayPayment | undefined): Entry[] {
  if (!found) return [];
  const { status, currency, authorized, captured, refunded } = found;
  const entries: Entry[] = [
    { kind: 'AUTHORIZED', amount: authorized, currency },
    { kind: 'CAPTURED', amount: captured, currency },
    { kind: 'VOIDED', amount: status === 'voided' ? authorized : 0, currency },
    { kind: 'REFUNDED', amount: new Decimal(refunded).eq(captured) ? refunded : 0, currency },
  ];
  return entries.filter(({ amount }) => new Decimal(amount).gt(0));
}

const SETTLED: Partial<Record<PaymentCause, LedgerKind>> = {
  authorized: 'AUTHORIZED',
  captured: 'CAPTURED',
  voided: 'VOIDED',
  refunded: 'REFUNDED',
};

/** What an entry goes back to: no more is captured than was held, or returned than was taken. */
const OF: Partial<Record<LedgerKind, LedgerKind>> = {
  CAPTURED: 'AUTHORIZED',
  VOIDED: 'AUTHORIZED',
  REFUNDED: 'CAPTURED',
};

/** An operator speaks for the whole: of what is recorded already, of what it goes back to, or of the payment. */
async function settledEntries(tx: Tx, payment: Payment, kind: LedgerKind | undefined): Promise<Entry[]> {
  if (!kind) return [];
  const ledger = await tx.$queryRaw<{ kind: LedgerKind; amount: Prisma.Decimal; currency: string }[]>`
    SELECT kind, amount, currency FROM payment_ledger WHERE payment_id = ${payment.id}::uuid`;
  const find = (wanted: LedgerKind | undefined) => ledger.find((entry) => entry.kind === wanted);
  const { amount, currency } = find(kind) ?? find(OF[kind]) ?? payment;
  return [{ kind, amount, currency }];
}

/** @returns those that the ledger did not have */
async function record(tx: Tx, payment: Payment, entries: readonly Entry[]): Promise<Entry[]> {
  if (entries.length === 0) return [];
  const rows = entries.map((entry) => ({ ...entry, amount: new Decimal(entry.amount).toFixed(2) }));
  const isNew = await tx.$queryRaw<{ kind: LedgerKind; amount: Prisma.Decimal; currency: string }[]>`
    INSERT INTO payment_ledger (payment_id, order_id, kind, amount, currency, gateway_reference)
    SELECT ${payment.id}::uuid, ${payment.order_id}::uuid, kind, amount, currency, ${payment.gateway_reference}
    FROM json_to_recordset(${JSON.stringify(rows)}::json) AS e (kind text, amount numeric, currency text)
    ON CONFLICT (payment_id, kind) DO NOTHING
    RETURNING kind, amount, currency`;
  return entries.flatMap(({ kind }) => isNew.filter((entry) => entry.kind === kind));
}

const originOf = (payment: Payment, within: TraceContext | undefined): Origin => ({
  correlationid: payment.correlation_id,
  causationid: payment.caused_by ?? undefined,
  traceparent: payment.traceparent ?? undefined,
  tracestate: payment.tracestate ?? undefined,
  within,
});

const factsOf = (payment: Payment, { amount, currency }: Pick<Entry, 'amount' | 'currency'>) => ({
  payment_id: payment.id,
  order_id: payment.order_id,
  restaurant_id: payment.restaurant_id,
  customer_id: payment.customer_id,
  amount: amountAsNumber(amount),
  currency,
  gateway: payment.gateway ?? 'none',
  gateway_reference: payment.gateway_reference,
});

function announceEntry(payment: Payment, entry: Entry, within: TraceContext | undefined): Announcement {
  const facts = factsOf(payment, entry);
  const [origin, now] = [originOf(payment, within), new Date().toISOString()];
  switch (entry.kind) {
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

const announceFailure = (
  payment: Payment,
  { declineCode }: Finding,
  within: TraceContext | undefined,
): Announcement =>
  announce(originOf(payment, within), 'payment.failed.v1', payment.order_id, {
    ...factsOf(payment, payment),
    decline_code: declineCode ?? 'declined',
    failed_at: new Date().toISOString(),
  });
