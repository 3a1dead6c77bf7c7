import type { Account, ErrorBody, Operation, Payment } from './payment';
import { sortedPosition } from './sorted-position';

/** One request that came in about a payment, as it is shown. */
export interface RequestRecord {
  at: string;
  operation: Operation;
  idempotency_key: string;
  order_id: string;
  /** The simulator's id of the payment; null where nothing was opened. */
  payment: string | null;
  /** A test token, or `(masked)`. */
  token?: string;
  amount?: string;
  currency?: string;
  /** The stored answer to an earlier request with the same key. */
  replayed: boolean;
  outcome: 'done' | 'declined' | 'refused' | 'not_done';
  /** Of the answer, or of the one that was kept from the caller; null where there was none to give. */
  status: number | null;
  code: string | null;
  /** What the caller got: the answer; a broken connection; nothing; a 500. */
  answer: 'answered' | 'dropped' | 'hung' | 'failed';
}

export interface StoredAnswer {
  key: string;
  /** Of the request that it answers. */
  fingerprint: string;
  status: number;
  body: Payment | ErrorBody;
}

/** Everything that one request has changed: a line of the journal. */
export interface Step {
  request: RequestRecord;
  account?: Account;
  answer?: StoredAnswer;
}

/** All that the simulator knows, in memory: the sum of its steps. */
export class Book {
  private readonly accounts = new Map<string, Account>();
  private readonly answers = new Map<string, StoredAnswer>();
  /** Payments and requests of each order, oldest first. */
  private readonly orders = new Map<string, { payments: string[]; requests: RequestRecord[] }>();
  private readonly sortedOrders: string[] = [];
  private readonly paymentsByAge: string[] = [];
  private readonly doubled = new Set<string>();

  apply({ request, account, answer }: Step): void {
    const order = this.orderOf(request.order_id);
    order.requests.push(request);
    if (answer) this.answers.set(answer.key, answer);
    if (!account) return;
    const { id } = account.payment;
    if (!this.accounts.has(id)) {
      order.payments.push(id);
      this.paymentsByAge.push(id);
    }
    this.accounts.set(id, account);
    if (isDoubled(this.paymentsOf(request.order_id))) this.doubled.add(request.order_id);
  }

  get paymentCount(): number {
    return this.accounts.size;
  }

  account(id: string): Account | undefined {
    return this.accounts.get(id);
  }

  answerTo(key: string): StoredAnswer | undefined {
    return this.answers.get(key);
  }

  paymentsOf(orderId: string): Payment[] {
    const ids = this.orders.get(orderId)?.payments ?? [];
    return ids.map((id) => this.accounts.get(id)!.payment);
  }

  requestsOf(orderId: string): RequestRecord[] {
    return this.orders.get(orderId)?.requests ?? [];
  }

  newest(count: number): Payment[] {
    return this.paymentsByAge
      .slice(-count)
      .reverse()
      .map((id) => this.accounts.get(id)!.payment);
  }

  /** Orders with more than one authorisation, capture or refund. */
  get doubledOrders(): ReadonlySet<string> {
    return this.doubled;
  }

  /**
   * Payments by the order of their order ids, all those of one order together.
   * @param limit orders at most
   * @returns also the `after` of the next page; null when this is the last
   */
  page(range: { after?: string; upTo?: string; limit: number }): {
    payments: Payment[];
    next: string | null;
  } {
    const from = range.after === undefined ? 0 : sortedPosition(this.sortedOrders, range.after, 'after');
    const end =
      range.upTo === undefined
        ? this.sortedOrders.length
        : sortedPosition(this.sortedOrders, range.upTo, 'after');
    const ids = this.sortedOrders.slice(from, Math.min(end, from + range.limit));
    return {
      payments: ids.flatMap((id) => this.paymentsOf(id)),
      next: from + ids.length < end ? (ids.at(-1) ?? null) : null,
    };
  }

  private orderOf(id: string) {
    const known = this.orders.get(id);
    if (known) return known;
    const order = { payments: [], requests: [] };
    this.orders.set(id, order);
    // UUIDv7: nearly always at the end.
    this.sortedOrders.splice(sortedPosition(this.sortedOrders, id, 'before'), 0, id);
    return order;
  }
}

function isDoubled(payments: Payment[]): boolean {
  const sum = (of: 'authorizations' | 'captures') =>
    payments.reduce((total, payment) => total + payment[of], 0);
  // Refunds of one payment may come in parts; together they are never more than was captured.
  const refunded = payments.filter(({ refunds }) => refunds > 0).length;
  return sum('authorizations') > 1 || sum('captures') > 1 || refunded > 1;
}
