import type { Reply } from './api-client';
import type { Payment } from './card-tokens';

export interface OrderLine {
  itemId: string;
  quantity: number;
}

export type StaffStatus = 'OUT_FOR_DELIVERY' | 'DELIVERED';
/** What became of something asked for: known to be done, known not to be, or neither. */
export type Outcome = 'done' | 'refused' | 'unknown';

/** What one client has asked for and been told: all that it may hold the mesh to. */
export interface OrderRecord {
  /** The client's own name, `customer_id` of the order: by it an order is found whose answer was lost. */
  key: string;
  lines: OrderLine[];
  /** Lines that a draft may have got instead, by a change without an answer. */
  perhaps: OrderLine[][];
  payment: Payment;
  /** Made as a DRAFT, and placed only if it is approved. */
  draft: boolean;
  /** Of the `POST /orders`, whichever of both it made. */
  placing: Outcome | 'pending';
  /** How many orders there may be: one for each request that was not certainly refused. */
  mayExist: number;
  /** From the 202 or 201. */
  orderId?: string;
  approving?: Outcome;
  cancelling?: Outcome;
  /** Changes of a draft's lines that were done. */
  changes: number;
  moves: Partial<Record<StaffStatus, Outcome>>;
}

/** What an answer says of a request. 503 promises nothing: the database may have been lost after its commit. */
export function outcomeOf(reply: Reply): Outcome {
  if (reply.kind === 'not-sent') return 'refused';
  if (reply.kind === 'unknown' || reply.status >= 500) return 'unknown';
  return reply.status < 300 ? 'done' : 'refused';
}

/** The books of all clients of a run. */
export class OrderBooks {
  readonly orders: OrderRecord[] = [];
  /** Answers that no client should ever get, whatever is broken. */
  readonly improper: string[] = [];

  open(key: string, lines: OrderLine[], payment: Payment, draft: boolean): OrderRecord {
    const order: OrderRecord = {
      key,
      lines,
      perhaps: [],
      payment,
      draft,
      placing: 'pending',
      mayExist: 0,
      changes: 0,
      moves: {},
    };
    this.orders.push(order);
    return order;
  }

  /** Enters the reply to a `POST /orders`. */
  placed(order: OrderRecord, reply: Reply): Outcome {
    const [status, becomes] = order.draft ? [201, 'DRAFT'] : [202, 'PLACED'];
    this.note('POST /orders', reply, [status]);
    const outcome = outcomeOf(reply);
    order.placing = outcome;
    if (outcome !== 'refused') order.mayExist += 1;
    if (reply.kind === 'answer' && outcome === 'done') {
      order.orderId = String(reply.body.order_id);
      if (reply.body.status !== becomes)
        this.improper.push(`POST /orders answered ${status} and ${String(reply.body.status)}`);
    }
    return outcome;
  }

  /**
   * Enters the reply to a change of a draft's lines. One without an answer may overtake a later one.
   * @param alone whether nothing else was asked of the draft until then: it cannot be refused
   */
  changed(order: OrderRecord, lines: OrderLine[], reply: Reply, alone: boolean): Outcome {
    this.note('PUT /orders/{id}/items', reply, alone ? [200] : [200, 409]);
    const outcome = outcomeOf(reply);
    if (outcome === 'unknown') order.perhaps.push(lines);
    if (outcome === 'done') {
      order.lines = lines;
      order.changes += 1;
    }
    return outcome;
  }

  /** Enters the reply to an approval. One that was not sent was not refused by anybody. */
  approved(order: OrderRecord, reply: Reply): Outcome {
    this.note('POST /orders/{id}/approve', reply, [202, 409]);
    const outcome = outcomeOf(reply);
    if (reply.kind !== 'not-sent') order.approving = later(order.approving, outcome);
    return outcome;
  }

  /** Enters the reply to a cancellation; one that once was unknown may have been done, whatever comes later. */
  cancelled(order: OrderRecord, reply: Reply): Outcome {
    this.note('POST /orders/{id}/cancel', reply, [200, 409]);
    const outcome = outcomeOf(reply);
    order.cancelling = later(order.cancelling, outcome);
    return outcome;
  }

  moved(order: OrderRecord, to: StaffStatus, reply: Reply): Outcome {
    this.note('PATCH /orders/{id}/status', reply, [200, 409]);
    const outcome = outcomeOf(reply);
    order.moves[to] = later(order.moves[to], outcome);
    return outcome;
  }

  /** Whatever is broken: no 5xx but 503, and to a request that is in order nothing but what belongs to it. */
  note(what: string, reply: Reply, proper: readonly number[]): void {
    if (reply.kind !== 'answer' || reply.status === 503 || proper.includes(reply.status)) return;
    this.improper.push(`${what} answered ${reply.status}: ${JSON.stringify(reply.body).slice(0, 300)}`);
  }

  /** Of orders that were placed at once, not of drafts. */
  count(outcome: OrderRecord['placing']): number {
    return this.orders.filter(({ draft, placing }) => !draft && placing === outcome).length;
  }

  /** Drafts that were made, and what is known to have become of them. */
  countDrafts(): { made: number; changes: number; approved: number; perhaps_approved: number } {
    const made = this.orders.filter(({ draft, placing }) => draft && placing === 'done');
    const approving = (outcome: Outcome) => made.filter((order) => order.approving === outcome).length;
    return {
      made: made.length,
      changes: made.reduce((sum, { changes }) => sum + changes, 0),
      approved: approving('done'),
      perhaps_approved: approving('unknown'),
    };
  }
}

/** Of several requests for the same: one that was done is done; one that may have been, stays so. */
function later(before: Outcome | undefined, now: Outcome): Outcome {
  if (before === 'done' || now === 'done') return 'done';
  return before === 'unknown' ? 'unknown' : now;
}
