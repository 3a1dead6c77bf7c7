import { groupBy } from '../../shared/group-by';
import { Decimal } from '../../shared/money';
import { Prisma } from '../../shared/service/database';
import { inRange, type Finding, type Range } from './check';
import { rangesOf } from './ranges';
import type { Snapshot } from './snapshot';
import { moneyOf } from './payment-standing';

/** A payment as the gateway's books have it: amounts with two decimals, and how often each thing was done. */
export interface BookedPayment {
  id: string;
  order_id: string;
  status: string;
  currency: string;
  authorized_amount: string;
  captured_amount: string;
  refunded_amount: string;
  authorizations: number;
  captures: number;
  refunds: number;
}

/** A gateway's books, as far as they can be walked by order. */
export interface GatewayBooks {
  /** Which of the gateways that payments are made at. */
  name: string;
  /**
   * Payments of the orders above `after`, up to `upTo`, by order id, all those of one order together.
   * @returns also the order id to go on after, where there are more
   * @throws {UnreadableBooksError}
   */
  page(range: Range): Promise<{ payments: BookedPayment[]; next?: string | null }>;
}

/** The gateway's books could not be read, so nothing is known of what they say. */
export class UnreadableBooksError extends Error {
  override name = 'UnreadableBooksError';
}

/** A payment as we have it, with its ledger. */
interface OwnPayment {
  order_id: string;
  state: string;
  working: boolean;
  gateway_reference: string | null;
  /** Who had the last word on it, where a person settled it. */
  settled_by: string | null;
  currency: string;
  authorized: string;
  captured: string;
  voided: string;
  refunded: string;
}

const PAGE = 1_000;

export interface Comparison {
  judged: number;
  underWay: number;
  findings: Finding[];
}

/**
 * Compares the gateway's books with ours, order by order. Ours are read before and after the gateway's: a payment
 * changes there only while it is being worked on here, so what is the same both times, and at rest, has to agree.
 * @throws {UnreadableBooksError}
 */
export async function compareBooks(
  snapshot: Snapshot,
  books: GatewayBooks,
  after: string,
  onJudged: (judged: number) => void = () => undefined,
): Promise<Comparison> {
  const all: Comparison = { judged: 0, underWay: 0, findings: [] };
  for await (const range of rangesOf(snapshot, { table: 'payments', column: 'order_id' }, PAGE, after)) {
    for (let from = range.after; from !== range.upTo;) {
      const before = await ownPayments(snapshot, books, { after: from, upTo: range.upTo });
      const { payments, next } = await books.page({ after: from, upTo: range.upTo });
      const upTo = next ?? range.upTo;
      const own = await ownPayments(snapshot, books, { after: from, upTo });
      compare(
        before,
        own,
        groupBy(payments, (payment) => payment.order_id),
        all,
      );
      onJudged(all.judged);
      from = upTo;
    }
  }
  return all;
}

async function ownPayments(
  snapshot: Snapshot,
  { name }: GatewayBooks,
  range: Range,
): Promise<Map<string, OwnPayment>> {
  await snapshot.renew(0);
  const rows = await snapshot.query<OwnPayment>(Prisma.sql`
    SELECT p.order_id::text, p.state, p.next_attempt_at IS NOT NULL AS working, p.gateway_reference, p.currency,
      (SELECT max(m.operator) FROM payment_moves m WHERE m.order_id = p.order_id AND m.cause <> 'tried_again') AS settled_by,
      coalesce(l.authorized, 0)::numeric(16, 2)::text AS authorized, coalesce(l.captured, 0)::numeric(16, 2)::text AS captured,
      coalesce(l.voided, 0)::numeric(16, 2)::text AS voided, coalesce(l.refunded, 0)::numeric(16, 2)::text AS refunded
    FROM payments p CROSS JOIN LATERAL (${moneyOf('p.order_id')}) l
    WHERE ${inRange('p.order_id', range)} AND coalesce(p.gateway, ${name}) = ${name}`);
  return new Map(rows.map((row) => [row.order_id, row]));
}

function compare(
  before: Map<string, OwnPayment>,
  own: Map<string, OwnPayment>,
  booked: Map<string, BookedPayment[]>,
  all: Comparison,
): void {
  for (const subject of new Set([...own.keys(), ...booked.keys()])) {
    const [ours, theirs] = [own.get(subject), booked.get(subject) ?? []];
    all.judged++;
    const doubled = doubles(theirs);
    if (doubled) {
      all.findings.push({ verdict: 'violation', subject, problem: doubled });
      continue;
    }
    const problem = difference(ours, theirs);
    if (!problem) continue;
    const moving = ours?.working || JSON.stringify(ours) !== JSON.stringify(before.get(subject));
    if (moving) all.underWay++;
    else all.findings.push(judged(ours, subject, problem));
  }
}

/** A person's word stands beside the gateway's: money may have gone another way. */
function judged(ours: OwnPayment | undefined, subject: string, problem: string): Finding {
  if (problem.startsWith(IN_PART)) return { verdict: 'warning', subject, problem };
  if (ours?.settled_by)
    return { verdict: 'warning', subject, problem: `${problem}; it was settled by ${ours.settled_by}` };
  return { verdict: ours?.state === 'REVIEW' ? 'warning' : 'violation', subject, problem };
}

const holdsMoney = ({ authorized_amount }: BookedPayment) => new Decimal(authorized_amount).gt(0);

const IN_PART = 'was refunded in part at the gateway';

/** What no order may have at the gateway, whatever is under way. */
function doubles(theirs: readonly BookedPayment[]): string | undefined {
  const ids = theirs.map(({ id }) => id).join(', ');
  for (const done of ['authorizations', 'captures'] as const) {
    const times = theirs.reduce((sum, payment) => sum + payment[done], 0);
    if (times > 1) return `has ${times} ${done} at the gateway: ${ids}`;
  }
  // One payment may be refunded in parts: by somebody at the gateway's desk, and what was left by us.
  const refunded = theirs.filter(({ refunds }) => refunds > 0);
  const tooMuch = refunded.some((one) => new Decimal(one.refunded_amount).gt(one.captured_amount));
  return refunded.length > 1 || tooMuch ? `is refunded more than once at the gateway: ${ids}` : undefined;
}

function difference(ours: OwnPayment | undefined, theirs: readonly BookedPayment[]): string | undefined {
  const stranger = theirs.find((one) => holdsMoney(one) && one.id !== ours?.gateway_reference);
  if (stranger)
    return `${stranger.id} is ${stranger.status} at the gateway with ${stranger.authorized_amount} ${stranger.currency}, and is not a payment of ours`;
  if (!ours?.gateway_reference)
    return ours && hasMoney(ours)
      ? `is ${inOurs(ours)} here, and was never opened at the gateway`
      : undefined;
  const [reference, same] = [ours.gateway_reference, theirs.find(({ id }) => id === ours.gateway_reference)];
  if (!same) return `is ${inOurs(ours)} here as ${reference}, which the gateway does not have`;
  const there = {
    authorized: same.authorized_amount,
    captured: same.captured_amount,
    voided: same.status === 'voided' ? same.authorized_amount : '0.00',
    refunded: same.refunded_amount,
  };
  const amounts = ['authorized', 'captured', 'voided', 'refunded'] as const;
  const differs = amounts.find((kind) => !new Decimal(ours[kind]).eq(there[kind]));
  if (differs === 'refunded' && same.status === 'captured' && ours.state === 'CAPTURED')
    return `${IN_PART}: ${there.refunded} of ${there.captured} ${same.currency}, as ${reference}; a cancellation returns what is left`;
  if (differs)
    return `is ${ours.state} with ${ours[differs]} ${differs} here, and ${same.status} with ${there[differs]} ${differs} at the gateway as ${reference}`;
  return holdsMoney(same) && same.currency !== ours.currency
    ? `is paid in ${same.currency} at the gateway, and in ${ours.currency} here`
    : undefined;
}

const hasMoney = ({ authorized, captured }: OwnPayment) =>
  new Decimal(authorized).gt(0) || new Decimal(captured).gt(0);
const inOurs = ({ state, authorized }: OwnPayment) => `${state} with ${authorized} authorized`;
